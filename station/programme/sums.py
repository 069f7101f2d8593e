"""Adding rows up: totals by station, day, class, outlet and outcome; days; downtime. Simulated ones apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from station.programme.tables import batch_sums, days, downtime, is_sqlite, totals
from station.reporting.row import Count, IntervalRow, RowKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Key = tuple[str | bool, ...]
Values = Mapping[str, str | bool | int | float | bytes | None]


class Sums:
    """What a transaction adds to the sums; ``store`` writes it."""

    def __init__(self) -> None:
        self._totals: dict[_Key, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0])
        self._days: dict[_Key, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
        self._downtime: dict[_Key, list[float]] = defaultdict(lambda: [0])
        self._batches: dict[_Key, list[float]] = defaultdict(lambda: [0, 0, 0])

    def add(self, row: IntervalRow, day: str, sign: int = 1) -> None:
        """Count an interval row for ``day``; ``sign`` -1 takes it back."""
        if row.kind is not RowKind.interval:
            return
        place = (row.station, row.is_simulated, day)
        for count in row.counts:
            _grow(self._totals[(*place, count.class_id, count.outlet, count.outcome)], _amounts(count), sign)
        ms = round(row.seconds * 1000)
        _grow(self._days[place], (1, ms, ms if row.degraded else 0, 0 if row.clock_trusted else 1), sign)
        if row.batch is not None:
            pieces, mg = sum(count.pieces for count in row.counts), sum(round(c.grams * 1000) for c in row.counts)
            _grow(self._batches[(row.station, row.is_simulated, row.batch)], (pieces, mg, int(row.degraded)), sign)
        for pause in row.downtime:
            key = (*place, pause.state, pause.kind.value, pause.reason)
            _grow(self._downtime[key], (round(pause.seconds * 1000),), sign)

    def store(self, connection: Connection) -> None:
        for table, found in (
            (totals, self._totals),
            (days, self._days),
            (downtime, self._downtime),
            (batch_sums, self._batches),
        ):
            names = [column.name for column in table.columns]
            lines = [dict(zip(names, (*key, *amounts), strict=True)) for key, amounts in sorted(found.items())]
            if lines:
                add_up(connection, table, lines)


def add_up(connection: Connection, table: Table, lines: Sequence[Values], *, keep: Sequence[str] = ()) -> None:
    """Insert lines, or add their amounts to what stands there; columns named in ``keep`` are replaced instead."""
    insert = sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)
    changes = {
        column.name: insert.excluded[column.name] if column.name in keep else column + insert.excluded[column.name]
        for column in _amount_columns(table)
    }
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), list(lines))


def put(connection: Connection, table: Table, lines: Sequence[Values], *, replace: bool = False) -> None:
    """Insert lines; what stands there already stays, or with ``replace`` gives way."""
    insert = sqlite.insert(table) if is_sqlite(connection) else postgresql.insert(table)
    if replace:
        changes = {column.name: insert.excluded[column.name] for column in _amount_columns(table)}
        connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes), lines)
    else:
        connection.execute(insert.on_conflict_do_nothing(), lines)


def moment_ms(told_utc: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 moment."""
    return (datetime.fromisoformat(told_utc) - _EPOCH) // timedelta(milliseconds=1)


def day_of(at_ms: int) -> str:
    """The UTC day, ISO 8601; what no calendar holds is its nearest day."""
    try:
        return (_EPOCH + timedelta(milliseconds=at_ms)).date().isoformat()
    except OverflowError:
        return "9999-12-31" if at_ms > 0 else "0001-01-01"


def _amount_columns(table: Table) -> list[Column[object]]:
    return [column for column in table.columns if not column.primary_key]


def _amounts(count: Count) -> tuple[float, ...]:
    own = max(0.0, count.grams_sd**2 - count.grams_sd_common**2)
    return (count.pieces, round(count.grams * 1000), own, round(count.grams_sd_common * 1000))


def _grow(amounts: list[float], by: Sequence[float], sign: int) -> None:
    for place, amount in enumerate(by):
        amounts[place] += sign * amount
