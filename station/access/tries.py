"""How often somebody may guess: a wait that doubles with every failure, for a name and for an address."""

from __future__ import annotations

import sqlite3

SCHEMA = "CREATE TABLE tries (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, last_s REAL NOT NULL) STRICT;"
FREE_NAME = 5
FREE_ADDRESS = 20
_LONGEST_WAIT_S = 900.0
_FORGOTTEN_S = 3600.0


def wait_s(book: sqlite3.Connection, key: str, free: int, now_s: float) -> float:
    """Seconds until the next try is heard; 0 when it is heard now. After an hour without failures all is forgotten."""
    row: tuple[int, float] | None = book.execute("SELECT failures, last_s FROM tries WHERE key = ?", (key,)).fetchone()
    if row is None or row[0] < free:
        return 0.0
    failures, last_s = row
    return max(0.0, min(_LONGEST_WAIT_S, 2.0 ** min(failures - free, 20)) - max(0.0, now_s - last_s))


def note_failure(book: sqlite3.Connection, key: str, now_s: float) -> None:
    """One more."""
    book.execute("DELETE FROM tries WHERE last_s < ? OR last_s > ?", (now_s - _FORGOTTEN_S, now_s + _FORGOTTEN_S))
    book.execute(
        "INSERT INTO tries VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET failures = failures + 1, last_s = ?",
        (key, now_s, now_s),
    )


def forget(book: sqlite3.Connection, key: str) -> None:
    """It was right."""
    book.execute("DELETE FROM tries WHERE key = ?", (key,))
