"""The age of a count is found from the counts alone, and nothing is made up where it cannot be."""

from __future__ import annotations

import random

import pytest

from control.sample_age import SampleAge

MS = 1_000_000
TICKS_PER_MM = 10.0
POLL_MS = 9.7


def aged(
    cycle_ms: float,
    *,
    seconds: float = 12.0,
    speed_mm_s: float = 1500.0,
    acceleration: float = 0.0,
    slow_share: float = 0.0,
    bits: int = 32,
    start: int = 0,
    seed: int = 1,
) -> SampleAge:
    """Polls of 9.7 ms of a controller that copies its count every ``cycle_ms``; some round trips last up to 9 ms."""
    chance, age = random.Random(seed), SampleAge(bits)

    def position_mm(ms: float) -> float:
        s = ms / 1000
        return speed_mm_s * s + acceleration * s * s / 2

    for n in range(round(seconds / POLL_MS * 1000)):
        asked_ms = POLL_MS * n + chance.uniform(0.0, 0.2)
        is_slow = chance.random() < slow_share
        trip_ms = chance.uniform(1.0, 9.0) if is_slow else chance.uniform(0.25, 0.35)
        read_ms = asked_ms + chance.uniform(0.2, 0.8) * trip_ms
        copied_ms = read_ms // cycle_ms * cycle_ms if cycle_ms else read_ms
        count = int(start + position_mm(copied_ms) * TICKS_PER_MM) % 2**bits
        age.note(count, round((asked_ms + trip_ms / 2) * MS), round(trip_ms / 2 * MS))
    return age


def mean_ms(age: SampleAge) -> float:
    assert age.mean_ns is not None
    return age.mean_ns / MS


@pytest.mark.parametrize("cycle_ms", [2.0, 5.0, 10.0, 13.1])
@pytest.mark.parametrize("speed_mm_s", [300.0, 3000.0])
def test_a_count_copied_once_a_cycle_is_half_a_cycle_old(cycle_ms: float, speed_mm_s: float) -> None:
    assert mean_ms(aged(cycle_ms, speed_mm_s=speed_mm_s)) == pytest.approx(cycle_ms / 2, rel=0.13, abs=0.3)


def test_a_count_that_is_latched_when_it_is_read_has_no_age() -> None:
    assert mean_ms(aged(0.0)) == 0.0


def test_jitter_of_the_round_trip_is_not_taken_for_age() -> None:
    assert mean_ms(aged(0.0, slow_share=0.3)) == 0.0
    assert mean_ms(aged(7.3, slow_share=0.3)) == pytest.approx(3.65, abs=0.5)


def test_where_hardly_a_round_trip_is_short_nothing_is_said() -> None:
    assert aged(7.3, slow_share=0.97).mean_ns is None


@pytest.mark.parametrize("acceleration", [-80.0, 100.0])
def test_a_belt_that_speeds_up_or_slows_down_evenly_is_not_taken_for_age(acceleration: float) -> None:
    assert mean_ms(aged(0.0, acceleration=acceleration)) < 0.1


@pytest.mark.parametrize(("bits", "start"), [(16, 60_000), (32, 2**32 - 5000)])
def test_a_counter_that_wraps_changes_nothing(bits: int, start: int) -> None:
    assert mean_ms(aged(7.3, bits=bits, start=start)) == pytest.approx(mean_ms(aged(7.3)), abs=0.02)


def test_nothing_is_said_of_a_belt_that_stands_or_has_hardly_run() -> None:
    assert aged(7.3, speed_mm_s=0.0).mean_ns is None
    assert aged(7.3, seconds=1.5).mean_ns is None


def test_a_pause_between_readings_begins_anew() -> None:
    age = SampleAge(32)
    for n in range(2000):
        age.note(150 * n, 10 * MS * n + (5000 * MS if n % 30 == 0 else 0) * (n // 30), 100_000)

    assert age.mean_ns is None
