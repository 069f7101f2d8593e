"""The station file beside footage, so that one more command shows what the station would do with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from station.config import load_config

STATION = "station.yaml"
_CALIBRATION = "calibration.yaml"
_HEAD = "# Written by `station footage`. See it sorted: station run {path}\n"


def write_station_file(
    folder: Path, template: Path, scale: Mapping[str, float | str | int], left_column_px: float
) -> Path:
    """``station.yaml`` and ``calibration.yaml`` in ``folder``, after the station file ``template``; its path.

    ``scale`` replaces keys of the calibration. Raises ConfigError when the result cannot be used.
    """
    yaml = YAML(typ="rt")
    station = yaml.load(template.read_text(encoding="utf-8"))
    calibration = yaml.load((template.parent / str(station["calibration"])).read_text(encoding="utf-8"))
    for key in ("recipe", "model"):
        station[key] = os.path.relpath(template.parent / str(station[key]), folder)
    station["calibration"] = _CALIBRATION
    station["camera"] = {"kind": "folder", "folder": "."}
    station["machine"] = {"kind": "memory"}
    station["station"]["data_folder"] = "data"
    station.pop("line", None)
    for key, value in {**scale, "left_column_px": left_column_px, "datum_row_px": 0.0}.items():
        calibration[key] = value
    path = folder / STATION
    _dump(yaml, station, path, _HEAD.format(path=path))
    _dump(yaml, calibration, folder / _CALIBRATION, "")
    load_config(path)
    return path


def _dump(yaml: YAML, tree: object, path: Path, head: str) -> None:
    text = StringIO()
    yaml.dump(tree, text)
    body = "".join(line for line in text.getvalue().splitlines(keepends=True) if not line.startswith(_HEAD[:20]))
    path.write_text(head + body, encoding="utf-8")
