"""Closing an interval inside the writer's transaction: count, seal, add to the totals, and open the next one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from station.reporting.context import ClockState, Context, hear, tell
from station.reporting.counting import Span, Tally, Times, tally, times
from station.reporting.row import (
    NO_PREVIOUS,
    Correction,
    Intake,
    IntervalRow,
    RowKind,
    encode,
    seal,
)

CUT_SHORT = "cut-short"
_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Next:
    """The interval that begins: of which run, when (monotonic), in which context, by which clock."""

    run: str
    from_ns: int
    context: Context
    utc_offset_ns: int
    clock: ClockState


@dataclass(frozen=True, slots=True)
class Close:
    """Close what is open at ``to_ns``; then ``following`` begins, or nothing. Each has a ``number`` of its own, one
    more than the last: that way it is done once, however often its transaction is tried."""

    number: int
    to_ns: int
    following: Next | None


@dataclass(frozen=True, slots=True)
class _Open:
    """What the database knows of the interval that is open."""

    run_id: int
    station: str
    is_simulated: bool
    context_id: int
    context: Context
    from_ns: int
    after_piece: int
    utc_offset_ns: int
    clock: ClockState


def last_number(connection: sqlite3.Connection) -> int:
    """The number of the last close that was done."""
    return int(connection.execute("SELECT number FROM open_interval").fetchone()[0])


def newest_piece(connection: sqlite3.Connection) -> int:
    """The last number a piece got, though it may have been trimmed since."""
    found = connection.execute("SELECT max(coalesce((SELECT max(seq) FROM pieces), 0), after_piece) FROM open_interval")
    return int(found.fetchone()[0])


def close_interval(connection: sqlite3.Connection, order: Close) -> None:
    """Done once for each number."""
    if order.number <= last_number(connection):
        return
    opened = _open(connection)
    if opened is not None:
        _close(connection, opened, order.to_ns, ())
    _begin(connection, order.number, order.following)


def recover(connection: sqlite3.Connection) -> None:
    """After a cut: what was left open is closed where its last record ends, and marked. A station with a new name
    begins a new epoch."""
    opened = _open(connection)
    if opened is not None:
        _close_where_it_ends(connection, opened)
    connection.execute(
        "INSERT INTO epochs (uuid, after_piece, cause) SELECT lower(hex(randomblob(16))), ?1, 'station renamed' WHERE"
        " (SELECT station FROM runs ORDER BY id DESC LIMIT 1) <> (SELECT station FROM intervals JOIN runs ON"
        " runs.id = run_id WHERE epoch_id = (SELECT max(id) FROM epochs) LIMIT 1)",
        (newest_piece(connection),),
    )


def _close_where_it_ends(connection: sqlite3.Connection, opened: _Open) -> None:
    last_ns = connection.execute(
        "SELECT max(coalesce((SELECT max(closed_ns) FROM pieces NOT INDEXED WHERE seq > ?2 AND run_id = ?1), 0),"
        " coalesce((SELECT max(at_ns) FROM moments WHERE run_id = ?1), 0), ?3)",
        (opened.run_id, opened.after_piece, opened.from_ns),
    ).fetchone()[0]
    _close(connection, opened, int(last_ns), (CUT_SHORT,))
    _begin(connection, last_number(connection), None)


def add_correction(connection: sqlite3.Connection, run: str, change_ns: int) -> None:
    """The clock was put right by ``change_ns``: say by how much the rows of this run that it had labelled are off."""
    epoch_id, sequence, _ = _last(connection)
    found = connection.execute(
        "SELECT min(sequence), max(sequence), max(context_id), max(to_ns), max(utc_offset_ns) FROM intervals"
        " WHERE epoch_id = ?1 AND run_id = (SELECT id FROM runs WHERE uuid = ?2) AND clock <> 'good'"
        " AND kind = 'interval' AND sequence >"
        " coalesce((SELECT max(sequence) FROM intervals WHERE epoch_id = ?1 AND kind = 'correction'), 0)",
        (epoch_id, run),
    ).fetchone()
    if found[0] is None:
        return
    first, last, context_id, at_ns, offset_ns = (int(value) for value in found)
    run_id, station, is_simulated = _run(connection, run)
    opened = _Open(
        run_id, station, is_simulated, context_id, _context(connection, context_id), at_ns, sequence,
        offset_ns + change_ns, ClockState.good,
    )  # fmt: skip
    row = _row(connection, opened, at_ns, RowKind.correction)
    _keep(connection, opened, replace(row, correction=Correction(first, last, change_ns // _NS_PER_MS)), None)


def utc(moment_ns: int) -> str:
    """ISO 8601 with milliseconds."""
    moment = datetime.fromtimestamp(moment_ns // _NS_PER_MS / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _close(connection: sqlite3.Connection, opened: _Open, to_ns: int, reasons: tuple[str, ...]) -> None:
    span = Span(opened.run_id, opened.from_ns, to_ns, opened.after_piece, newest_piece(connection))
    tallies = tally(connection, span, opened.context.rest_outlet, opened.context.factor_sd)
    found = times(connection, span)
    if not tallies and to_ns <= opened.from_ns:
        return
    row = _counted(_row(connection, opened, to_ns, RowKind.interval), tallies, found, reasons)
    _keep(connection, opened, row, span)
    add_totals(connection, row, tallies)


def _counted(row: IntervalRow, tallies: tuple[Tally, ...], found: Times, reasons: tuple[str, ...]) -> IntervalRow:
    degraded = tuple(found.faults.union(reasons))
    return replace(
        row,
        degraded=bool(degraded),
        degraded_reasons=degraded,
        states=found.states,
        downtime=found.downtime,
        counts=tuple(each.count() for each in tallies),
    )


def _row(connection: sqlite3.Connection, opened: _Open, to_ns: int, kind: RowKind) -> IntervalRow:
    """A row with everything but what it counts."""
    epoch_id, sequence, _ = _last(connection)
    epoch = str(connection.execute("SELECT uuid FROM epochs WHERE id = ?", (epoch_id,)).fetchone()[0])
    from_ns = opened.from_ns
    return IntervalRow(
        station=opened.station,
        epoch=epoch,
        sequence=sequence + 1,
        is_simulated=opened.is_simulated,
        kind=kind,
        from_utc=utc(from_ns + opened.utc_offset_ns),
        to_utc=utc(to_ns + opened.utc_offset_ns),
        seconds=max(to_ns // _NS_PER_MS - from_ns // _NS_PER_MS, 0) / 1000,
        clock_trusted=opened.clock is ClockState.good,
        batch=opened.context.batch,
        shift=opened.context.shift,
        recipe=opened.context.recipe,
        model=opened.context.model,
        calibration=opened.context.calibration,
        codebook=opened.context.codebook,
        software=opened.context.software,
        degraded=False,
    )


def _keep(connection: sqlite3.Connection, opened: _Open, row: IntervalRow, span: Span | None) -> None:
    """Into the outbox, behind the row before it. ``span`` None: it counts no piece."""
    epoch_id, _, previous = _last(connection)
    sealed = seal(row, previous)
    reach = (span.from_ns, span.to_ns) if span else (opened.from_ns, opened.from_ns)
    pieces = (span.after_piece, span.last_piece) if span else (opened.after_piece, opened.after_piece)
    connection.execute(
        "INSERT INTO intervals (epoch_id, sequence, kind, run_id, context_id, from_ns, to_ns, utc_offset_ns, clock,"
        " after_piece, last_piece, hash, told) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            epoch_id,
            sealed.sequence,
            sealed.kind.value,
            opened.run_id,
            opened.context_id,
            *reach,
            opened.utc_offset_ns,
            opened.clock.value,
            *pieces,
            sealed.hash,
            encode(sealed).decode(),
        ),
    )


def add_totals(connection: sqlite3.Connection, row: IntervalRow, tallies: tuple[Tally, ...]) -> None:
    """To the totals of its day and batch."""
    day, batch = row.from_utc[:10], row.batch or ""
    connection.executemany(
        "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " pieces = pieces + excluded.pieces, degraded = degraded + excluded.degraded,"
        " unweighed = unweighed + excluded.unweighed,"
        " mass_mg = mass_mg + excluded.mass_mg, own_g2 = own_g2 + excluded.own_g2,"
        " common_g = common_g + excluded.common_g",
        [
            (day, batch, each.class_id, each.outlet, each.outcome, each.pieces, each.pieces if row.degraded else 0,
             each.unweighed, each.mass_mg, each.own_g2, each.common_g)
            for each in tallies
        ],
    )  # fmt: skip


def _begin(connection: sqlite3.Connection, number: int, following: Next | None) -> None:
    last_piece = newest_piece(connection)
    if following is None:
        connection.execute("UPDATE open_interval SET number = ?, run_id = NULL, after_piece = ?", (number, last_piece))
        return
    run_id = _run(connection, following.run)[0]
    told = tell(_as_it_stands(connection, following.context))
    connection.execute("INSERT INTO contexts (told) VALUES (?) ON CONFLICT DO NOTHING", (told,))
    connection.execute(
        "UPDATE open_interval SET number = ?, run_id = ?, from_ns = ?, after_piece = ?, utc_offset_ns = ?, clock = ?,"
        " context_id = (SELECT id FROM contexts WHERE told = ?)",
        (number, run_id, following.from_ns, last_piece, following.utc_offset_ns, following.clock.value, told),
    )
    _tell_batches(connection)


def _as_it_stands(connection: sqlite3.Connection, context: Context) -> Context:
    """The batch that is open now, and the shift that a person named, which goes before the plan's."""
    batch = connection.execute("SELECT id FROM batches WHERE closed_utc IS NULL").fetchone()
    shift = connection.execute("SELECT told FROM standing WHERE name = 'shift'").fetchone()
    return replace(context, batch=batch[0] if batch else None, shift=shift[0] if shift else context.shift)


