"""Counts of this run, this batch, this shift and this day, and of what lies in each bin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

from station.reporting.context import Context, hear
from station.reporting.shifts import ShiftPlan
from station.running_sums import RunningSums, newest_piece
from station.store_reader import Counts, open_reader

_LONGEST_SHIFT = timedelta(hours=24)
_INTERVALS = (
    "SELECT from_ns + utc_offset_ns, after_piece, contexts.told FROM intervals"
    " JOIN contexts ON contexts.id = context_id WHERE kind = 'interval' ORDER BY epoch_id DESC, sequence DESC"
)
_OPEN = (
    "SELECT from_ns + utc_offset_ns, after_piece, contexts.told, number FROM open_interval"
    " JOIN contexts ON contexts.id = context_id WHERE run_id IS NOT NULL"
)


class Span(StrEnum):
    run = "run"
    batch = "batch"
    shift = "shift"
    day = "day"


class SpanCounts(NamedTuple):
    """``name`` is that of the batch or shift, or the date; ``since_ns`` (UTC) is when it began, None for the run."""

    name: str
    since_ns: int | None
    counts: Counts


class BinMass(NamedTuple):
    """What fell into an outlet since its bin was emptied, as estimated, with its standard deviation."""

    kg: float
    sd_kg: float


class Read(NamedTuple):
    """Everything at one moment. A span that there is not now (no batch is open, no shift planned) is missing."""

    spans: Mapping[Span, SpanCounts]
    bins: Mapping[str, BinMass]


class _Began(NamedTuple):
    name: str
    since_ns: int | None
    after_piece: int


class SpanReader:
    """Follows the records of one run; never in two threads at once."""

    def __init__(self, path: Path, plan: ShiftPlan, rest_outlet: str) -> None:
        """Before the first piece of the run. Raises sqlite3.Error."""
        self._plan = plan
        self._rest = rest_outlet
        self._connection = open_reader(path)
        self._sums: RunningSums[Span | str] = RunningSums(self._connection)
        self._began: dict[Span, _Began] = {Span.run: _Began("", None, newest_piece(self._connection))}
        self._interval = -1
        self._factor_sd: Mapping[str, float] = {}

    def read(self, emptied: Mapping[str, int]) -> Read:
        """Everything committed until now; ``emptied``: by outlet, the piece after which its bin was empty."""
        connection = self._connection
        connection.execute("BEGIN")
        try:
            self._sums.read_on()
            self._follow_interval()
            wanted: dict[Span | str, int] = {span: began.after_piece for span, began in self._began.items()}
            self._sums.keep(wanted | {f"bin {outlet}": after for outlet, after in emptied.items()})
        finally:
            connection.execute("ROLLBACK")
        return Read(
            {
                span: SpanCounts(name, since, self._sums[span].counts())
                for span, (name, since, _) in self._began.items()
            },
            {outlet: self._bin(outlet) for outlet in emptied},
        )

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bin(self, outlet: str) -> BinMass:
        where = None if outlet == self._rest else outlet
        return BinMass(*self._sums[f"bin {outlet}"].outlet_mass(where, self._factor_sd))

    def _follow_interval(self) -> None:
        """When another interval is open: which batch, shift and day is it in, and where did each of them begin."""
        found = self._connection.execute(_OPEN).fetchone()
        if found is None or found[3] == self._interval:
            return
        self._interval = found[3]
        now = _Interval(found[0], found[1], hear(found[2]))
        self._factor_sd = now.context.factor_sd
        names = self._names(now)
        spans = {span: self._begin(span, name, now) for span, name in names.items() if name is not None}
        self._began = {Span.run: self._began[Span.run], **spans}

    def _begin(self, span: Span, name: str, now: _Interval) -> _Began:
        known, earliest_ns = self._began.get(span), self._earliest_ns(span, name, now.utc_ns)
        if known is not None and known.name == name and (known.since_ns or 0) >= earliest_ns:
            return known
        first = now
        for before in self._before():
            if before.utc_ns < earliest_ns or self._names(before)[span] != name:
                break
            first = before
        return _Began(name, first.utc_ns, first.after_piece)

    def _before(self) -> Iterator[_Interval]:
        """Closed intervals, the newest first."""
        for utc_ns, after_piece, told in self._connection.execute(_INTERVALS):
            yield _Interval(utc_ns, after_piece, hear(told))

    def _names(self, interval: _Interval) -> dict[Span, str | None]:
        day = datetime.fromtimestamp(interval.utc_ns / 1e9, UTC).astimezone(self._plan.zone).date()
        return {Span.batch: interval.context.batch, Span.shift: interval.context.shift, Span.day: day.isoformat()}

    def _earliest_ns(self, span: Span, name: str, now_ns: int) -> int:
        """A shift of that name was there yesterday, too."""
        if span is not Span.shift:
            return 0
        now = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(self._plan.zone)
        begins = next((shift.begins for shift in self._plan.shifts if shift.name == name), None)
        if begins is None:
            return round((now - _LONGEST_SHIFT).timestamp() * 1e9)
        today = now.replace(hour=begins.hour, minute=begins.minute, second=0, microsecond=0)
        return round((today if today <= now else today - timedelta(days=1)).timestamp() * 1e9)


class _Interval(NamedTuple):
    utc_ns: int
    after_piece: int
    context: Context
