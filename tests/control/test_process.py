"""The control process: whatever happens to machine or neighbours, outputs are safe and every job has one answer."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import pytest

from control.guard import GuardLimits
from control.modbus_answers import LineHealth
from control.modbus_machine import ModbusSettings
from control.precedence import take_priority
from control.process import ControlSettings, ControlStatus, Loop, run
from control.types import (
    Command,
    Identity,
    Interlocks,
    Job,
    MachineDown,
    MachineLost,
    MachineMismatch,
    MachineSample,
    OtherMaster,
    ShotReport,
    ShotResult,
)
from station.faults import FAULTS, Effect
from station.link import Link, open_link
from tests.control.bench_plc import IDENTITY, UNIT, Plc, PlcServer
from tests.control.bench_process import run_modbus
from tests.control.yard import ALL_SAFE, MS, make_job

SETTINGS = ControlSettings(GuardLimits(outputs=0b1111, max_length_counts=500), fifo_priority=None)
REST = Command(run=False, armed=False, jobs=())
GO = Command(run=True, armed=True, jobs=())


class BenchMachine:
    """A machine on the bench: obeys at once, fires nothing by itself, and is lost on demand."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.trouble: MachineLost | MachineMismatch | None = None
        self.interlocks: Interlocks = ALL_SAFE
        self.asked = (False, False)
        self.armed_jobs: list[int] = []
        self.reports: list[ShotReport] = []
        self.count = 4711
        self.deeds: list[str] = []

    def open(self) -> Identity:
        self._do("open")
        self.asked = (False, False)
        return IDENTITY

    def sample(self) -> MachineSample:
        self._do("sample")
        reports, self.reports = tuple(self.reports), []
        return MachineSample(self.count, self._now_ns(), self.interlocks, *self.asked, reports)

    def arm(self, jobs: Sequence[Job]) -> None:
        self._do("arm")
        self.armed_jobs += [job.id for job in jobs]

    def beat(self, *, run: bool, armed: bool) -> None:
        self._do("beat")
        self.asked = (run, armed)

    def safe(self) -> None:
        self._do("safe")
        self.asked = (False, False)

    def health(self) -> LineHealth:
        return LineHealth(1000, (("damaged", 3),))

    def close(self) -> None:
        self.deeds.append("close")

    def _do(self, deed: str) -> None:
        self.deeds.append(deed)
        if self.trouble is not None:
            raise self.trouble


class Mailbox:
    """A neighbour's end of a link, in memory."""

    def __init__(self) -> None:
        self.to_control: list[object] = []
        self.from_control: list[object] = []
        self.is_full = self.is_gone = False

    def send(self, message: object) -> bool:
        if not self.is_full:
            self.from_control.append(message)
        return not self.is_full

    def receive(self) -> list[object]:
        if self.is_gone:
            raise ConnectionError
        messages, self.to_control = self.to_control, []
        return messages


