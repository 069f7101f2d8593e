"""kill -9 of the process that drives the machine: whatever the machine is, every output is off within 250 ms."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from control.guard import GuardLimits
from control.process import ControlSettings
from control.serial_machine import SerialBoardSettings
from control.types import Command, MachineSample
from hil.board_bench import BoardSettings
from hil.controller import ControllerSettings
from hil.drive import DriveSettings, EncoderSettings
from hil.types import ValveEvent
from station.link import open_link
from station.wiring import MachineChoice
from tests.control.bench_board import BOARD_IDENTITY, board
from tests.control.bench_coupler import BECKHOFF, FESTO, coupler
from tests.control.bench_process import run_machine
from tests.control.yard import make_job

OUTPUTS = 8
DRIVE = DriveSettings(ramp_mm_s2=20_000.0)
LIMITS = GuardLimits(outputs=(1 << OUTPUTS) - 1, max_length_counts=65_000, max_open_counts=10**9)


class Plant(NamedTuple):
    choice: MachineChoice
    feel: Callable[[], list[ValveEvent]]


@contextmanager
def serial_board() -> Iterator[Plant]:
    controller = ControllerSettings((5000.0,) * 49, DRIVE, EncoderSettings())
    with TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        with board(BoardSettings(controller, port, (sys.executable,))) as bench:
            yield Plant(SerialBoardSettings(str(port), 115200, BOARD_IDENTITY, timeout_ms=1000.0), bench.feel)


@contextmanager
def festo() -> Iterator[Plant]:
    with coupler(FESTO, DRIVE, EncoderSettings(), longest_on_ms=5000.0) as bench:
        yield Plant(bench.settings, bench.feel)


@contextmanager
def beckhoff() -> Iterator[Plant]:
    with coupler(BECKHOFF, DRIVE, EncoderSettings(), longest_on_ms=5000.0) as bench:
        yield Plant(bench.settings, bench.feel)


@pytest.mark.parametrize("plant", [serial_board, festo, beckhoff], ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("dies", ["control", "neighbour"])
def test_all_outputs_are_off_within_250_ms(plant: Callable[[], AbstractContextManager[Plant]], dies: str) -> None:
    """The neighbour is vision or the station: the control process sees its end and leaves, outputs first."""
    with plant() as made:
        (vision, vision_end), (station, station_end) = open_link(), open_link()
        settings = ControlSettings(LIMITS, status_ms=50.0)
        process = multiprocessing.get_context("spawn").Process(
            target=run_machine, args=(settings, made.choice, vision_end, station_end)
        )
        process.start()
        vision_end.close()
        station_end.close()
        speak = _Speaker(vision.send, vision.receive)
        speak.until(lambda: speak.heard > 20, run=False)
        speak.until(lambda: speak.newest is not None and speak.newest.armed, run=True)
        assert speak.newest is not None
        at = (speak.newest.encoder_count + 3000) % 2**32
        jobs = tuple(make_job(n, open_count=at, length=60_000, outputs=1 << n) for n in range(OUTPUTS))
        vision.send(Command(run=True, armed=True, jobs=jobs, seen_ns=time.monotonic_ns()))
        speak.until(lambda: len(made.feel()) == OUTPUTS, run=True)

        died_ns = time.monotonic_ns()
        if dies == "control":
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        else:
            station.close()
        while len(made.feel()) < 2 * OUTPUTS and time.monotonic_ns() - died_ns < 3_000_000_000:
            time.sleep(0.01)
        process.join(5)
        vision.close()
        station.close()

        off = [event.t_ns for event in made.feel() if not event.on]
        assert len(off) == OUTPUTS
        assert max(off) - died_ns < 250_000_000


class _Speaker:
    """Vision's part: a command every few milliseconds, and what comes back."""

    def __init__(self, send: Callable[[object], bool], receive: Callable[[], list[object]]) -> None:
        self._send = send
        self._receive = receive
        self.newest: MachineSample | None = None
        self.heard = 0

    def until(self, done: Callable[[], bool], *, run: bool) -> None:
        for _ in range(2000):
            self._send(Command(run=run, armed=run, jobs=(), seen_ns=time.monotonic_ns()))
            for message in self._receive():
                if isinstance(message, MachineSample):
                    self.newest = message
                    self.heard += 1
            if done():
                return
            time.sleep(0.005)
        raise AssertionError("it did not happen in time")
