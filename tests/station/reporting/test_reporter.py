"""Intervals end when minute, batch, shift, recipe or clock do, and every second that is lost has its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from station.faults import FAULTS
from station.reporting import downtime
from station.reporting.batches import BatchRefused, Intake, balance, read_batches, weigh
from station.reporting.clock import BUILT_NS, Clock, explain_tls
from station.reporting.context import ClockState
from station.reporting.outbox import Outbox
from station.reporting.recount import recount
from station.reporting.reporter import Reporter, ReporterSettings
from station.reporting.row import DowntimeKind, IntervalRow, RowKind, verify_chain
from station.reporting.shifts import Shift, ShiftPlan
from station.reporting.trimming import TrimSettings
from station.store import Store
from station.types import ActiveFault, State, Status
from tests.station.pieces import closed_piece
from tests.station.reporting.yard import CONTEXT, FAST, LINE_RUN, S

RECIPE = CONTEXT.recipe
NO_SHIFTS = ShiftPlan((), ZoneInfo("UTC"))
DAY = ShiftPlan((Shift("early", time(6), time(8, 1)), Shift("night", time(22), time(6))), ZoneInfo("UTC"))
SETTINGS = ReporterSettings(60 * S, NO_SHIFTS, TrimSettings(400.0, 0))
WALL_NS = LINE_RUN.started_ns + LINE_RUN.utc_offset_ns  # 2027-01-15T08:00:05Z


class Desk:
    """A reporter, its store, and clocks that go on only when told."""

    def __init__(self, store: Store, settings: ReporterSettings, wall_ns: int, newest_ns: int) -> None:
        self.store = store
        self.now_ns = LINE_RUN.started_ns
        self.wall_ns = wall_ns
        self.is_synchronised: bool | None = True
        self.reporter = Reporter(store, LINE_RUN.uuid, CONTEXT, settings, Clock(newest_ns))
        self.pieces = 0
        self.reporter.begin(self.now_ns, self.wall_ns, self.is_synchronised)

    def go_on(self, seconds: float) -> None:
        """Time passes, a tick every half second."""
        for _ in range(round(seconds * 2)):
            self.now_ns += S // 2
            self.wall_ns += S // 2
            self.reporter.tick(self.now_ns, self.wall_ns, self.is_synchronised)

    def say(self, state: State, *codes: str, recipe: str = RECIPE, late_s: int = 0) -> None:
        """``late_s``: it was so long ago."""
        at_ns = self.now_ns - late_s * S
        faults = tuple(ActiveFault(code, "", self.now_ns, n, present=True) for n, code in enumerate(codes))
        self.reporter.take(Status(state, "", faults, 0, 0.0, 0, 0, 0, 0, 0, 0, now_ns=at_ns, recipe=recipe))

    def see(self, pieces: int) -> None:
        for _ in range(pieces):
            self.pieces += 1
            record = replace(closed_piece(self.pieces), run=LINE_RUN.uuid, closed_ns=self.now_ns)
            self.store.append([record])
            self.reporter.take(record)

    def rows(self) -> list[IntervalRow]:
        self.reporter.stop(self.now_ns)
        assert self.store.flush()
        found = [each.row for each in Outbox(self.store).pending(1000)]
        verify_chain(found)
        assert recount(self.store.path).difference is None
        return found


@contextmanager
def desk(
    folder: Path, settings: ReporterSettings = SETTINGS, wall_ns: int = WALL_NS, newest_ns: int = 0
) -> Iterator[Desk]:
    store = Store.open(folder / "records.sqlite", FAST)
    try:
        store.begin_run(LINE_RUN)
        yield Desk(store, settings, wall_ns, newest_ns)
    finally:
        store.close()


def test_rows_end_at_whole_minutes_of_the_wall_clock_and_at_the_stop(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.see(3)
        here.go_on(100)
        here.see(2)
        rows = here.rows()
    assert [row.to_utc[11:19] for row in rows] == ["08:01:00", "08:01:45"]
    assert [sum(count.pieces for count in row.counts) for row in rows] == [3, 2]
    assert [row.seconds for row in rows] == [55.0, 45.0]
    assert all(row.clock_trusted and not row.degraded for row in rows)


def test_idle_time_is_told_in_rows_of_an_hour(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.go_on(2 * 3600 + 600)
        rows = here.rows()
    assert [row.seconds for row in rows[:2]] == [3600.0, 3600.0]
    assert len(rows) == 3


def test_states_and_downtime_say_whose_cause_it_was_and_faults_degrade(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.go_on(10)
        here.say(State.bypass, "air-low")
        here.go_on(5)
        here.say(State.bypass, "camera-silent")
        here.go_on(4)
        here.say(State.running, "encoder-slip")
        here.go_on(1)
        [row] = here.rows()
    assert {each.state: each.seconds for each in row.states} == {"running": 11.0, "bypass": 9.0}
    assert {(each.kind, each.reason, each.seconds) for each in row.downtime} == {
        (DowntimeKind.suspended, "air-low", 5.0),
        (DowntimeKind.held, "camera-silent", 4.0),
    }
    assert row.degraded_reasons == ("air-low", "camera-silent", "encoder-slip")


def test_what_is_heard_of_after_its_row_was_sealed_counts_in_the_next(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.go_on(56)
        here.say(State.bypass, "camera-silent", late_s=3)
        here.go_on(4)
        rows = here.rows()
    assert [row.seconds for row in rows] == [55.0, 5.0]
    assert [(number, each.seconds) for number, row in enumerate(rows) for each in row.downtime] == [(1, 5.0)]


def test_a_person_gives_the_reason_of_a_pause_and_it_ends_with_it(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        assert here.reporter.give_reason(DowntimeKind.suspended, "no feed", here.now_ns) is not None
        here.go_on(5)
        here.say(State.paused)
        here.go_on(5)
        assert here.reporter.give_reason(DowntimeKind.suspended, "no feed", here.now_ns) is None
        here.go_on(5)
        here.say(State.running)
        here.go_on(1)
        here.say(State.paused)
        here.go_on(3)
        [row] = here.rows()
    assert {each.reason: each.seconds for each in row.downtime} == {downtime.PERSON: 8.0, "no feed": 5.0}


def test_every_fault_named_as_anothers_cause_exists() -> None:
    assert FAULTS.keys() >= downtime._OTHERS
    assert set(map(downtime.fault_kind, FAULTS)) == set(DowntimeKind)


def test_a_change_of_recipe_ends_the_row(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.see(1)
        here.go_on(2)
        here.say(State.running, recipe="fine 2")
        here.see(2)
        here.go_on(2)
        rows = here.rows()
    assert [(row.recipe, row.counts[0].pieces) for row in rows] == [(RECIPE, 1), ("fine 2", 2)]


def test_the_shift_of_the_plan_begins_and_ends_rows_and_a_person_may_name_another(tmp_path: Path) -> None:
    with desk(tmp_path, replace(SETTINGS, plan=DAY)) as here:
        here.say(State.running)
        here.go_on(60)
        change = here.reporter.set_shift("special", here.now_ns)
        assert change is not None
        here.go_on(1)
        here.reporter.set_shift(None, here.now_ns)
        here.go_on(1)
        rows = here.rows()
    assert [(row.shift, row.seconds) for row in rows] == [("early", 55.0), (None, 5.0), ("special", 1.0), (None, 1.0)]
    assert DAY.at(WALL_NS + 15 * 3600 * S) == "night"
    assert DAY.at(WALL_NS - 3 * 3600 * S) == "night"


def test_a_batch_has_its_own_rows_tells_its_intake_and_is_balanced(tmp_path: Path) -> None:
    intake = Intake("city yard", "S-7", "mixed copper", 0.15, 0.01, "0601")
    with desk(tmp_path) as here:
        here.say(State.running)
        here.see(2)
        here.go_on(1)
        opened = here.reporter.open_batch(intake, "Ana", here.now_ns)
        assert opened is not None
        here.see(4)
        here.go_on(1)
        assert here.reporter.close_batch("Ana", here.now_ns) is not None
        here.see(1)
        here.go_on(1)
        rows = here.rows()
        name = opened.result()
        found = balance(here.store.path, name)
        [batch] = read_batches(here.store.path)
    counted = [(row.batch, row.counts[0].pieces) for row in rows if row.kind is RowKind.interval]
    assert counted == [(None, 2), (name, 4), (None, 1)]
    told = [row.intake for row in rows if row.intake is not None]
    assert [each.closed_utc is None for each in told] == [True, False]
    assert told[0].weight_kg == 0.15
    assert "S-7" not in str(rows)
    assert batch.intake == replace(intake, id=name)
    assert found.sum_kg == pytest.approx(4 * 0.0321)
    assert found.sum_sd_kg == pytest.approx(0.0326, abs=0.002)
    assert found.closes
    assert found.sentence.startswith("The balance closes: 0.0 kg less")


def test_a_balance_that_does_not_close_says_so_and_weighed_outlets_go_before_estimates(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        opened = here.reporter.open_batch(Intake(weight_kg=10.0), "Ana", here.now_ns)
        here.see(4)
        here.go_on(1)
        here.reporter.close_batch("Ana", here.now_ns)
        assert here.store.flush()
        assert opened is not None
        name = opened.result()
        here.store.change(lambda connection: weigh(connection, name, "copper", 0.11, 0.01, "Ana"))
        found = balance(here.store.path, name)
    [share] = found.outlets
    assert share.is_weighed
    assert found.intake_sd_kg == 5.0
    assert found.difference_kg == pytest.approx(-9.89)
    assert found.closes
    assert not found._replace(closes=False).sentence.startswith("The balance")


def test_two_batches_are_never_open_at_once_and_a_refusal_changes_nothing(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.reporter.open_batch(Intake(id="A"), "Ana", here.now_ns)
        second = here.reporter.open_batch(Intake(id="B"), "Ana", here.now_ns)
        wrong = here.reporter.open_batch(Intake(id="no way"), "Ana", here.now_ns)
        here.go_on(1)
        assert here.store.flush()
        for change, said in ((second, "Batch A is open"), (wrong, "A batch is named by")):
            assert change is not None
            with pytest.raises(BatchRefused, match=said):
                change.result()
        assert {row.batch for row in here.rows()} <= {None, "A"}


def test_a_start_in_1970_holds_reports_and_tells_how_far_off_they_were(tmp_path: Path) -> None:
    with desk(tmp_path, wall_ns=1_000 * S) as here:
        here.is_synchronised = False
        here.say(State.running)
        here.see(2)
        here.go_on(70)
        assert here.reporter.held is not None
        assert "1970" in here.reporter.held
        assert Outbox(here.store, lambda: here.reporter.held).pending() == ()
        state, shown = here.reporter.clock
        assert "because the computer's clock shows 1970" in explain_tls("certificate is not yet valid", state, shown)

        here.is_synchronised = True
        here.wall_ns = WALL_NS
        here.go_on(10)
        assert here.reporter.held is None
        here.see(1)
        rows = here.rows()
        events = here.store.change(lambda c: c.execute("SELECT code FROM events WHERE kind = 'clock'").fetchall())
    counted = [row for row in rows if row.kind is RowKind.interval]
    assert sum(count.pieces for row in counted for count in row.counts) == 3
    assert [row.clock_trusted for row in counted][-1]
    assert not counted[0].clock_trusted
    [fixed] = [row for row in rows if row.correction is not None]
    assert fixed.correction is not None
    assert (fixed.correction.from_sequence, fixed.correction.to_sequence) == (1, len(counted) - 1)
    assert abs(fixed.correction.add_ms - (WALL_NS - 1_070 * S) // 1_000_000) < 1000
    assert [code for (code,) in events] == ["impossible", "good"]


def test_a_jump_splits_the_row_and_order_stays_by_number(tmp_path: Path) -> None:
    with desk(tmp_path) as here:
        here.say(State.running)
        here.go_on(5)
        here.wall_ns -= 365 * 86_400 * S
        here.is_synchronised = None
        here.go_on(5)
        rows = here.rows()
    assert [(row.from_utc[:4], row.clock_trusted) for row in rows] == [("2027", True), ("2026", False)]
    assert sum(row.seconds for row in rows) == 10.0
    assert [row.sequence for row in rows] == sorted(row.sequence for row in rows)


def test_what_nobody_vouches_for_is_not_trusted_but_sent() -> None:
    clock = Clock(newest_ns=WALL_NS)
    assert clock.read(0, WALL_NS, True).state is ClockState.good
    assert clock.read(1, WALL_NS + 1, False).state is ClockState.unsure
    assert Clock(WALL_NS).read(0, WALL_NS - 10, True).state is ClockState.unsure
    assert Clock().read(0, BUILT_NS - 1, True).state is ClockState.impossible
    assert "nobody vouches" in explain_tls("certificate has expired", ClockState.unsure, "2031")
    assert "clock" not in explain_tls("self-signed certificate", ClockState.good, "2031")