class Bench:
    """The loop at work on a clock of its own."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * MS
        self.machine = BenchMachine(lambda: self.now_ns)
        self.vision, self.station = Mailbox(), Mailbox()
        self.loop = Loop(self.machine, self.vision, self.station, SETTINGS, lambda: self.now_ns, fifo=False)

    def step(self, *commands: Command, times: int = 1, late_ms: float = 0.0) -> None:
        for _ in range(times):
            self.vision.to_control += [command._replace(seen_ns=self.now_ns) for command in commands]
            self.loop.step(round(late_ms * MS))
            self.now_ns += 10 * MS

    def started(self) -> Bench:
        self.step(REST, times=2)
        self.step(GO)
        assert self.machine.asked == (True, True)
        return self

    def told(self, kind: type[MachineSample] | type[MachineDown]) -> list[object]:
        return [message for message in self.vision.from_control if isinstance(message, kind)]

    def reports(self) -> list[tuple[int, ShotResult]]:
        samples = [message for message in self.vision.from_control if isinstance(message, MachineSample)]
        return [(report.job_id, report.result) for sample in samples for report in sample.reports]


def order(*ids: int, length: int = 100) -> Command:
    return GO._replace(jobs=tuple(make_job(n, length=length) for n in ids))


def statuses(bench: Bench) -> list[ControlStatus]:
    return [message for message in bench.station.from_control if isinstance(message, ControlStatus)]


def test_nothing_moves_before_a_fresh_order() -> None:
    bench = Bench()

    bench.step(GO, times=5)

    assert bench.machine.asked == (False, False)
    assert bench.machine.deeds[0] == "open"


def test_a_rest_and_a_fresh_order_that_come_in_one_poll_are_both_heard() -> None:
    bench = Bench()
    bench.step()

    bench.step(REST, GO)
    bench.step(GO)

    assert bench.machine.asked == (True, True)
    assert bench.told(MachineDown) == []


def test_a_rest_that_came_while_the_machine_was_opened_is_heard() -> None:
    bench = Bench()

    bench.step(REST)
    bench.step(GO)
    bench.step(GO)

    assert bench.machine.asked == (True, True)
    assert bench.told(MachineDown) == []


def test_a_rest_before_a_stop_does_not_count_after_it() -> None:
    bench = Bench().started()
    bench.machine.interlocks = ALL_SAFE._replace(estop_ok=False)
    bench.step(REST, GO)
    bench.step(GO)
    bench.machine.interlocks = ALL_SAFE
    bench.step(GO, times=5)

    assert bench.machine.asked == (False, False)


def test_jobs_of_all_commands_of_a_poll_are_armed_and_the_newest_request_counts() -> None:
    bench = Bench().started()

    bench.step(Command(run=False, armed=False, jobs=order(1).jobs), order(2, 3))

    assert bench.machine.armed_jobs == [1, 2, 3]
    assert bench.machine.asked == (True, True)


def test_every_poll_is_told_to_vision() -> None:
    bench = Bench().started()
    before = len(bench.told(MachineSample))

    bench.step(GO, times=7)

    assert len(bench.told(MachineSample)) == before + 7


def test_a_job_the_guard_refuses_is_reported_as_ignored() -> None:
    bench = Bench().started()

    bench.step(order(1, length=501), order(2))

    assert bench.machine.armed_jobs == [2]
    assert bench.reports() == [(1, ShotResult.ignored)]


def test_reports_that_vision_had_no_room_for_are_told_again_in_order() -> None:
    bench = Bench().started()
    bench.vision.is_full = True
    bench.machine.reports = [ShotReport(1, ShotResult.fired, 1)]
    bench.step(GO)
    bench.machine.reports = [ShotReport(2, ShotResult.late, 2)]
    bench.step(GO)
    assert bench.reports() == []

    bench.vision.is_full = False
    bench.step(GO, times=3)

    assert bench.reports() == [(1, ShotResult.fired), (2, ShotResult.late)]


def test_jobs_pending_when_the_machine_is_lost_are_unanswered_and_then_the_loss_is_told() -> None:
    bench = Bench().started()
    bench.step(order(1, 2, 3))
    bench.machine.reports = [ShotReport(2, ShotResult.fired, 1)]
    bench.step(GO)
    bench.machine.trouble = MachineLost("the cable is out")
    bench.step(order(4))

    assert bench.reports() == [(2, ShotResult.fired), *((n, ShotResult.unanswered) for n in (1, 3, 4))]
    carrier, down = bench.vision.from_control[-2:]
    assert isinstance(carrier, MachineSample)
    assert (carrier.running, carrier.armed, carrier.taken_ns) == (False, False, bench.now_ns - 20 * MS)
    assert down == MachineDown("machine-lost", "the cable is out")


def test_another_master_is_a_fault_of_its_own() -> None:
    bench = Bench().started()
    bench.machine.trouble = OtherMaster("somebody writes")
    bench.step(GO)

    assert bench.vision.from_control[-1] == MachineDown("other-master", "somebody writes")
    assert FAULTS["other-master"].effect is Effect.stop


def test_the_age_of_counts_is_found_and_taken_off_their_instants() -> None:
    """A program that copies its count every 7 ms: in the mean it is 3.5 ms old when it is read."""
    bench = Bench().started()
    counts_per_ms = 15
    for _ in range(1200):
        bench.machine.count = counts_per_ms * (bench.now_ns // (7 * MS)) * 7
        bench.step(GO)
        bench.now_ns -= round(0.3 * MS)

    samples = [message for message in bench.vision.from_control[-300:] if isinstance(message, MachineSample)]
    late_ms = [sample.taken_ns / MS - sample.encoder_count / counts_per_ms for sample in samples]
    assert abs(sum(late_ms)) / len(late_ms) < 0.6
    age_us = statuses(bench)[-1].sample_age_us
    assert age_us is not None
    assert 2900 < age_us < 3600


def test_what_the_driver_counts_of_its_answers_is_in_the_status() -> None:
    bench = Bench()
    bench.step(REST, times=101)

    assert statuses(bench)[-1].line == LineHealth(1000, (("damaged", 3),))


def test_jobs_sent_in_the_poll_that_fails_to_open_the_machine_are_ignored() -> None:
    bench = Bench().started()
    bench.machine.trouble = MachineLost("the cable is out")
    bench.step(GO)
    bench.machine.deeds.clear()

    for n in range(100, 170):
        bench.step(order(n))

    assert "open" in bench.machine.deeds
    assert bench.reports() == [(n, ShotResult.ignored) for n in range(100, 170)]


def test_jobs_sent_while_the_machine_is_away_are_ignored() -> None:
    bench = Bench().started()
    bench.machine.trouble = MachineLost("the cable is out")
    bench.step(GO)

    bench.step(order(5))

    assert bench.reports() == [(5, ShotResult.ignored)]


def test_a_lost_machine_is_opened_again_every_half_second_and_the_loss_repeated() -> None:
    bench = Bench().started()
    bench.machine.trouble = MachineLost("the cable is out")
    bench.machine.deeds.clear()

    bench.step(GO, times=201)

    assert bench.machine.deeds.count("open") in {4, 5}
    assert bench.told(MachineDown) == [MachineDown("machine-lost", "the cable is out")] * 5


def test_a_machine_that_is_back_waits_for_a_fresh_order() -> None:
    bench = Bench().started()
    bench.machine.trouble = MachineLost("the cable is out")
    bench.step(GO, times=10)
    bench.machine.trouble = None

    bench.step(GO, times=60)
    assert bench.machine.asked == (False, False)
    bench.step(REST)
    bench.step(GO)

    assert bench.machine.asked == (True, True)


def test_another_controller_is_told_as_a_mismatch() -> None:
    bench = Bench()
    bench.machine.trouble = MachineMismatch("expected 49 outputs, found 17")

    bench.step(REST, times=3)

    assert bench.told(MachineDown) == [MachineDown("machine-mismatch", "expected 49 outputs, found 17")]
    assert bench.told(MachineSample) == []


def test_a_silent_vision_makes_the_machine_safe_once_and_is_told_why_it_is_held() -> None:
    bench = Bench().started()
    bench.step(GO)
    bench.machine.deeds.clear()

    bench.step(times=110)
    assert bench.machine.asked == (False, False)
    assert bench.machine.deeds.count("safe") == 1
    bench.step(GO, times=20)

    assert bench.machine.asked == (False, False)
    told = [down.code for down in bench.told(MachineDown) if isinstance(down, MachineDown)]
    assert told == ["orders-late", "orders-late", "control-held"]
    bench.step(REST)
    bench.step(GO, times=60)
    assert bench.machine.asked == (True, True)
    assert len(bench.told(MachineDown)) == 3


def test_a_vision_that_is_late_for_a_moment_loses_the_shots_of_that_moment_and_no_more() -> None:
    bench = Bench().started()
    bench.step(GO)
    bench.machine.deeds.clear()

    bench.step(times=40)
    assert bench.machine.asked == (True, False)
    assert "safe" not in bench.machine.deeds
    bench.step(GO)
    assert bench.machine.asked == (True, False)
    bench.step(Command(run=True, armed=False, jobs=()))
    bench.step(GO)

    assert bench.machine.asked == (True, True)
    assert {down.code for down in bench.told(MachineDown) if isinstance(down, MachineDown)} == {"orders-late"}


@pytest.mark.parametrize("interlock", ["estop_ok", "guard_closed"])
def test_an_open_interlock_drops_every_request(interlock: str) -> None:
    bench = Bench().started()
    bench.machine.interlocks = Interlocks(*(name != interlock for name in Interlocks._fields))
    bench.step(order(1))
    bench.step(order(2))

    assert bench.machine.asked == (False, False)
    assert bench.machine.armed_jobs == [1]


def test_the_station_is_told_about_once_a_second() -> None:
    bench = Bench()
    bench.step(REST, times=100, late_ms=1.0)
    bench.step(REST, times=101, late_ms=3.0)

    told = statuses(bench)
    assert [status.polls for status in told] == [1, 101, 201]
    assert [status.late_polls for status in told] == [0, 1, 101]
    assert all(status.connected and not status.fifo and status.held is None for status in told[1:])
    assert told[-1].resident_kb > 1000


def test_a_neighbour_that_is_gone_ends_the_process_with_the_outputs_off_first() -> None:
    now = [0]
    machine, vision, station = BenchMachine(lambda: now[0]), Mailbox(), Mailbox()

    def sleep(seconds: float) -> None:
        now[0] += round(seconds * 1e9)
        station.is_gone = now[0] > 100 * MS

    run(machine, vision, station, SETTINGS, now_ns=lambda: now[0], sleep=sleep)

    assert machine.deeds[-2:] == ["safe", "close"]
    assert machine.deeds.count("sample") == 12  # one when it was opened, then one a poll


def test_missed_periods_are_not_caught_up() -> None:
    now, slept = [0], list[float]()
    machine, vision, station = BenchMachine(lambda: now[0]), Mailbox(), Mailbox()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += round(seconds * 1e9) + (34 * MS if len(slept) == 2 else 0)
        station.is_gone = len(slept) == 4

    run(machine, vision, station, SETTINGS, now_ns=lambda: now[0], sleep=sleep)

    assert slept == pytest.approx([0.010, 0.010, 0.006, 0.010])
    assert machine.deeds.count("sample") == 5


def test_a_machine_that_cannot_be_made_safe_any_more_is_still_let_go() -> None:
    bench = Bench().started()
    bench.machine.trouble = MachineLost("the cable is out")

    bench.loop.stop()

    assert bench.machine.deeds[-2:] == ["safe", "close"]


def test_priority_that_nobody_wants_is_not_taken() -> None:
    assert take_priority(None) is False
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_priority_that_does_not_exist_is_reported_as_not_taken() -> None:
    assert take_priority(1000) is False


def start_process(port: int) -> tuple[multiprocessing.process.BaseProcess, Link, Link]:
    (vision, vision_end), (station, station_end) = open_link(), open_link()
    settings = ControlSettings(SETTINGS.limits, status_ms=50.0)
    modbus = ModbusSettings("127.0.0.1", port, UNIT, IDENTITY, timeout_ms=2000.0, max_round_trip_ms=1000.0)
    process = multiprocessing.get_context("spawn").Process(
        target=run_modbus, args=(settings, modbus, vision_end, station_end)
    )
    process.start()
    vision_end.close()
    station_end.close()
    return process, vision, station


def pump(vision: Link, command: Command, done: Callable[[list[object]], bool]) -> list[object]:
    """Speak as vision does, every few milliseconds, until what was heard is enough."""
    heard: list[object] = []
    deadline = time.monotonic() + 20
    while not done(heard) and time.monotonic() < deadline:
        vision.send(command)
        command = command._replace(jobs=())
        time.sleep(0.005)
        heard += vision.receive()
    assert done(heard)
    return heard


def is_running(heard: list[object]) -> bool:
    return any(isinstance(message, MachineSample) and message.armed for message in heard)


def has_report(heard: list[object]) -> bool:
    return any(isinstance(message, MachineSample) and message.reports for message in heard)


@pytest.mark.parametrize("end", ["sigterm", "station gone", "vision gone"])
def test_a_real_process_on_a_real_socket_fires_and_then_lets_go_safely(end: str) -> None:
    with PlcServer(Plc()) as server:
        process, vision, station = start_process(server.port)
        pump(vision, REST, lambda heard: len(heard) > 10)
        pump(vision, GO, is_running)
        soon = (int(server.plc.count) + 1500) % 2**32
        order_now = GO._replace(jobs=(make_job(1, open_count=soon),), seen_ns=time.monotonic_ns())
        heard = pump(vision, order_now, has_report)
        reports = [r for message in heard if isinstance(message, MachineSample) for r in message.reports]
        assert [(r.job_id, r.result) for r in reports] == [(1, ShotResult.fired)]
        assert any(isinstance(message, ControlStatus) and message.connected for message in station.receive())

        if end == "sigterm":
            assert process.pid is not None
            os.kill(process.pid, signal.SIGTERM)
        else:
            (station if end == "station gone" else vision).close()
        process.join(10)

        assert process.exitcode == 0
        time.sleep(0.02)
        assert (server.plc.running, server.plc.armed) == (False, False)
        vision.close()
        station.close()


def test_the_control_process_stays_small() -> None:
    script = (
        "import control.process, control.modbus_machine, sys; "
        "heavy = {'numpy', 'cv2', 'fastapi', 'onnxruntime', 'pydantic', 'sqlite3'} & set(sys.modules); "
        "assert not heavy, heavy; print(control.process.resident_kb())"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(done.stdout) < 60_000
