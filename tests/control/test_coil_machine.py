"""Plain outputs: fired by measured latency, never longer than their limit, off by themselves when nobody speaks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.coupler_map import CouplerMap
from control.types import MachineLost, MachineMismatch, OtherMaster, ShotResult
from hil.types import Mishap, MishapName
from tests.control.bench_coupler import BECKHOFF, FESTO
from tests.control.memory_coupler import LONGEST_MS, MS, Station
from tests.control.yard import make_job

COUNTS_PER_MS = 15
both = pytest.mark.parametrize("made", [FESTO, BECKHOFF], ids=["festo", "beckhoff"])


@both
def test_shots_fall_on_their_counts_across_the_wrap_and_the_latency_is_learned(made: CouplerMap) -> None:
    start = 2**32 - 40_000
    station = Station(made, start).started()
    wanted: dict[int, float] = {}
    for n in range(120):
        at = (station.count + 900) % 2**32
        wanted[n % 49] = ((at - start) % 2**32) / 10
        station.machine.arm([make_job(n, open_count=at, length=75, outputs=1 << n % 49)])
        station.poll(3)
    station.poll(20)

    assert Counter(report.result for report in station.reports) == {ShotResult.fired: 120}
    opened = {event.output: event.pos_mm for event in station.wire.events if event.on}
    assert [output for output in opened if abs(opened[output] - wanted[output]) > 0.4] == []
    curve = station.machine.errors()
    assert curve.shots == 120
    assert abs(curve.ms_mean) < 0.1
    assert curve.ms_p50 < 0.2
    assert "120 shots, off by p50" in curve.sentence()


def test_a_computer_that_always_wakes_late_is_allowed_for() -> None:
    station = Station(FESTO).started()
    station.overslept_ns = MS
    late_ms = []
    for n in range(120):
        at = station.count + 900
        station.machine.arm([make_job(n, open_count=at, length=75, outputs=1)])
        station.poll(8)
        opened = [event for event in station.wire.events if event.on]
        late_ms.append((opened[-1].pos_mm - at / 10) / 1.5)

    assert abs(sum(late_ms[-20:])) / 20 < 0.15


@pytest.mark.parametrize("cycle_ms", [0, 6])
def test_counts_that_are_old_when_they_are_read_do_not_make_shots_late(cycle_ms: int) -> None:
    """Without an allowance a count copied every 6 ms would make every shot 3 ms late, 4.5 mm at this speed."""
    station = Station(FESTO)
    station.wire.cycle_ns = cycle_ms * MS
    station.started()
    late_mm = []
    for n in range(260):
        station.overslept_ns = n * 7919 % 97 * 4000
        at = station.count + 900
        station.machine.arm([make_job(n, open_count=at, length=75, outputs=1)])
        station.poll(8)
        late_mm.append([event for event in station.wire.events if event.on][-1].pos_mm - at / 10)

    assert abs(sum(late_mm[-160:])) / 160 < 0.8
    assert cycle_ms == 0 or sum(late_mm[:10]) / 10 > 2.0


def test_an_output_is_never_on_longer_than_its_limit_even_when_the_belt_stops() -> None:
    station = Station(FESTO).started()
    station.machine.arm([make_job(n, open_count=station.count + 600, length=60_000, outputs=1 << n) for n in range(3)])
    station.poll(4)
    station.wire.coupler.suffer(Mishap(MishapName.encoder_stuck, True), station.wire.now_ns)
    station.poll(10)

    assert len(station.on_times_ms()) == 3
    assert max(station.on_times_ms()) <= LONGEST_MS - station.settings.watchdog_ms + 1


def test_the_limit_holds_even_when_this_computer_stands_still_with_an_output_on() -> None:
    station = Station(FESTO).started()
    station.machine.arm([make_job(1, open_count=station.count + 300, length=500)])
    station.wait(20 * MS)
    station.wire.pass_ns(1000 * MS)

    assert max(station.on_times_ms()) <= LONGEST_MS


@both
def test_a_process_that_dies_leaves_everything_off_after_the_watchdog(made: CouplerMap) -> None:
    station = Station(made).started()
    station.machine.arm([make_job(1, open_count=station.count + 300, length=60_000)])
    station.wait(20 * MS)
    died_ns = station.wire.now_ns
    station.wire.pass_ns(150 * MS)

    assert [event.on for event in station.wire.events] == [True, False]
    assert station.wire.events[-1].t_ns - died_ns <= 100 * MS


def test_reading_alone_does_not_keep_a_watchdog_quiet_that_wants_writes() -> None:
    station = Station(BECKHOFF).started()
    for _ in range(20):
        station.wire.read(0x0000, 1, "inputs")
        station.wire.pass_ns(10 * MS)

    with pytest.raises(MachineLost, match="had its watchdog fall"):
        station.poll(8)


@both
def test_a_machine_that_was_away_is_opened_again_at_rest(made: CouplerMap) -> None:
    station = Station(made).started()
    station.wire.is_cut = True
    with pytest.raises(MachineLost):
        station.poll()
    station.wire.pass_ns(500 * MS)
    station.wire.is_cut = False
    station.machine.open()
    sample = station.machine.sample()

    assert (sample.running, sample.armed) == (False, False)
    station.poll(5, run=False, armed=False)
    station.poll(5)
    assert station.machine.sample().running


def test_a_coupler_that_does_not_take_its_watchdog_is_not_used() -> None:
    station = Station(FESTO)
    station.wire.refuses_at = 14000
    with pytest.raises(MachineMismatch):
        station.machine.open()


@both
def test_the_watchdog_is_armed_with_the_time_of_the_settings(made: CouplerMap) -> None:
    station = Station(made)
    station.with_watchdog(70)
    station.machine.open()

    assert station.wire.read(made.watchdog.time_at, 1, "time") == [70]


def test_another_master_on_the_outputs_is_told() -> None:
    station = Station(FESTO).started()
    station.wire.write(0, [0xFF], "a stranger's outputs")

    with pytest.raises(OtherMaster, match="another master writes"):
        station.poll(8)


def test_outputs_that_went_off_may_be_the_watchdogs_doing_and_blame_nobody() -> None:
    station = Station(FESTO).started()
    station.wire.write(0, [0] * 4, "a stranger's outputs, or a watchdog")

    with pytest.raises(MachineLost, match="its watchdog has closed them, or another master") as lost:
        station.poll(8)
    assert not isinstance(lost.value, OtherMaster)


def test_a_station_that_does_not_beat_is_dropped_though_it_polls() -> None:
    station = Station(FESTO).started()
    station.machine.arm([make_job(3, open_count=station.count + 100_000)])
    for _ in range(25):
        sample = station.machine.sample()
        station.reports += sample.reports
        station.wait(10 * MS)

    assert (sample.running, sample.armed) == (False, False)
    assert [(report.job_id, report.result) for report in station.reports] == [(3, ShotResult.ignored)]


def test_a_count_that_is_too_old_fires_nothing() -> None:
    station = Station(FESTO)
    station.with_watchdog(200)
    station.started()
    station.machine.arm([make_job(1, open_count=station.count + 1500, outputs=1)])
    station.wire.pass_ns(80 * MS)
    station.wait(80 * MS)
    station.poll()

    assert [(report.job_id, report.result) for report in station.reports] == [(1, ShotResult.late)]
    assert station.wire.events == []


def test_a_slow_answer_is_a_lost_machine() -> None:
    station = Station(FESTO).started()
    station.wire.trip_ns = 25 * MS

    with pytest.raises(MachineLost, match="answers too slowly"):
        station.poll()


troubles = st.lists(
    st.tuples(
        st.integers(-200, 2500),
        st.integers(0, 2500),
        st.integers(0, 0x3FF),
        st.sampled_from(["", "", "", "", "estop", "silent", "disarm", "slow", "stuck"]),
    ),
    min_size=8,
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(troubles, st.integers(0, 2**32 - 1))
def test_every_job_has_one_report_and_no_output_is_on_too_long(
    plan: list[tuple[int, int, int, str]], start: int
) -> None:
    station = Station(BECKHOFF, start).started()
    for n, (ahead, length, outputs, trouble) in enumerate(plan):
        now_ns = station.wire.now_ns
        station.wire.coupler.suffer(Mishap(MishapName.estop, trouble == "estop"), now_ns)
        station.wire.coupler.suffer(Mishap(MishapName.encoder_stuck, trouble == "stuck"), now_ns)
        station.wire.trip_ns = 2 * MS if trouble == "slow" else 200_000
        station.machine.arm([make_job(n, open_count=(station.count + ahead) % 2**32, length=length, outputs=outputs)])
        station.poll(2, armed=trouble != "disarm")
        if trouble == "silent":
            station.wait(60 * MS)
    station.wire.coupler.suffer(Mishap(MishapName.estop, False), station.wire.now_ns)
    station.wire.coupler.suffer(Mishap(MishapName.encoder_stuck, False), station.wire.now_ns)
    station.poll(3, armed=False)

    assert Counter(report.job_id for report in station.reports) == Counter(range(len(plan)))
    assert max(station.on_times_ms(), default=0.0) <= LONGEST_MS
