"""The album: what the camera saw of every piece of the last while, so that a person can ask why it went there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

FILE = "album.sqlite"
_QUALITY = 85
_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (id INTEGER PRIMARY KEY, run TEXT NOT NULL, piece_id INTEGER NOT NULL,
    scores TEXT NOT NULL, jpeg BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS looks_of_a_piece ON looks (run, piece_id);
"""


class Seen(NamedTuple):
    """One look at a piece: a probability per label of the model, and the JPEG of what it was shown."""

    scores: tuple[float, ...]
    jpeg: bytes


class Remembered(NamedTuple):
    """A piece with its looks, oldest first: probabilities, and the crop, uint8 (height, width, 3) BGR."""

    run: str
    piece_id: int
    looks: Sequence[tuple[tuple[float, ...], NDArray[np.uint8]]]


class Album:
    """Bounded: the oldest looks go. It is a convenience, so it is written without waiting for the disk."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._book = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._book.execute("PRAGMA journal_mode = WAL")
        self._book.execute("PRAGMA synchronous = OFF")
        self._book.executescript(_SCHEMA)
        self._most_bytes = most_bytes
        self._bytes = int(self._book.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM looks").fetchone()[0])

    def add(self, pieces: Sequence[Remembered]) -> None:
        """All of them or none; the oldest go when it is too much. Raises sqlite3.Error, OSError."""
        rows = [
            (piece.run, piece.piece_id, json.dumps([round(share, 4) for share in scores]), _jpeg(crop))
            for piece in pieces
            for scores, crop in piece.looks
        ]
        with self._book:
            self._book.execute("BEGIN")
            self._book.executemany("INSERT INTO looks (run, piece_id, scores, jpeg) VALUES (?, ?, ?, ?)", rows)
            self._bytes += sum(len(row[3]) for row in rows)
            if self._bytes > self._most_bytes:
                self._trim()

    def close(self) -> None:
        self._book.close()

    def _trim(self) -> None:
        first, last = self._book.execute("SELECT min(id), max(id) FROM looks").fetchone()
        self._book.execute("DELETE FROM looks WHERE id < ?", (first + max(1, (last - first) // 10),))
        self._bytes = int(self._book.execute("SELECT coalesce(sum(length(jpeg)), 0) FROM looks").fetchone()[0])


def read_looks(path: Path, run: str, piece_id: int) -> tuple[Seen, ...]:
    """What is left of a piece's looks, oldest first; nothing when it is too long ago."""
    if not path.exists():
        return ()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as book:
        rows = book.execute(
            "SELECT scores, jpeg FROM looks WHERE run = ? AND piece_id = ? ORDER BY id", (run, piece_id)
        ).fetchall()
    return tuple(Seen(tuple(json.loads(scores)), jpeg) for scores, jpeg in rows)


def _jpeg(crop: NDArray[np.uint8]) -> bytes:
    ok, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise OSError("a crop could not be written as JPEG")
    return data.tobytes()
