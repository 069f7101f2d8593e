"""Which stretch of time people want to see: the last hours, this shift, a batch; and in how many steps."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from station.marked import marked
from station.store_reader import open_reader

_STEPS_S = (60, 300, 900, 3600, 21_600, 86_400)
_MOST_STEPS = 96
_NS = 1_000_000_000
_MOST_ROWS = 5000


class Span(StrEnum):
    """What can be asked for."""

    hour = "hour"
    shift = "shift"
    batch = "batch"
    day = "day"
    week = "week"


SPANS = {
    Span.hour: marked("Last hour"),
    Span.shift: marked("This shift"),
    Span.batch: marked("Batch"),
    Span.day: marked("Last 24 hours"),
    Span.week: marked("Last 7 days"),
}
_BACK_S = {Span.hour: 3600, Span.day: 86_400, Span.week: 7 * 86_400}


class SpanUnknown(Exception):  # noqa: N818 - a fact
    """There is no such batch, or no shift now; the text says so."""


class Stretch(NamedTuple):
    """Unix seconds; ``to_s`` is outside."""

    from_s: int
    to_s: int
    step_s: int

    @property
    def steps(self) -> int:
        """How many slots there are."""
        return -(-(self.to_s - self.from_s) // self.step_s)


def stretch(span: Span, batch: str, records: Path, now_s: float) -> Stretch:
    """``batch`` empty: the newest. Raises SpanUnknown or sqlite3.Error."""
    match span:
        case Span.shift:
            begins_s, ends_s = _shift(records), now_s
        case Span.batch:
            begins_s, ends_s = _batch(records, batch, now_s)
        case _:
            begins_s, ends_s = now_s - _BACK_S[span], now_s
    long_s = max(60.0, ends_s - begins_s)
    step_s = next((step for step in _STEPS_S if long_s / step <= _MOST_STEPS), _STEPS_S[-1])
    from_s = int(begins_s) // step_s * step_s
    return Stretch(from_s, max(from_s + step_s, -(-int(ends_s + 1) // step_s) * step_s), step_s)


def _batch(records: Path, batch: str, now_s: float) -> tuple[float, float]:
    question = "SELECT opened_utc, closed_utc FROM batches WHERE ?1 IN ('', id) ORDER BY opened_utc DESC LIMIT 1"
    with closing(open_reader(records)) as reader:
        found = reader.execute(question, (batch,)).fetchone()
    if found is None:
        raise SpanUnknown(
            marked("There is no batch {batch}.").format(batch=batch) if batch else marked("No batch yet.")
        )
    opened, closed = (None if utc is None else datetime.fromisoformat(utc).timestamp() for utc in found)
    return opened or 0.0, now_s if closed is None else closed


def _shift(records: Path) -> float:
    """When the shift of now began: backwards over the closed intervals for as long as it is the same."""
    with closing(open_reader(records)) as reader:
        begin_s, name = _open_interval(reader)
        rows = reader.execute(
            "SELECT from_ns + utc_offset_ns, told FROM (SELECT from_ns, utc_offset_ns, context_id FROM intervals"
            " ORDER BY epoch_id DESC, sequence DESC LIMIT ?) AS newest JOIN contexts ON contexts.id = context_id"
            " ORDER BY 1 DESC",
            (_MOST_ROWS,),
        )
        for from_ns, told in rows:
            if json.loads(told)["shift"] != name:
                break
            begin_s = from_ns / _NS
    return begin_s


def _open_interval(reader: sqlite3.Connection) -> tuple[float, str]:
    found = reader.execute(
        "SELECT from_ns + utc_offset_ns, told FROM open_interval JOIN contexts ON contexts.id = context_id"
    ).fetchone()
    name = None if found is None else json.loads(found[1])["shift"]
    if name is None:
        raise SpanUnknown(marked("No shift is on now: the station file names shifts under reporting.shifts."))
    return found[0] / _NS, str(name)
