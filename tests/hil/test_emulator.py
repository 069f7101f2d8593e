"""The emulated controller as a process, spoken to by the real driver over real sockets."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess

import pytest

from control.job_ring import MAP_VERSION
from control.modbus_machine import ModbusMachine, ModbusSettings
from control.types import Identity, Job, MachineLost, MachineSample, ShotReport, ShotResult
from hil.controller import ControllerSettings
from hil.drive import DriveSettings, EncoderSettings
from hil.emulator import EmulatorSettings, run_emulator
from hil.motion import Motion
from hil.types import EmulatorFailed, EmulatorReady, Mishap, MishapName, ValveEvent
from station.link import Link, open_link

START = (1 << 32) - 4000
SETTINGS = ControllerSettings((150.0,) * 49, DriveSettings(ramp_mm_s2=10_000.0), EncoderSettings(start_count=START))


@dataclass
class Running:
    """An emulator, its driver and the parent's ends of its links."""

    process: SpawnProcess
    machine: ModbusMachine
    motion: Motion
    valves: Link
    mishaps: Link
    events: list[ValveEvent] = field(default_factory=list)
    reports: list[ShotReport] = field(default_factory=list)

    def until(self, done: Callable[[MachineSample], bool], *, run: bool, armed: bool, seconds: float = 5.0) -> None:
        """Poll and beat every 10 ms until the sample satisfies ``done``."""
        for _ in range(round(seconds * 100)):
            sample = self.machine.sample()
            self.reports += sample.reports
            self.machine.beat(run=run, armed=armed)
            self.events += [event for event in self.valves.receive() if isinstance(event, ValveEvent)]
            if done(sample):
                return
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    def get_ready(self) -> None:
        """Drop the requests for longer than a scan, then raise them; again where this computer was too busy to beat in
        time."""
        for _ in range(5):
            self.until(lambda sample: not sample.armed, run=False, armed=False)
            time.sleep(0.02)
            with suppress(AssertionError):
                self.until(lambda sample: sample.armed, run=True, armed=True, seconds=1.0)
                return
        raise AssertionError("it never got ready")


def started(settings: EmulatorSettings, motion_name: str, valves: Link, mishaps: Link) -> SpawnProcess:
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=run_emulator, args=(settings, motion_name, valves, mishaps))
    process.start()
    valves.close()
    mishaps.close()
    return process


def first_word(mishaps: Link) -> object:
    for _ in range(1000):
        for message in mishaps.receive():
            return message
        time.sleep(0.01)
    raise AssertionError("the emulator said nothing")


@pytest.fixture
def running() -> Iterator[Running]:
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    process = started(EmulatorSettings(SETTINGS, port=0), motion.name, their_valves, their_mishaps)
    ready = first_word(mishaps)
    assert isinstance(ready, EmulatorReady)
    expected = ModbusSettings("127.0.0.1", ready.port, 1, Identity(MAP_VERSION, 49, 32, 10.0), timeout_ms=400)
    machine = ModbusMachine(expected, time.monotonic_ns)
    machine.open()
    yield Running(process, machine, motion, valves, mishaps)
    machine.close()
    process.terminate()
    process.join(5)
    valves.close()
    mishaps.close()
    motion.close()
    assert process.exitcode == 0


def shot(number: int, sample: MachineSample, ahead: int = 2500, length: int = 400) -> Job:
    return Job(number, (sample.encoder_count + ahead) % (1 << 32), length, 1 << number, 0, 0)


def test_jobs_sent_over_modbus_fire_across_the_wrap_of_the_counter(running: Running) -> None:
    running.get_ready()
    jobs = {n: shot(n, running.machine.sample(), 2500 + 200 * n) for n in range(1, 9)}
    running.machine.arm(list(jobs.values()))
    running.until(lambda _: len(running.reports) == 8 and len(running.events) >= 16, run=True, armed=True)
    assert {report.result for report in running.reports} <= {ShotResult.fired, ShotResult.late}
    fired = [report for report in running.reports if report.result is ShotResult.fired]
    assert len(fired) >= 6
    assert all((r.encoder_count - jobs[r.job_id].open_count) % (1 << 32) <= 50 for r in fired)
    opened = {event.output: event.pos_mm for event in running.events if event.on}
    for report in fired:
        wanted_mm = (jobs[report.job_id].open_count - START) % (1 << 32) / 10
        assert opened[report.job_id] == pytest.approx(wanted_mm, abs=5.1)


def test_a_station_that_falls_silent_gets_no_shot_and_no_belt(running: Running) -> None:
    running.get_ready()
    running.until(lambda _: running.motion.read().speed_mm_s > 1000, run=True, armed=True)
    running.machine.arm([shot(1, running.machine.sample(), 15_000)])
    time.sleep(0.6)
    sample = running.machine.sample()
    assert not sample.running
    assert not sample.armed
    assert [report.result for report in sample.reports] == [ShotResult.ignored]
    assert running.motion.read().speed_mm_s == 0.0


def test_an_emergency_stop_is_seen_and_stops_the_belt(running: Running) -> None:
    running.get_ready()
    running.mishaps.send(Mishap(MishapName.estop, True))
    running.until(lambda sample: not sample.interlocks.estop_ok and not sample.running, run=True, armed=True)
    running.mishaps.send(Mishap(MishapName.estop, False))
    running.until(lambda sample: sample.interlocks.estop_ok and not sample.running, run=True, armed=True)
    running.get_ready()


def test_a_silent_controller_is_lost_and_found(running: Running) -> None:
    running.get_ready()
    running.mishaps.send(Mishap(MishapName.silent, True))
    with pytest.raises(MachineLost):
        running.until(lambda _: False, run=True, armed=True)
    running.mishaps.send(Mishap(MishapName.silent, False))
    time.sleep(0.1)
    running.machine.open()
    running.get_ready()


def test_a_restarted_controller_begins_a_new_count_with_the_belt_off(running: Running) -> None:
    running.get_ready()
    running.until(lambda sample: 50_000 < sample.encoder_count < START, run=True, armed=True, seconds=12)
    running.mishaps.send(Mishap(MishapName.restart, True))
    with pytest.raises(MachineLost, match="started anew"):
        running.until(lambda _: False, run=True, armed=True)
    running.machine.open()
    sample = running.machine.sample()
    assert sample.encoder_count < 40_000
    assert not sample.running


def test_a_port_in_use_is_told_in_one_sentence() -> None:
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = started(EmulatorSettings(SETTINGS, port=port), motion.name, their_valves, their_mishaps)
        word = first_word(mishaps)
        process.join(5)
    valves.close()
    mishaps.close()
    motion.close()
    assert process.exitcode == 2
    assert isinstance(word, EmulatorFailed)
    assert f"127.0.0.1:{port}" in word.sentence


def test_the_emulator_ends_with_its_parent() -> None:
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    process = started(EmulatorSettings(SETTINGS, port=0), motion.name, their_valves, their_mishaps)
    assert isinstance(first_word(mishaps), EmulatorReady)
    mishaps.close()
    process.join(5)
    valves.close()
    motion.close()
    assert process.exitcode == 0
