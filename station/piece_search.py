"""Looking for pieces in the record store: by class, outlet, outcome, confidence and time, newest first."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from station.store_reader import open_reader

_REST = "(outcome != 'ejected' OR outlet IS NULL)"


class Wanted(NamedTuple):
    """What is looked for; None and empty ask for nothing. ``outlet`` is where the piece went, the rest outlet by its
    name; times are ISO 8601 UTC; ``before`` is a sequence number, for the next page."""

    label: str | None = None
    outlet: str | None = None
    outcome: str | None = None
    least_confidence: float = 0.0
    most_confidence: float = 1.0
    from_utc: str | None = None
    to_utc: str | None = None
    before: int | None = None


class FoundPiece(NamedTuple):
    """A row of a list."""

    seq: int
    closed_utc: str
    label: str
    confidence: float
    outlet: str | None
    outcome: str
    reason: str


class PieceStory(NamedTuple):
    """All that was recorded of one piece; ticks are belt ticks, ``outputs`` a list of output numbers."""

    seq: int
    run: str
    piece_id: int
    closed_utc: str
    at: int
    across_mm: float
    length_mm: float
    width_mm: float
    area_mm2: float
    touching: bool
    sightings: int
    looks: int
    scores: dict[str, float]
    label: str
    confidence: float
    decision_reason: str
    outlet: str | None
    open_tick: int | None
    close_tick: int | None
    outputs: tuple[int, ...]
    slack_ms: float | None
    shot_result: str | None
    shot_count: int | None
    outcome: str
    outcome_reason: str
    degraded: bool
    recipe: str
    model: str
    mass_g: float | None
    mass_sd_g: float | None


def find_pieces(path: Path, wanted: Wanted, rest_outlet: str, limit: int) -> tuple[FoundPiece, ...]:
    """Newest first. Raises sqlite3.Error when the store cannot be read."""
    asked: list[tuple[str, object]] = [("confidence >= ?", wanted.least_confidence - 1e-9)]
    asked += [("confidence <= ?", wanted.most_confidence + 1e-9)]
    for column, value in (("label = ?", wanted.label), ("outcome = ?", wanted.outcome), ("seq < ?", wanted.before)):
        asked += [] if value is None else [(column, value)]
    asked += [] if wanted.from_utc is None else [("closed_utc >= ?", wanted.from_utc)]
    asked += [] if wanted.to_utc is None else [("closed_utc < ?", wanted.to_utc)]
    where = [clause for clause, _ in asked]
    if wanted.outlet is not None:
        where.append(_REST if wanted.outlet == rest_outlet else "(outcome = 'ejected' AND outlet = ?)")
        asked += [] if wanted.outlet == rest_outlet else [("", wanted.outlet)]
    query = (
        "SELECT seq, closed_utc, label, confidence, CASE WHEN outcome = 'ejected' THEN outlet END, outcome,"
        f" outcome_reason FROM closed_pieces WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
    )
    with closing(open_reader(path)) as reader:
        rows = reader.execute(query, (*(value for _, value in asked), limit)).fetchall()
    return tuple(FoundPiece(*row) for row in rows)


def read_piece(path: Path, seq: int) -> PieceStory | None:
    """None when there is no such record (any more). Raises sqlite3.Error."""
    with closing(open_reader(path)) as reader:
        reader.row_factory = sqlite3.Row
        row = reader.execute(
            "SELECT closed_pieces.*, labels FROM closed_pieces JOIN runs ON uuid = run WHERE seq = ?", (seq,)
        ).fetchone()
    if row is None:
        return None
    told = {name: row[name] for name in PieceStory._fields if name in row.keys()}  # noqa: SIM118 - rows are no mappings
    outputs = int(row["outputs"], 16) if row["outputs"] else 0
    return PieceStory(
        **{
            **told,
            "width_mm": row["right_mm"] - row["left_mm"],
            "scores": dict(zip(json.loads(row["labels"]), json.loads(row["scores"]), strict=False)),
            "outputs": tuple(n for n in range(outputs.bit_length()) if outputs >> n & 1),
            "touching": bool(row["touching"]),
            "degraded": bool(row["degraded"]),
        }
    )
