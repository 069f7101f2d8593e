"""A change of the record database: work that the one writer does among the rows, in their transaction."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)
Made_co = TypeVar("Made_co", covariant=True)


class Change(Generic[Made_co]):
    """Work may be done again after a commit that failed, so it must not matter how often."""

    def __init__(self, work: Callable[[sqlite3.Connection], Made_co]) -> None:
        self._work = work
        self._made: list[Made_co] = []
        self._error: Exception | None = None
        self.settled = threading.Event()

    def do(self, connection: sqlite3.Connection) -> None:
        """What fails for another reason than the disk leaves nothing behind; disk errors are raised."""
        connection.execute("SAVEPOINT change")
        try:
            self._made = [self._work(connection)]
        except Exception as error:
            if _is_the_disks(error):
                raise
            _log.warning("a change of the records was not made: %s", error)
            self._error = error
            connection.execute("ROLLBACK TO change")
        connection.execute("RELEASE change")

    def result(self) -> Made_co:
        """What the work gave; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._made[0]


def _is_the_disks(error: Exception) -> bool:
    """A statement that is wrong is told by the same class as a disk that is full."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR
