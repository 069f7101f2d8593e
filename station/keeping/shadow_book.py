"""How a candidate and the running model differ: every pair of opinions counted, every difference kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Self

from station.keeping.opinion import Opinion

_MOST_KEPT = 100_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (
    model TEXT NOT NULL, candidate TEXT NOT NULL, label TEXT NOT NULL, candidate_label TEXT NOT NULL,
    pieces INTEGER NOT NULL, confidence REAL NOT NULL, candidate_confidence REAL NOT NULL,
    PRIMARY KEY (model, candidate, label, candidate_label)
) STRICT;
CREATE TABLE IF NOT EXISTS differences (
    seq INTEGER PRIMARY KEY, run TEXT NOT NULL, piece_id INTEGER NOT NULL, closed_utc TEXT NOT NULL,
    model TEXT NOT NULL, candidate TEXT NOT NULL, label TEXT NOT NULL, confidence REAL NOT NULL,
    candidate_label TEXT NOT NULL, candidate_confidence REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS skipped (
    model TEXT NOT NULL, candidate TEXT NOT NULL, pieces INTEGER NOT NULL, PRIMARY KEY (model, candidate)
) STRICT;
"""


class Compared(NamedTuple):
    """One piece in the eyes of both; ``opinion`` None: the candidate had no time for it."""

    run: str
    piece_id: int
    closed_utc: str
    model: str
    candidate: str
    decided: Opinion
    opinion: Opinion | None


class PairCount(NamedTuple):
    """Pieces that the model called ``label`` and the candidate ``candidate_label``, with their mean confidences."""

    label: str
    candidate_label: str
    pieces: int
    confidence: float
    candidate_confidence: float


class Comparison(NamedTuple):
    """All that is known of one pair of models."""

    model: str
    candidate: str
    pieces: int
    agreed: int
    skipped: int
    pairs: tuple[PairCount, ...]


class ShadowBook:
    """The open database; one writer."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, compared: Iterable[Compared]) -> None:
        """Count them, keep those that differ, forget the oldest differences beyond a hundred thousand."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for piece in compared:
                self._note(piece)
            self._connection.execute(
                "DELETE FROM differences WHERE seq <= (SELECT max(seq) FROM differences) - ?", (_MOST_KEPT,)
            )
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _note(self, piece: Compared) -> None:
        names = (piece.model, piece.candidate)
        if piece.opinion is None:
            self._connection.execute(
                "INSERT INTO skipped VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET pieces = pieces + 1", names
            )
            return
        labels = (piece.decided.label, piece.opinion.label)
        confidences = (piece.decided.confidence, piece.opinion.confidence)
        self._connection.execute(
            "INSERT INTO pairs VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET pieces = pieces + 1,"
            " confidence = confidence + excluded.confidence,"
            " candidate_confidence = candidate_confidence + excluded.candidate_confidence",
            (*names, *labels, *confidences),
        )
        if labels[0] != labels[1]:
            self._connection.execute(
                "INSERT INTO differences (run, piece_id, closed_utc, model, candidate, label, confidence,"
                " candidate_label, candidate_confidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (piece.run, piece.piece_id, piece.closed_utc, *names, *piece.decided, *piece.opinion),
            )


def read_comparisons(path: Path) -> tuple[Comparison, ...]:
    """Every pair of models that was ever compared, the one with most pieces first; empty when there is no file."""
    if not path.exists():
        return ()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
        rows = connection.execute(
            "SELECT model, candidate, label, candidate_label, pieces, confidence / pieces,"
            " candidate_confidence / pieces FROM pairs ORDER BY pieces DESC"
        ).fetchall()
        skipped = {
            (model, candidate): pieces
            for model, candidate, pieces in connection.execute("SELECT model, candidate, pieces FROM skipped")
        }
    names = dict.fromkeys([*((row[0], row[1]) for row in rows), *skipped])
    found = [_comparison(name, [PairCount(*row[2:]) for row in rows if row[:2] == name], skipped) for name in names]
    return tuple(sorted(found, key=lambda comparison: -comparison.pieces))


def _comparison(name: tuple[str, str], pairs: list[PairCount], skipped: dict[tuple[str, str], int]) -> Comparison:
    pieces = sum(pair.pieces for pair in pairs)
    agreed = sum(pair.pieces for pair in pairs if pair.label == pair.candidate_label)
    return Comparison(*name, pieces, agreed, skipped.get(name, 0), tuple(pairs))
