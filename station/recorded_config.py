"""The settings a recording was made with, read back from the files attached to it."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from station.config import Config, ConfigError, load_config
from station.recording.layout import CALIBRATION_FILE, RECIPE_FILE, STATION_FILE
from station.recording.reader import Recording
from station.recording.words import RecordingUnreadable

_FILES = (STATION_FILE, CALIBRATION_FILE, RECIPE_FILE)


def recorded_config(recording: Recording, folder: Path) -> Config:
    """Station, calibration and recipe as they were, laid into ``folder``; other paths in them mean nothing here.

    Raises RecordingUnreadable when the files are missing or this version does not take them.
    """
    missing = [name for name in _FILES if name not in recording.attachments]
    if missing:
        raise RecordingUnreadable(f"{recording.path} lacks {', '.join(missing)}: it was made by something else.")
    for file in _FILES:
        (folder / file).write_bytes(recording.attachments[file].content)
    try:
        _rename_neighbours(folder / STATION_FILE)
        return load_config(folder / STATION_FILE)
    except (ConfigError, YAMLError, TypeError) as error:
        told = str(error).replace(f"{folder}/", "")
        raise RecordingUnreadable(f"{recording.path}: its settings cannot be used: {told}") from error


def _rename_neighbours(path: Path) -> None:
    """The station file names the others where they lay; here they lie beside it."""
    yaml = YAML(typ="rt")
    station = yaml.load(path.read_text(encoding="utf-8"))
    station["calibration"], station["recipe"] = CALIBRATION_FILE, RECIPE_FILE
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(station, file)
