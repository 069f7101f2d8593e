"""Counting everything again from the piece records: rows, totals and chain have to say the same, or where not.

Details that were trimmed cannot be counted again; their rows are still checked against hash, chain and totals.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from station.reporting.context import hear
from station.reporting.counting import Span, tally, times
from station.reporting.row import Count, IntervalRow, RowError, RowKind, parse, verify_chain
from station.store_gap import restorations
from station.store_reader import open_reader

_TOLERANCE_G = 0.0015
_MG_PER_G = 1000
_Key = tuple[str, str, str, str, str]


class Recounted(NamedTuple):
    """``difference`` is the first one found, in words; None when everything agrees. ``trimmed`` rows have lost their
    details; ``open_pieces`` are counted in no row yet; ``restored`` says what a damaged database lost, each time."""

    rows: int
    pieces: int
    open_pieces: int
    trimmed: int
    difference: str | None
    restored: tuple[str, ...] = ()


class _Kept(NamedTuple):
    row: IntervalRow
    context: str
    span: Span


def recount(records: Path) -> Recounted:
    """Count the database again, read-only; raises sqlite3.Error when it cannot be read."""
    with closing(open_reader(records)) as connection:
        connection.execute("BEGIN")  # one view of everything, while the station goes on
        return _recount(connection)


def _recount(connection: sqlite3.Connection) -> Recounted:
    first_piece = int(connection.execute("SELECT coalesce(min(seq), 0) FROM pieces").fetchone()[0])
    rows = pieces = trimmed = 0
    difference: str | None = None
    reached: int | None = None
    before: IntervalRow | None = None
    try:
        for kept in _rows(connection):
            rows += 1
            if before is not None and kept.row.epoch == before.epoch:
                verify_chain([kept.row], after=before)
            before = kept.row
            if kept.row.kind is not RowKind.interval:
                continue
            pieces += sum(count.pieces for count in kept.row.counts)
            difference = difference or _gap(kept, reached)
            reached = kept.span.last_piece
            has_details = kept.span.after_piece + 1 >= first_piece > 0 or not kept.row.counts
            trimmed += not has_details
            if has_details:
                difference = difference or _compare(connection, kept)
    except RowError as error:
        difference = difference or str(error)
    left = connection.execute("SELECT count(*) FROM pieces WHERE seq > ?", (reached or 0,)).fetchone()[0]
    difference = difference or _open_difference(connection, reached) or _totals_difference(connection)
    return Recounted(rows, pieces, int(left), trimmed, difference, restorations(connection))


def _gap(kept: _Kept, reached: int | None) -> str | None:
    """Every piece lies in exactly one row when each row begins where the one before it ended."""
    if reached is None or kept.span.after_piece == reached:
        return None
    return f"row {kept.row.sequence} begins after piece {kept.span.after_piece}, the one before ends at {reached}"


def _open_difference(connection: sqlite3.Connection, reached: int | None) -> str | None:
    after = int(connection.execute("SELECT after_piece FROM open_interval").fetchone()[0])
    if reached is None or after == reached:
        return None
    return f"the open interval begins after piece {after}, the last row ends at {reached}"


def _compare(connection: sqlite3.Connection, kept: _Kept) -> str | None:
    """The first difference of one row, or None."""
    context = hear(kept.context)
    found = tuple(each.count() for each in tally(connection, kept.span, context.rest_outlet, context.factor_sd))
    said = {(each.class_id, each.outlet, each.outcome): each for each in kept.row.counts}
    true = {(each.class_id, each.outlet, each.outcome): each for each in found}
    for key in sorted(said.keys() | true.keys()):
        if not _agree(said.get(key), true.get(key)):
            words = f"{_words(said.get(key))}, records say {_words(true.get(key))}"
            return f"row {kept.row.sequence}: {' '.join(key)}: {words}"
    lasted = times(connection, kept.span)
    if lasted.states != kept.row.states or lasted.downtime != kept.row.downtime:
        return f"row {kept.row.sequence}: its times of states or downtime are not those of the records"
    return None


def _agree(said: Count | None, true: Count | None) -> bool:
    if said is None or true is None:
        return said is true
    near = abs(said.grams_sd - true.grams_sd) + abs(said.grams_sd_common - true.grams_sd_common)
    return (said.pieces, said.grams) == (true.pieces, true.grams) and near < 2 * _TOLERANCE_G


def _words(count: Count | None) -> str:
    return "nothing" if count is None else f"{count.pieces} pieces of {count.grams:g} g"


def _totals_difference(connection: sqlite3.Connection) -> str | None:
    """Totals against the rows that are still there: no total may be less, and with all rows there they are equal."""
    whole = connection.execute("SELECT min(sequence) = 1 FROM intervals GROUP BY epoch_id").fetchall()
    from_rows: Counter[_Key] = Counter()
    mass_mg: Counter[_Key] = Counter()
    for kept in _rows(connection):
        for count in kept.row.counts:
            key = (kept.row.from_utc[:10], kept.row.batch or "", count.class_id, count.outlet, count.outcome)
            from_rows[key] += count.pieces
            mass_mg[key] += round(count.grams * _MG_PER_G)
    totals = {
        (row[0], row[1], row[2], row[3], row[4]): (row[5], row[6])
        for row in connection.execute("SELECT day, batch, class_id, outlet, outcome, pieces, mass_mg FROM totals")
    }
    is_whole = all(found[0] for found in whole)
    for key in sorted(from_rows.keys() | totals.keys()):
        pieces, mg = totals.get(key, (0, 0))
        wrong = (pieces, mg) != (from_rows[key], mass_mg[key]) if is_whole else pieces < from_rows[key]
        if wrong:
            return f"totals of {' '.join(filter(None, key))}: {pieces} pieces, rows say {from_rows[key]}"
    return None


def _rows(connection: sqlite3.Connection) -> list[_Kept]:
    found = connection.execute(
        "SELECT intervals.told, contexts.told, run_id, from_ns, to_ns, after_piece, last_piece"
        " FROM intervals JOIN contexts ON contexts.id = context_id ORDER BY epoch_id, sequence"
    )
    return [_Kept(parse(row), context, Span(*span)) for row, context, *span in found]


def in_words(found: Recounted) -> str:
    """One or two lines for a person."""
    counted = f"{found.rows} rows count {found.pieces} pieces; {found.open_pieces} are not in a row yet"
    trimmed = f"; {found.trimmed} rows have lost their details to the trim" if found.trimmed else ""
    restored = "".join(f" The database was restored: {told}" for told in found.restored)
    if found.difference is None:
        return f"{counted}{trimmed}. Records, rows, chain and totals agree.{restored}"
    return f"{counted}{trimmed}. FIRST DIFFERENCE: {found.difference}.{restored}"


def as_json(found: Recounted) -> str:
    """For programs."""
    return json.dumps(found._asdict())
