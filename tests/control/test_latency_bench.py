"""The measurement of lateness, on machines whose true lateness is known."""

from __future__ import annotations

import pytest

from control.guard import GuardLimits
from control.latency_bench import LatencySettings, measure_latency
from control.types import MachineLost
from hil.types import Mishap, MishapName
from tests.control.bench_coupler import FESTO
from tests.control.memory_board import MemoryBoard
from tests.control.memory_board import Station as BoardStation
from tests.control.memory_coupler import Station as CoilStation

LIMITS = GuardLimits(outputs=0xFF, max_length_counts=1000)
SETTINGS = LatencySettings(LIMITS, outputs=(0, 3, 5), ticks_per_mm=10.0, counter_bits=32, shots=60)


def test_a_board_that_fires_on_its_count_is_measured_so() -> None:
    board = MemoryBoard(start_count=2**32 - 9000)
    station = BoardStation(board)
    measured = measure_latency(
        station.machine, SETTINGS, lambda: board.now_ns, lambda seconds: board.pass_ns(max(1000, round(seconds * 1e9)))
    )

    assert measured.results == {"fired": 60}
    assert measured.unanswered == 0
    assert measured.curve.shots == 60
    assert measured.curve.ms_max <= 0.6


def test_plain_outputs_are_served_while_they_are_measured() -> None:
    station = CoilStation(FESTO)
    measured = measure_latency(
        station.machine,
        SETTINGS,
        lambda: station.wire.now_ns,
        lambda seconds: station.wire.pass_ns(max(1000, round(seconds * 1e9)) + 100_000),
    )

    assert measured.results == {"fired": 60}
    assert 0.0 < measured.curve.ms_p99 < 0.6
    assert station.on_times_ms()


def test_a_belt_that_does_not_run_is_said() -> None:
    station = CoilStation(FESTO)
    station.wire.coupler.suffer(Mishap(MishapName.encoder_stuck, True), station.wire.now_ns)

    with pytest.raises(MachineLost, match="steady speed"):
        measure_latency(
            station.machine,
            SETTINGS,
            lambda: station.wire.now_ns,
            lambda seconds: station.wire.pass_ns(max(1000, round(seconds * 1e9))),
        )
