"""Where a station keeps what it learns beside the sorting."""

from __future__ import annotations

from pathlib import Path

from station.config import Config

CROPS = "crops"
SHADOW = "shadow.sqlite"


def data_folder(config: Config) -> Path:
    """Where the station keeps everything."""
    return config.resolve(config.file.station.data_folder)
