"""The serial board as processes on real terminals: noise, a pulled adapter, a restart, the wrong speed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control.serial_machine import SerialBoardSettings, SerialMachine
from control.types import Job, MachineLost, MachineSample, ShotReport, ShotResult
from hil.board_bench import BoardSettings, micropython
from hil.controller import ControllerSettings
from hil.drive import DriveSettings, EncoderSettings
from hil.terminal import WireTrouble
from hil.types import Mishap, MishapName
from tests.control.bench_board import BOARD_IDENTITY, Bench, board

CONTROLLER = ControllerSettings((150.0,) * 49, DriveSettings(ramp_mm_s2=20_000.0), EncoderSettings())


class Station:
    """A driver on a running board."""

    def __init__(self, bench: Bench, port: str, baud: int = 115200) -> None:
        self.bench = bench
        settings = SerialBoardSettings(port, baud, BOARD_IDENTITY, timeout_ms=1000.0)
        self.machine = SerialMachine(settings, time.monotonic_ns)
        self.reports: list[ShotReport] = []

    def until(self, done: Callable[[MachineSample], bool], *, run: bool = True, armed: bool = True) -> MachineSample:
        for _ in range(500):
            self.machine.beat(run=run, armed=armed)
            sample = self.machine.sample()
            self.reports += sample.reports
            self.bench.feel()
            if done(sample):
                return sample
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    def start(self) -> MachineSample:
        self.machine.open()
        rested_ns = time.monotonic_ns() + 120_000_000
        self.until(lambda sample: sample.taken_ns > rested_ns, run=False, armed=False)
        return self.until(lambda sample: sample.running and sample.armed)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with board(BoardSettings(CONTROLLER, tmp_path / "port", (sys.executable,))) as bench:
        made = Station(bench, bench.ready.port)
        yield made
        made.machine.close()


def shots(station: Station, sample: MachineSample, numbers: range) -> None:
    for n in numbers:
        station.machine.arm([Job(n, (sample.encoder_count + 3000 + 60 * n) % 2**32, 200, 1 << n % 49, 0, 0)])
        station.until(lambda _sample: True)


@pytest.mark.skipif(micropython() is None, reason="MicroPython is not installed: the firmware runs on CPython only")
def test_the_same_firmware_runs_on_micropython(tmp_path: Path) -> None:
    with board(BoardSettings(CONTROLLER, tmp_path / "port")) as bench:
        station = Station(bench, bench.ready.port)
        shots(station, station.start(), range(40))
        station.until(lambda _sample: len(station.reports) == 40)
        station.machine.close()

        assert bench.ready.runs_on == "MicroPython"
        assert Counter(report.job_id for report in station.reports) == Counter(range(40))
        assert len([event for event in bench.feel() if event.on]) >= 20


def test_noise_on_the_line_costs_no_job_its_report_and_fires_none_twice(station: Station) -> None:
    sample = station.start()
    station.bench.mishaps.send(WireTrouble(flipped=0.001, lost=0.001))
    shots(station, sample, range(80))
    station.until(lambda _sample: len(station.reports) >= 80)
    station.bench.mishaps.send(WireTrouble())
    station.until(lambda sample: not sample.armed, run=False, armed=False)
    time.sleep(0.05)

    results = Counter(report.result for report in station.reports)
    assert Counter(report.job_id for report in station.reports) == Counter(range(80))
    assert len([event for event in station.bench.feel() if event.on]) <= results[ShotResult.fired]
    assert station.machine.health().share > 0


def test_a_pulled_adapter_is_named_and_found_again(station: Station) -> None:
    station.start()
    station.bench.mishaps.send(Mishap(MishapName.unplugged, True))
    with pytest.raises(MachineLost, match=r"adapter .* is gone"):
        station.until(lambda _sample: False)
    with pytest.raises(MachineLost, match="no serial adapter"):
        station.machine.open()
    pulled_ns = time.monotonic_ns()
    station.bench.mishaps.send(Mishap(MishapName.unplugged, False))
    while not Path(station.bench.ready.port).is_symlink():
        assert time.monotonic_ns() - pulled_ns < 2_000_000_000
        time.sleep(0.01)

    sample = station.start()
    assert sample.running


def test_a_pulled_adapter_leaves_no_output_on(station: Station) -> None:
    sample = station.start()
    jobs = [Job(n, (sample.encoder_count + 2250) % 2**32, 60_000, 1 << n, 0, 0) for n in range(4)]
    station.machine.arm(jobs)
    station.until(lambda _sample: len([event for event in station.bench.feel() if event.on]) == 4)
    pulled_ns = time.monotonic_ns()
    station.bench.mishaps.send(Mishap(MishapName.unplugged, True))
    while len(station.bench.feel()) < 8:
        assert time.monotonic_ns() - pulled_ns < 2_000_000_000
        time.sleep(0.005)

    assert all(event.t_ns - pulled_ns < 250_000_000 for event in station.bench.feel())


def test_a_board_that_lost_its_supply_is_told_and_starts_at_rest(station: Station) -> None:
    station.start()
    station.bench.mishaps.send(Mishap(MishapName.restart, True))
    with pytest.raises(MachineLost, match=r"started anew|nothing whole|silent"):
        station.until(lambda _sample: False)

    station.machine.open()
    sample = station.machine.sample()
    assert (sample.running, sample.armed) == (False, False)


def test_a_firmware_that_dies_leaves_no_output_on(station: Station) -> None:
    sample = station.start()
    station.machine.arm([Job(1, (sample.encoder_count + 2000) % 2**32, 60_000, 1, 0, 0)])
    station.until(lambda _sample: bool(station.bench.feel()))
    os.kill(station.bench.ready.firmware_pid, signal.SIGKILL)
    for _ in range(100):
        if len(station.bench.feel()) >= 2:
            break
        time.sleep(0.01)

    assert [event.on for event in station.bench.feel()] == [True, False]


def test_the_wrong_speed_is_called_so(tmp_path: Path) -> None:
    settings = BoardSettings(CONTROLLER, tmp_path / "port", (sys.executable,), baud=115200)
    with board(settings) as bench:
        station = Station(bench, bench.ready.port, baud=9600)
        with pytest.raises(MachineLost, match="another speed than 9600 baud"):
            station.machine.open()
        station.machine.close()
        right = Station(bench, bench.ready.port)
        right.machine.open()
        right.machine.close()


def test_the_instant_of_a_reading_is_where_the_belt_truly_was(station: Station) -> None:
    """The count of every sample, at its own instant, against the belt's motion that the bench publishes."""
    station.start()
    station.until(lambda _sample: station.bench.motion.read().speed_mm_s > 1400)
    errors_mm = []
    for _ in range(100):
        sample = station.until(lambda _sample: True)
        motion = station.bench.motion.read()
        errors_mm.append(abs(motion.at(sample.taken_ns) - sample.encoder_count / 10))
        time.sleep(0.005)

    assert sorted(errors_mm)[90] < 1.0
