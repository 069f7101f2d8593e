"""A record database with its one connection and no thread, for tests that need many."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from station.store_file import connect

_Made = TypeVar("_Made")


class Disk:
    """It never syncs: no power fails here."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = _connect(path)

    def change(self, work: Callable[[sqlite3.Connection], _Made], timeout_s: float = 5.0) -> _Made:
        self.connection.execute("BEGIN IMMEDIATE")
        made = work(self.connection)
        self.connection.execute("COMMIT")
        return made

    def restart(self) -> None:
        self.connection.close()
        self.connection = _connect(self.path)


def _connect(path: Path) -> sqlite3.Connection:
    connection = connect(path, 1.0)
    connection.execute("PRAGMA synchronous = OFF")
    return connection
