"""Shots are cut in ticks, a stopped belt stops the schedule, and what has no slack is late."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.belt import Belt
from control.schedule import BeltNow, ScheduleSettings, Shot, belt_now, plan, slack_ms, to_job
from control.types import Decision, Ejection, Ejector, EjectorKind, Job, Late, Reason
from tests.control.yard import MS, make_piece, make_sample

SETTINGS = ScheduleSettings(
    margin_mm=20.0, min_slack_ms=30.0, min_pulse_ms=8.0, max_pulse_ms=150.0, lane_overlap_mm=5.0
)
COPPER = Decision(7, "CU-NO2", 0.9, "copper", Reason.rule)
BAR = tuple(Ejector(n, EjectorKind.valve, "copper", 50.0 * n, 50.0 * (n + 1), 1000.0, 12.0) for n in range(16))
FLAP = Ejector(48, EjectorKind.flap, "quarantine", 0.0, 800.0, 1700.0, 60.0)
LINE = (*BAR, FLAP)
RUNNING = BeltNow(tick=0, speed_mm_s=1500.0, ticks_per_mm=10.0)


def test_the_shot_is_centred_on_the_piece_and_leads_by_the_valves_delay() -> None:
    ejection = plan(make_piece(at=3000, length_mm=40.0), COPPER, LINE, RUNNING, SETTINGS)

    lead_ticks, length_ticks = 10 * 1500 * 0.012, 10 * (40 + 20)
    middle = 3000 + 10 * 1000 - lead_ticks
    assert isinstance(ejection, Ejection)
    assert (ejection.open_tick, ejection.close_tick) == (middle - length_ticks / 2, middle + length_ticks / 2)


@pytest.mark.parametrize(
    ("across_mm", "width_mm", "lanes"),
    [
        (425.0, 30.0, {8}),
        (400.0, 30.0, {7, 8}),
        (425.0, 58.0, {8}),
        (425.0, 62.0, {7, 8, 9}),
        (400.0, 2.0, {7, 8}),
        (399.0, 2.0, {7}),
        (1.0, 30.0, {0}),
    ],
)
def test_every_lane_the_piece_reaches_into_fires(across_mm: float, width_mm: float, lanes: set[int]) -> None:
    ejection = plan(make_piece(across_mm=across_mm, width_mm=width_mm), COPPER, LINE, RUNNING, SETTINGS)

    assert isinstance(ejection, Ejection)
    assert ejection.outputs == sum(1 << lane for lane in lanes)


def test_a_piece_that_passes_or_that_no_lane_reaches_has_no_ejection() -> None:
    passing = COPPER._replace(outlet=None)

    assert plan(make_piece(), passing, LINE, RUNNING, SETTINGS) is None
    assert plan(make_piece(across_mm=900.0), COPPER, LINE, RUNNING, SETTINGS) is None


def test_an_ejection_without_slack_is_late_and_not_fired() -> None:
    piece = make_piece(at=0, length_mm=40.0)
    open_tick = 10_000 - 180 - 300
    in_time = RUNNING._replace(tick=open_tick - 450)

    assert isinstance(plan(piece, COPPER, LINE, in_time, SETTINGS), Ejection)
    late = plan(piece, COPPER, LINE, in_time._replace(tick=in_time.tick + 15), SETTINGS)

    assert isinstance(late, Late)
    assert late.missing_ms == pytest.approx(1.0)


def test_of_two_bars_the_first_that_can_still_be_reached_fires() -> None:
    second = tuple(lane._replace(output=lane.output + 16, distance_mm=1200.0) for lane in BAR)
    piece = make_piece(across_mm=25.0)
    shots = [plan(piece, COPPER, (*second, *BAR), RUNNING._replace(tick=t), SETTINGS) for t in (0, 10_000, 12_000)]

    assert isinstance(shots[0], Ejection)
    assert shots[0].outputs == 1 << 0
    assert isinstance(shots[1], Ejection)
    assert shots[1].outputs == 1 << 16
    assert isinstance(shots[2], Late)


def test_a_stopped_belt_stops_the_schedule() -> None:
    stopped = RUNNING._replace(speed_mm_s=0.0)

    ejection = plan(make_piece(), COPPER, LINE, stopped, SETTINGS)

    assert isinstance(ejection, Ejection)
    assert slack_ms(ejection.open_tick, stopped) == math.inf
    assert plan(make_piece(), COPPER, LINE, stopped._replace(tick=20_000), SETTINGS) == Late(7, math.inf)


@pytest.mark.parametrize(("length_mm", "pulse_ms"), [(1.0, 14.0), (100.0, 80.0), (500.0, 150.0)])
def test_a_pulse_is_neither_too_short_nor_too_long(length_mm: float, pulse_ms: float) -> None:
    settings = replace(SETTINGS, min_pulse_ms=14.0)

    ejection = plan(make_piece(length_mm=length_mm), COPPER, LINE, RUNNING, settings)

    assert isinstance(ejection, Ejection)
    assert (ejection.close_tick - ejection.open_tick) / 15 == pytest.approx(pulse_ms)


@given(
    at=st.integers(-20_000, 20_000),
    speed=st.floats(0, 3000),
    length=st.floats(1, 800),
    min_slack=st.floats(0, 500),
)
def test_no_slack_means_late_and_slack_means_not_late(at: int, speed: float, length: float, min_slack: float) -> None:
    belt = RUNNING._replace(speed_mm_s=speed)
    settings = replace(SETTINGS, min_slack_ms=min_slack)

    shot = plan(make_piece(at=at, length_mm=length), COPPER, LINE, belt, settings)

    if isinstance(shot, Ejection):
        assert shot.open_tick > belt.tick or min_slack == 0
        assert slack_ms(shot.open_tick, belt) >= min_slack
        assert shot.close_tick > shot.open_tick
    else:
        assert isinstance(shot, Late)
        assert shot.missing_ms > 0


def drive_and_plan(start: int, bits: int, moves: list[int], ahead: int) -> tuple[Shot | None, Job | None, Belt]:
    belt = Belt(10.0, bits, 2000.0)
    for n in range(len(moves) + 1):
        belt.take(make_sample((start + sum(moves[:n])) % 2**bits, n * 10 * MS))
    shot = plan(make_piece(at=belt.tick - ahead), COPPER, LINE, belt_now(belt), SETTINGS)
    return shot, to_job(shot, belt, 3, 2) if isinstance(shot, Ejection) else None, belt


@given(
    moves=st.lists(st.integers(0, 190), min_size=1, max_size=30),
    ahead=st.integers(0, 12_000),
    start=st.integers(0, 2**32 - 1),
    bits=st.sampled_from([16, 32]),
)
def test_the_counters_wrap_around_changes_nothing(moves: list[int], ahead: int, start: int, bits: int) -> None:
    plain_shot, plain_job, _ = drive_and_plan(0, bits, moves, ahead)
    shot, job, belt = drive_and_plan(start, bits, moves, ahead)

    assert shot == plain_shot
    if plain_job is None:
        assert job is None
    else:
        assert job == plain_job._replace(open_count=(plain_job.open_count + start) % 2**bits)
        assert isinstance(shot, Ejection)
        assert belt.tick_of(plain_job.open_count + start) == shot.open_tick


def test_a_job_carries_the_piece_the_class_and_the_flags() -> None:
    _, job, _ = drive_and_plan(65_500, 16, [100], 0)

    assert job is not None
    assert (job.id, job.class_code, job.flags) == (7, 3, 2)
    assert 0 <= job.open_count < 2**16
