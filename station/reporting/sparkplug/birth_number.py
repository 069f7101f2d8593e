"""The number of the next birth (bdSeq), kept in a small file so that it goes on where the last process ended."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)
_NUMBERS = 256


class BirthNumber:
    """One more at every CONNECT, 0 after 255. A number is on the disk before it is used, so that none is used twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used = _read(path)
        self._reserved: int | None = None

    def reserve(self) -> int:
        """The number of the CONNECT to come, the same until one was sent."""
        if self._reserved is None:
            self._reserved = 0 if self._used is None else (self._used + 1) % _NUMBERS
            self._write(self._reserved)
        return self._reserved

    def use(self) -> None:
        """A CONNECT with the reserved number was sent."""
        self._used, self._reserved = self.reserve(), None

    def _write(self, number: int) -> None:
        """A disk that does not take it costs only the order of numbers over a restart."""
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("w") as file:
                file.write(f"{number}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("the number of the next birth cannot be kept in %s: %s", self._path, error)
            with contextlib.suppress(OSError):
                fresh.unlink()


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text()) % _NUMBERS
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read (%s): births are numbered from 0 again", path, error)
        return None
