"""A thread of the parent that copies the records once a day and notes their newest row; nobody ever waits for it.

The copy is made by a reader beside the one writer (VACUUM INTO), after everything else on the computer, and takes the
place of the one before when it is whole. It reads every page: damage that the start did not look for is found here.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Self

from station.reporting.pace import come_last
from station.store_reader import open_reader
from station.store_repair import copy_of, remember_newest

_log = logging.getLogger(__name__)
_TURN_S = 5.0
_FIRST_S = 300.0
_DAY_S = 86_400.0
_SPARE_BYTES = 1_000_000_000


def copy_records(path: Path) -> None:
    """Raises sqlite3.Error and OSError; the copy before stays until the new one is on the disk."""
    draft = copy_of(path).with_name(copy_of(path).name + ".new")
    draft.unlink(missing_ok=True)
    with closing(open_reader(path)) as reader:
        reader.execute("VACUUM INTO ?", (str(draft),))
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.replace(copy_of(path))


def _running_s() -> float:
    return time.monotonic()  # noqa: TID251 - the thread's own time


class CopyWatch:
    """From entering to leaving. ``trouble`` is a sentence when there is no fresh copy, else None."""

    def __init__(self, records: Path, now_s: Callable[[], float] = _running_s) -> None:
        self._records = records
        self._now_s = now_s
        self._due_s = now_s() + (_FIRST_S if _is_old(copy_of(records)) else _DAY_S)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="copies", daemon=True)
        self.trouble: str | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def turn(self) -> None:
        """Note the newest row; copy when that is due."""
        try:
            remember_newest(self._records)
            if self._now_s() >= self._due_s:
                self._due_s = self._now_s() + _DAY_S
                self._copy()
        except (sqlite3.Error, OSError) as error:
            self._tell(f"The records cannot be copied ({error}). If they are damaged, a restart restores them.")

    def _follow(self) -> None:
        come_last()
        while not self._ending.wait(_TURN_S):
            self.turn()
        self.turn()

    def _copy(self) -> None:
        size, free = self._records.stat().st_size, shutil.disk_usage(self._records.parent).free
        if free < size + _SPARE_BYTES:
            self._tell(f"There is no room for a copy of the records: {free >> 20} MB free, {size >> 20} MB needed.")
            return
        copy_records(self._records)
        self.trouble = None

    def _tell(self, sentence: str) -> None:
        if sentence != self.trouble:
            _log.warning(sentence)
        self.trouble = sentence


def _is_old(copy: Path) -> bool:
    return not copy.exists() or not 0 <= time.time() - copy.stat().st_mtime < _DAY_S  # noqa: TID251 - a file's age
