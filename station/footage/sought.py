"""A file somebody named: a recording as it is, or footage and station files played into one on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from station.config import ConfigError, load_config
from station.footage.station_file import STATION
from station.recording.reader import Recording, open_recording
from vision.types import FootageError

_RECORDING = ".mcap"


@contextmanager
def recording_of(path: Path, progress: Callable[[float], None] = lambda _share: None) -> Iterator[Recording]:
    """The recording of ``path``: an MCAP file, a footage folder with a ``station.yaml``, or a station file of footage.

    Raises FootageError, ConfigError or RecordingUnreadable with one sentence.
    """
    if path.suffix == _RECORDING:
        yield open_recording(path)
        return
    station = station_of(path)
    from station.offline import record_footage

    with tempfile.TemporaryDirectory(prefix="station-") as folder:
        played = Path(folder) / f"played{_RECORDING}"
        record_footage(load_config(station), played, progress)
        yield open_recording(played)


def station_of(path: Path) -> Path:
    """The station file that plays ``path``; raises FootageError when there is none."""
    if path.is_file() and path.suffix in {".yaml", ".yml"}:
        return path
    if (path / STATION).is_file():
        return path / STATION
    raise FootageError(
        f"{path} is no recording (.mcap), no station file and no footage folder with a {STATION}; "
        "make one with `station footage import`, or give the station file that plays this folder."
    )


def footage_behind(path: Path) -> Path:
    """What labels of ``path`` lie beside: the recording file, or the folder that is played."""
    if path.suffix == _RECORDING:
        return path
    config = load_config(station_of(path))
    camera = config.file.camera
    if camera.kind != "folder":
        raise ConfigError(f"{config.path}  camera.kind  only footage has labels: give a station that plays some")
    return config.resolve(camera.folder)
