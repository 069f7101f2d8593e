"""A stamped count is placed where it was true, whatever the controller's cycle and the network add."""

from __future__ import annotations

import random

import pytest

from control.count_clock import CountClock

MS = 1_000_000
PERIOD = 1 << 32


def errors_us(
    clock: CountClock,
    *,
    cycle_ms: float = 0.0,
    polls: int = 1500,
    slow_share: float = 0.3,
    ppm: float = 40.0,
    start_us: int = PERIOD - 3_000_000,
    begun_ms: float = 0.0,
    seed: int = 1,
) -> list[float]:
    """How far off counts are placed that a controller with a clock of its own latches every ``cycle_ms``."""
    chance, errors = random.Random(seed), []
    for n in range(polls):
        asked_ms = begun_ms + 9.7 * n + chance.uniform(0.0, 0.2)
        there_ms = asked_ms + (chance.uniform(1.0, 9.0) if chance.random() < slow_share else chance.uniform(0.1, 0.2))
        back_ms = chance.uniform(1.0, 9.0) if chance.random() < slow_share else chance.uniform(0.1, 0.2)
        latched_ms = there_ms // cycle_ms * cycle_ms if cycle_ms else there_ms
        stamp = (start_us + int(latched_ms * (1 + ppm * 1e-6) * 1000)) % PERIOD
        placed_ns = clock.place(stamp, round(asked_ms * MS), round((there_ms + back_ms) * MS))
        errors.append(placed_ns / 1000 - latched_ms * 1000)
    return errors


@pytest.mark.parametrize("cycle_ms", [0.0, 2.0, 7.3])
@pytest.mark.parametrize("ppm", [-50.0, 50.0])
def test_neither_the_cycle_nor_slow_round_trips_nor_another_quartz_move_a_count(cycle_ms: float, ppm: float) -> None:
    found = errors_us(CountClock(), cycle_ms=cycle_ms, ppm=ppm)

    assert max(map(abs, found[200:])) < 60 + 110 * cycle_ms


def test_a_clock_that_begins_anew_is_believed_at_once_and_one_that_is_set_back_within_a_second() -> None:
    clock = CountClock()
    errors_us(clock, cycle_ms=5.0)

    restarted = errors_us(clock, cycle_ms=5.0, start_us=0, begun_ms=30_000)
    set_back = errors_us(clock, cycle_ms=5.0, start_us=-40_000, begun_ms=60_000)

    assert max(map(abs, restarted)) < 9_000
    assert max(map(abs, restarted[200:])) < 600
    assert max(map(abs, set_back[200:])) < 600
