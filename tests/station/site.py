"""A plant's folder of settings for tests: the project's own, with the data folder elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

from station.config import Config, load_config

PROJECT = Path(__file__).parents[2]


def site_config(folder: Path) -> Config:
    """The simulated line whose records lie in ``folder``."""
    configs = folder / "configs"
    shutil.copytree(PROJECT / "configs", configs, ignore=shutil.ignore_patterns(".last-good"), dirs_exist_ok=True)
    path = configs / "sim.yaml"
    path.write_text(path.read_text().replace("data_folder: ../data/sim", f"data_folder: {folder}"))
    return load_config(path)
