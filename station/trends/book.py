"""The trend book: sums and extremes of every minute, in a small database of its own beside the records.

It is bounded: after two days the minutes become quarters of an hour, after a quarter of a year they are gone. Nothing
depends on it; what is counted for the programme lies in the records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

BOOK = "trends.sqlite"
MINUTE_S = 60
_QUARTER_S = 900
_MINUTESKEPT_S = 2 * 86_400
KEPT_S = 92 * 86_400
_BUSY_S = 2.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS figures (
    series TEXT NOT NULL,
    at_s INTEGER NOT NULL,
    key TEXT NOT NULL,
    n REAL NOT NULL,
    total REAL NOT NULL,
    least REAL NOT NULL,
    most REAL NOT NULL,
    PRIMARY KEY (series, at_s, key)
) STRICT, WITHOUT ROWID;
"""
_ADD = (
    "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n,"
    " total = total + excluded.total, least = min(least, excluded.least), most = max(most, excluded.most)"
)
_SUMS = "sum(n), sum(total), min(least), max(most)"


class Series(StrEnum):
    """What is kept; each has keys of its own."""

    pieces = "pieces"
    sure = "sure"
    work = "work"
    slack = "slack"
    valve = "valve"
    camera = "camera"


class Figure(NamedTuple):
    """``n`` values that sum up to ``total``, and their extremes."""

    series: Series
    key: str
    n: float
    total: float
    least: float
    most: float


class Slot(NamedTuple):
    """The same for one stretch of a span."""

    n: float
    total: float
    least: float
    most: float


class TrendBook:
    """Every call opens the file for itself, from any thread. Raises sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, at_s: int, figures: Iterable[Figure]) -> None:
        """What was gathered in the minute that ``at_s`` (Unix time) lies in; old minutes are thinned out."""
        minute = at_s - at_s % MINUTE_S
        with self._open() as book:
            book.executemany(_ADD, [(series, minute, key, *sums) for series, key, *sums in figures])
            self._thin(book, minute)

    def read(self, series: Series, from_s: int, to_s: int, step_s: int) -> dict[str, dict[int, Slot]]:
        """By key, the slots of ``step_s`` counted from ``from_s`` that hold anything; empty while there is no book."""
        if not self._path.exists():
            return {}
        question = (
            f"SELECT key, (at_s - ?2) / ?4, {_SUMS} FROM figures WHERE series = ?1 AND at_s >= ?2 AND at_s < ?3"
            " GROUP BY 1, 2"
        )
        found: dict[str, dict[int, Slot]] = {}
        with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as book:
            for key, slot, *sums in book.execute(question, (series, from_s, to_s, step_s)):
                found.setdefault(key, {})[slot] = Slot(*sums)
        return found

    def _thin(self, book: sqlite3.Connection, now_s: int) -> None:
        """Whole quarters only, so that each is thinned once."""
        before = (now_s - _MINUTESKEPT_S) // _QUARTER_S * _QUARTER_S
        book.execute("DELETE FROM figures WHERE at_s < ?", (now_s - KEPT_S,))
        old = book.execute(
            f"SELECT series, at_s / {_QUARTER_S} * {_QUARTER_S}, key, {_SUMS} FROM figures"
            f" WHERE at_s < ?1 AND at_s >= ?1 - 86400 AND at_s % {_QUARTER_S} <> 0 GROUP BY 1, 2, 3",
            (before,),
        ).fetchall()
        if old:
            book.execute(
                f"DELETE FROM figures WHERE at_s < ?1 AND at_s >= ?1 - 86400 AND at_s % {_QUARTER_S} <> 0", (before,)
            )
            book.executemany(_ADD, old)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)) as book:
            book.execute("PRAGMA journal_mode = WAL")
            book.execute("PRAGMA synchronous = NORMAL")
            book.executescript(_SCHEMA)
            book.execute("BEGIN IMMEDIATE")
            yield book
            book.execute("COMMIT")