def _tell_batches(connection: sqlite3.Connection) -> None:
    """Batches that were opened or closed since the programme heard of them, one row each. No supplier leaves."""
    opened = _open(connection)
    found = connection.execute(
        "SELECT id, origin, material, weight_kg, weight_sd_kg, unu_key, opened_utc, closed_utc FROM batches"
        " WHERE is_told = 0 ORDER BY opened_utc"
    ).fetchall()
    for batch, *intake in found:
        assert opened is not None
        row = replace(_row(connection, opened, opened.from_ns, RowKind.batch), batch=batch, intake=Intake(*intake))
        _keep(connection, opened, row, None)
        connection.execute("UPDATE batches SET is_told = 1 WHERE id = ?", (batch,))


def _open(connection: sqlite3.Connection) -> _Open | None:
    found = connection.execute(
        "SELECT run_id, station, is_simulated, context_id, told, from_ns, after_piece, open_interval.utc_offset_ns,"
        " clock FROM open_interval JOIN runs ON runs.id = run_id JOIN contexts ON contexts.id = context_id"
    ).fetchone()
    if found is None:
        return None
    run_id, station, is_simulated, context_id, told, from_ns, after_piece, offset_ns, clock = found
    return _Open(
        run_id, station, bool(is_simulated), context_id, hear(told), from_ns, after_piece, offset_ns, ClockState(clock)
    )


def _run(connection: sqlite3.Connection, run: str) -> tuple[int, str, bool]:
    found = connection.execute("SELECT id, station, is_simulated FROM runs WHERE uuid = ?", (run,)).fetchone()
    return int(found[0]), str(found[1]), bool(found[2])


def _context(connection: sqlite3.Connection, context_id: int) -> Context:
    return hear(str(connection.execute("SELECT told FROM contexts WHERE id = ?", (context_id,)).fetchone()[0]))


def _last(connection: sqlite3.Connection) -> tuple[int, int, str]:
    """Epoch, sequence and hash of the newest row; zeros before the first of the epoch."""
    epoch_id = int(connection.execute("SELECT max(id) FROM epochs").fetchone()[0])
    found = connection.execute(
        "SELECT sequence, hash FROM intervals WHERE epoch_id = ? ORDER BY sequence DESC LIMIT 1", (epoch_id,)
    ).fetchone()
    return (epoch_id, 0, NO_PREVIOUS) if found is None else (epoch_id, int(found[0]), str(found[1]))
