"""Looking for pieces in the record store: by class, outlet, outcome, confidence and time, newest first."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from station.store_reader import open_reader

_MOST_LOOKED_AT = 1_000_000
# A piece is counted in the interval in which its record came: a minute more on either side is enough.
_UTC = "strftime('%Y-%m-%dT%H:%M:%fZ', ({at} + utc_offset_ns) / 1e9 {more}, 'unixepoch')"
_SPANS = "intervals WHERE kind = 'interval' AND " + _UTC.format(at="to_ns", more="+ 60")
_FROMS = "intervals WHERE kind = 'interval' AND " + _UTC.format(at="from_ns", more="- 60")
_OPEN = "open_interval WHERE " + _UTC.format(at="from_ns", more="- 60")
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


class FoundPieces(NamedTuple):
    """Newest first; ``before`` is where to look on for older ones, None when there are none."""

    pieces: tuple[FoundPiece, ...]
    before: int | None


def find_pieces(path: Path, wanted: Wanted, rest_outlet: str, limit: int) -> FoundPieces:
    """At most ``limit``, out of at most a million records at once. Raises sqlite3.Error when they cannot be read."""
    asked: list[tuple[str, object]] = [("confidence >= ?", wanted.least_confidence - 1e-9)]
    asked += [("confidence <= ?", wanted.most_confidence + 1e-9)]
    asked += [(f"{column} = ?", value) for column, value in _equal(wanted) if value is not None]
    asked += [] if wanted.from_utc is None else [("closed_utc >= ?", wanted.from_utc)]
    asked += [] if wanted.to_utc is None else [("closed_utc < ?", wanted.to_utc)]
    with closing(open_reader(path)) as reader:
        lowest, highest = _bounds(reader, wanted)
        floor = max(lowest, highest - _MOST_LOOKED_AT)
        asked += [("seq > ?", floor), ("seq <= ?", highest)]
        where = [clause for clause, _ in asked]
        if wanted.outlet is not None:
            where.append(_REST if wanted.outlet == rest_outlet else "(outcome = 'ejected' AND outlet = ?)")
            asked += [] if wanted.outlet == rest_outlet else [("", wanted.outlet)]
        query = (
            "SELECT seq, closed_utc, label, confidence, CASE WHEN outcome = 'ejected' THEN outlet END, outcome,"
            f" outcome_reason FROM closed_pieces WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
        )
        rows = reader.execute(query, (*(value for _, value in asked), limit)).fetchall()
    pieces = tuple(FoundPiece(*row) for row in rows)
    if len(pieces) == limit:
        return FoundPieces(pieces, pieces[-1].seq)
    return FoundPieces(pieces, floor + 1 if floor > lowest else None)


def _equal(wanted: Wanted) -> tuple[tuple[str, object], ...]:
    return ("label", wanted.label), ("outcome", wanted.outcome)


def _bounds(reader: sqlite3.Connection, wanted: Wanted) -> tuple[int, int]:
    """Between which numbers to look: the report's intervals know roughly which pieces closed when."""
    (newest,) = reader.execute("SELECT coalesce(max(seq), 0) FROM pieces").fetchone()
    highest = newest if wanted.before is None else min(newest, wanted.before - 1)
    (lowest,) = reader.execute("SELECT coalesce(min(seq), 1) - 1 FROM pieces").fetchone()
    if wanted.from_utc is not None:
        (after,) = reader.execute(f"SELECT min(after_piece) FROM {_SPANS} > ?", (wanted.from_utc,)).fetchone()
        (opened,) = reader.execute("SELECT after_piece FROM open_interval").fetchone()
        lowest = max(lowest, opened if after is None else min(after, opened))
    if wanted.to_utc is not None:
        (last,) = reader.execute(f"SELECT max(last_piece) FROM {_FROMS} < ?", (wanted.to_utc,)).fetchone()
        (begins,) = reader.execute(f"SELECT count(*) FROM {_OPEN} < ?", (wanted.to_utc,)).fetchone()
        highest = highest if begins else min(highest, last or lowest)
    return lowest, max(highest, lowest)


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
