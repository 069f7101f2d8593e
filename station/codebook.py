"""The programme's codebook of material classes: names, families and what has to be done with each."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from station.config import ConfigError

CODEBOOK = Path(__file__).resolve().parents[1] / "configs" / "codebook.csv"
_STOPS = ("stop_alarm", "stop_isolate")
_EXAMPLES = re.compile(r"\s*[:：(（]")


class Material(NamedTuple):
    """One class. ``code`` is its line number in the codebook, sent to the controller with every shot."""

    id: str
    code: int
    name: str
    name_zh: str
    family: str
    action: str

    @property
    def stops(self) -> bool:
        """True when the line has to stop for it and a person removes it."""
        return self.action in _STOPS


def load_codebook(path: Path = CODEBOOK) -> Mapping[str, Material]:
    """Materials by class id; raises ConfigError when the file cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        return {row["class_id"]: _material(n, row) for n, row in enumerate(rows, start=1)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}  is not the codebook ({error}): restore it from the release") from error


def plain_name(name: str) -> str:
    """A name without its examples: ``Aluminium cast: housings, pistons`` -> ``Aluminium cast``."""
    return _EXAMPLES.split(name, maxsplit=1)[0].strip()


def _material(number: int, row: Mapping[str, str]) -> Material:
    return Material(row["class_id"], number, row["name_en"], row["name_zh"], row["family"], row["action"])
