"""Counts of batch, shift and day, and the bins, agree with the records however late the station was started."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from station.bins import Bins, read_emptied
from station.reporting.batches import Intake, close_batch, open_batch
from station.reporting.shifts import Shift, ShiftPlan
from station.span_counts import BinMass, Span, SpanReader
from tests.station.reporting.yard import CONTEXT, LINE_RUN, S, Yard

PLAN = ShiftPlan((Shift("early", time(0), time(23, 59)),), ZoneInfo("UTC"))
EARLY = replace(CONTEXT, shift="early")


def test_who_followed_from_the_start_and_who_came_later_count_the_same(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard, SpanReader(yard.store.path, PLAN, "rest") as live:
        for n, context in enumerate((CONTEXT, EARLY, EARLY), start=1):
            yard.close(context)
            yard.see(n)
            assert yard.store.flush()
            live.read({})
        yard.store.change(lambda c: open_batch(c, Intake(id="B1"), "Li", "2026-01-01T00:00:00.000Z"))
        yard.close(EARLY)
        yard.see(10)
        yard.see(4, outlet=None)
        yard.close(EARLY)
        yard.see(1)
        assert yard.store.flush()
        with SpanReader(yard.store.path, PLAN, "rest") as later:
            followed, found = live.read({"copper": 6, "rest": 0}), later.read({"copper": 6, "rest": 0})
    counted = {span: (each.name, each.counts.pieces) for span, each in followed.spans.items()}
    assert counted.pop(Span.day)[1] == 21
    assert counted == {Span.run: ("", 21), Span.shift: ("early", 20), Span.batch: ("B1", 15)}
    assert {span: followed.spans[span] for span in (Span.batch, Span.shift, Span.day)} == {
        span: found.spans[span] for span in (Span.batch, Span.shift, Span.day)
    }
    assert followed.bins == found.bins
    assert followed.bins["copper"].kg == pytest.approx(11 * 0.0321)
    assert followed.bins["rest"].kg == pytest.approx(4 * 0.0321)
    assert followed.bins["copper"].sd_kg > 0.1 * followed.bins["copper"].kg


def test_another_batch_and_another_day_begin_at_nothing_for_whoever_was_there_before(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard, SpanReader(yard.store.path, PLAN, "rest") as live:

        def counted() -> dict[Span, int]:
            assert yard.store.flush()
            return {span: each.counts.pieces for span, each in live.read({}).spans.items()}

        yard.store.change(lambda c: open_batch(c, Intake(id="B1"), "Li", "2026-01-01T00:00:00.000Z"))
        yard.close(EARLY)
        yard.see(5)
        assert counted() == {Span.run: 5, Span.batch: 5, Span.shift: 5, Span.day: 5}
        yard.store.change(lambda c: close_batch(c, "Li", "2026-01-01T01:00:00.000Z"))
        yard.store.change(lambda c: open_batch(c, Intake(id="B2"), "Li", "2026-01-01T01:00:00.000Z"))
        yard.close(EARLY)
        yard.see(3)
        assert counted() == {Span.run: 8, Span.batch: 3, Span.shift: 8, Span.day: 8}
        yard.now_ns += 86_400 * S
        yard.close(EARLY)
        yard.see(2)
        with SpanReader(yard.store.path, PLAN, "rest") as later:
            assert counted() == {Span.run: 10, Span.batch: 5, Span.shift: 2, Span.day: 2}
            assert later.read({}).spans[Span.shift].counts.pieces == 2


def test_a_bin_fills_asks_for_attention_at_nine_tenths_and_is_emptied_by_a_person(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        store = yard.store

        def bins() -> Bins:
            known = read_emptied(store.path)
            return Bins(
                LINE_RUN.uuid, 0, {"copper": 1.0, "rest": None}, store.note, lambda: store.newest_piece, int, known
            )

        first = bins()
        yard.see(28)
        first.take({"copper": BinMass(0.8999, 0.1), "rest": BinMass(70.0, 9.0)})
        assert first.attention() is None
        first.take({"copper": BinMass(0.9, 0.1)})
        assert first.attention() == "copper 90 %"
        assert first.empty("nowhere", "Li") == "There is no such bin."
        assert first.empty("copper", "Li") is None
        assert (first.attention(), first.begins()) == (None, {"copper": 28, "rest": 0})
        assert store.flush()
        assert [(level.outlet, level.emptied_by) for level in bins().levels()] == [("copper", "Li"), ("rest", "")]
        assert bins().begins() == {"copper": 28, "rest": 0}
