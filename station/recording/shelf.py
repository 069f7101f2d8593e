"""The shelf: the folder of recordings, its bounded size, and how many days it lasts."""

from __future__ import annotations

import calendar
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".mcap"
RUN, INCIDENT = "run", "incident"
_TIME = "%Y%m%dT%H%M%SZ"
_DAY_S = 86_400
_NS = 1_000_000_000


class ShelfFull(Exception):  # noqa: N818 - a fact
    """There is no room for another recording; the text says what is missing."""


class Forecast(NamedTuple):
    """Days back that recordings will reach when the shelf is full, and days until the oldest has to go; None while the
    rate is unknown.
    """

    days_kept: float | None
    days_left: float | None


class Shelf:
    """Recordings in one folder, oldest removed first."""

    def __init__(self, folder: Path, max_bytes: int, min_free_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    @property
    def folder(self) -> Path:
        return self._folder

    def recordings(self) -> list[Path]:
        """Oldest first; names begin with the kind and the time, so the time decides."""
        return sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: (path.name.partition("-")[2], path.name))

    def used_bytes(self) -> int:
        return sum(map(_size, self.recordings()))

    def free_bytes(self) -> int:
        """Disk that recordings may still take."""
        return shutil.disk_usage(_existing(self._folder)).free - self._min_free_bytes

    def path_for(self, kind: str, utc_ns: int, word: str) -> Path:
        """A new file of this folder: ``run-20260131T235959Z-word.mcap``; never one that exists."""
        self._folder.mkdir(parents=True, exist_ok=True)
        stem = f"{kind}-{time.strftime(_TIME, time.gmtime(utc_ns // _NS))}-{word}"
        names = (f"{stem}{'' if n == 0 else f'-{n}'}{SUFFIX}" for n in range(10_000))
        return next(path for name in names if not (path := self._folder / name).exists())

    def rate(self) -> float:
        """Bytes per second of the newest run's recording, 0 when there is none; its name tells when it began."""
        runs = [path for path in self.recordings() if path.name.startswith(f"{RUN}-")]
        if not runs:
            return 0.0
        seconds = runs[-1].stat().st_mtime - _begun_s(runs[-1])
        return _size(runs[-1]) / seconds if seconds >= 1 else 0.0

    def make_room(self, busy: Iterable[Path]) -> None:
        """Remove the oldest recordings that are not ``busy`` until both bounds hold; raises ShelfFull."""
        spared = set(busy)
        removable = [path for path in self.recordings() if path not in spared]
        used = self.used_bytes()
        while used > self._max_bytes or self.free_bytes() < 0:
            if not removable:
                raise ShelfFull(self._complaint(used))
            oldest = removable.pop(0)
            used -= _size(oldest)
            oldest.unlink(missing_ok=True)

    def forecast(self, bytes_per_s: float) -> Forecast:
        """``bytes_per_s``: how fast runs are recorded. To it comes what incidents took of the days that lie here, of
        one day at least: a bad minute is not going to last all night.
        """
        if bytes_per_s <= 0:
            return Forecast(None, None)
        files = self.recordings()
        incidents = sum(_size(path) for path in files if path.name.startswith(f"{INCIDENT}-"))
        per_day = bytes_per_s * _DAY_S + incidents / max(1.0, _days_between(files))
        used = sum(map(_size, files))
        room = min(self._max_bytes - used, self.free_bytes())
        return Forecast((used + max(0, room)) / per_day, max(0, room) / per_day)

    def _complaint(self, used: int) -> str:
        if used > self._max_bytes:
            return f"recordings reached {self._max_bytes / 1e9:g} GB"
        return f"less than {self._min_free_bytes / 1e9:g} GB free on the disk"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _begun_s(path: Path) -> float:
    """UTC second in a recording's name; its last change when the name tells none."""
    try:
        return calendar.timegm(time.strptime(path.name.split("-")[1], _TIME))
    except (ValueError, IndexError):
        return _changed_s(path)


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _days_between(files: list[Path]) -> float:
    """From the beginning of the first recording to the last change of any."""
    if not files:
        return 0.0
    return (max(map(_changed_s, files)) - min(map(_begun_s, files))) / _DAY_S


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest of its parents that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
