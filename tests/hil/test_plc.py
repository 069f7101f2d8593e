"""The controller's program: exactly one answer per job, finite pulses, and off means off."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.job_ring import RESULTS
from control.types import ShotResult
from tests.hil.yard import LIMIT_MS, SAFE, Rig, job, plc


def rig(start: int = 0, counter_bits: int = 32) -> Rig:
    made = Rig(plc(counter_bits), counter_bits, start)
    made.get_ready()
    return made


def results(of: Rig) -> dict[int, ShotResult]:
    return {report.job_id: report.result for report in of.reports}


def test_a_job_fires_at_its_count_and_closes_after_its_length() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(150), length=300, outputs=0b101))
    begun = len(ready.scans)
    ready.step(60)
    on = [n for n, (_, scan) in enumerate(ready.scans[begun:]) if scan.outputs]
    assert on == list(range(9, 29))
    assert ready.scans[begun + 9][1].outputs == 0b101
    assert results(ready) == {1: ShotResult.fired}


def test_a_target_in_the_past_is_late() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(-1)))
    assert ready.step(30).outputs == 0
    assert results(ready) == {1: ShotResult.late}


def test_an_edge_that_the_scan_slept_through_is_late() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(100)))
    ready.step()
    ready.ticks += 200
    assert ready.step().outputs == 0
    assert results(ready) == {1: ShotResult.late}


def test_a_job_with_a_wrong_checksum_is_faulted() -> None:
    ready = rig()
    ready.queue(job(7, ready.ahead(100)))
    ready.slots[0][3] ^= 1
    ready.step(30)
    assert results(ready) == {7: ShotResult.faulted}


@pytest.mark.parametrize("outputs", [0, 1 << 8])
def test_a_job_for_no_output_of_this_machine_is_faulted(outputs: int) -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(100), outputs=outputs))
    ready.step(30)
    assert results(ready) == {1: ShotResult.faulted}


def test_a_job_is_ignored_while_not_armed() -> None:
    ready = rig()
    ready.command = ready.command._replace(armed=False)
    ready.queue(job(1, ready.ahead(100)))
    assert ready.step(30).outputs == 0
    assert results(ready) == {1: ShotResult.ignored}


def test_disarming_closes_outputs_and_ignores_what_waits() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(15)))
    ready.queue(job(2, ready.ahead(900)))
    assert ready.step(3).outputs == 1
    ready.command = ready.command._replace(armed=False)
    assert ready.step().outputs == 0
    assert results(ready) == {1: ShotResult.fired, 2: ShotResult.ignored}


def test_a_stopped_belt_stops_the_schedule() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(150)))
    ready.step()
    ready.ticks_per_ms = 0
    ready.step(3000)
    assert results(ready) == {}
    ready.ticks_per_ms = 15
    ready.step(15)
    assert results(ready) == {1: ShotResult.fired}


def test_a_belt_that_stops_during_a_pulse_does_not_hold_the_valve_open() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(15)))
    ready.step(2)
    ready.ticks_per_ms = 0
    assert ready.step(int(LIMIT_MS) - 2).outputs == 1
    assert ready.step(2).outputs == 0


def test_a_silent_station_is_noticed_after_200_ms() -> None:
    ready = rig()
    ready.beats = False
    ready.queue(job(1, ready.ahead(180 * 15), length=3000))
    ready.queue(job(2, ready.ahead(9000)))
    assert ready.step(199) == (1, True)
    assert ready.step(3) == (0, False)
    assert results(ready) == {1: ShotResult.fired, 2: ShotResult.ignored}


@pytest.mark.parametrize("interlock", ["estop_ok", "guard_closed"])
def test_after_an_interlock_nothing_moves_without_a_fresh_request(interlock: str) -> None:
    ready = rig()
    ready.interlocks = SAFE._replace(**{interlock: False})
    assert ready.step(5) == (0, False)
    ready.command = ready.command._replace(run=False, armed=False)
    ready.step(5)
    ready.command = ready.command._replace(run=True, armed=True)
    ready.step(5)
    ready.interlocks = SAFE
    assert ready.step(50) == (0, False)
    ready.get_ready()
    assert ready.step().run


def test_a_request_raised_while_an_interlock_is_open_is_not_believed_when_it_closes() -> None:
    ready = Rig(plc())
    ready.step(5)
    ready.interlocks = SAFE._replace(estop_ok=False)
    ready.command = ready.command._replace(run=True, armed=True)
    ready.step(5)
    ready.interlocks = SAFE
    assert not ready.step(50).run


def test_low_air_alone_stops_nothing() -> None:
    ready = rig()
    ready.interlocks = SAFE._replace(air_ok=False)
    assert ready.step(50).run


def test_requests_that_stood_before_the_controller_started_are_not_believed() -> None:
    fresh = Rig(plc())
    fresh.command = fresh.command._replace(run=True, armed=True)
    assert not fresh.step(500).run


def test_a_write_index_far_ahead_is_not_believed() -> None:
    ready = rig()
    ready.command = ready.command._replace(write_index=33)
    ready.step(50)
    assert ready.plc.status(0, 0, SAFE).read_index == 0


def test_a_burst_of_reports_leaves_the_station_time_to_read_each() -> None:
    ready = rig()
    for n in range(30):
        ready.queue(job(n, ready.ahead(3000 + n)))
    ready.step()
    ready.command = ready.command._replace(armed=False)
    ready.step(190)
    assert len(ready.reports) == RESULTS
    ready.step(200)
    assert len(ready.reports) == 30


def test_the_next_edge_is_the_earliest_of_openings_closings_and_limits() -> None:
    ready = rig()
    ready.queue(job(1, ready.ahead(1500 + 15)))
    ready.step()
    assert ready.plc.next_edge_ns(ready.now_ns, ready.count, 15_000) == ready.now_ns + 100_000_000
    assert ready.plc.next_edge_ns(ready.now_ns, ready.count, 0) is None


Plan = list[tuple[int, int, int, str]]
plans = st.lists(
    st.tuples(
        st.integers(-200, 3000),
        st.integers(0, 2500),
        st.integers(0, 0x1FF),
        st.sampled_from(["", "", "", "", "estop", "silent", "disarm", "stop", "corrupt"]),
    ),
    min_size=8,
    max_size=60,
)


def play(plan: Plan, start: int, counter_bits: int) -> Rig:
    """One job about every 4 ms, with trouble in between, and quiet at the end."""
    made = rig(start=start, counter_bits=counter_bits)
    for n, (ahead, length, outputs, trouble) in enumerate(plan):
        made.queue(job(n + 1, made.ahead(ahead), length, outputs))
        if trouble == "corrupt":
            made.slots[n % 32][5] ^= 0x10
        made.interlocks = SAFE._replace(estop_ok=trouble != "estop")
        made.beats = trouble != "silent"
        made.ticks_per_ms = 0 if trouble == "stop" else 15
        made.command = made.command._replace(armed=trouble != "disarm")
        made.step(260 if trouble == "silent" else 4)
    made.interlocks, made.beats, made.ticks_per_ms = SAFE, True, 15
    made.step(900)
    return made


@settings(max_examples=40, deadline=None)
@given(plans)
def test_every_job_gets_exactly_one_report(plan: Plan) -> None:
    played = play(plan, 0, 32)
    assert Counter(report.job_id for report in played.reports) == Counter(range(1, len(plan) + 1))


@settings(max_examples=40, deadline=None)
@given(plans)
def test_no_output_is_on_longer_than_its_limit(plan: Plan) -> None:
    played = play(plan, 0, 32)
    since: dict[int, int] = {}
    for now_ns, scan in played.scans:
        for output in range(9):
            if scan.outputs >> output & 1:
                assert now_ns - since.setdefault(output, now_ns) < LIMIT_MS * 1e6
            else:
                since.pop(output, None)


@settings(max_examples=30, deadline=None)
@given(plans, st.integers(1, 1000))
def test_a_counter_that_wraps_changes_nothing(plan: Plan, before_wrap: int) -> None:
    plain, wrapped = play(plan, 0, 32), play(plan, (1 << 16) - before_wrap, 16)
    assert plain.scans == wrapped.scans
    assert results(plain) == results(wrapped)


@settings(max_examples=30, deadline=None)
@given(plans, st.sampled_from(["estop", "guard", "silent"]))
def test_nothing_is_on_after_a_trip_until_a_fresh_request(plan: Plan, trouble: str) -> None:
    played = play(plan, 0, 32)
    played.get_ready()
    played.queue(job(9000, played.ahead(30), 1000, 1))
    played.step(4)
    played.interlocks = SAFE._replace(estop_ok=trouble != "estop", guard_closed=trouble != "guard")
    played.beats = trouble != "silent"
    played.step(205)
    played.interlocks, played.beats = SAFE, True
    tripped = len(played.scans) - 1
    played.queue(job(9001, played.ahead(30), 1000, 1))
    played.step(100)
    assert {scan for _, scan in played.scans[tripped:]} == {(0, False)}
