"""The bars of the serial board and of plain outputs, under load: python -m tests.control.bar_machines --help.

The control process runs as it does in a station, real-time where that is allowed; this process plays vision and knows
from the plant's own events when every output truly switched.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from control.coupler_map import CouplerMap
from control.guard import GuardLimits
from control.lateness import ErrorCurve, Lateness
from control.process import ControlSettings, ControlStatus
from control.serial_machine import SerialBoardSettings
from control.types import Command, Job, MachineDown, MachineSample, ShotReport, ShotResult
from hil.board_bench import BoardSettings
from hil.controller import ControllerSettings
from hil.drive import DriveSettings, EncoderSettings
from station.link import open_link
from station.wiring import MachineChoice
from tests.control import bench_board, bench_coupler
from tests.control.bench_process import run_machine

OUTPUTS = 48
LONGEST_MS = 60.0
# What is closed by the station has the coupler's watchdog on top of its longest shot.
COUPLER_LONGEST_MS = 120.0
AHEAD_MS = 250.0
PULSE_MM = 40.0
TICKS_PER_MM = 10.0
START = 2**32 - 200_000


class Plant(NamedTuple):
    choice: MachineChoice
    bench: bench_board.Bench | bench_coupler.Bench
    runs_on: str
    longest_ms: float


class Bar(NamedTuple):
    """What came out. ``truth`` is of openings as they truly happened, against the counts that were wanted."""

    jobs: int
    results: dict[str, int]
    reports_twice: int
    unanswered: int
    longest_on_ms: float
    left_on: int
    unpaired: int
    truth: ErrorCurve
    own: ErrorCurve | None
    downs: dict[str, int]
    late_polls: int
    fifo: bool


def plant(kind: str, speed_mm_s: float) -> AbstractContextManager[Plant]:
    """A plant by name: board, board-micropython, festo or beckhoff."""
    drive = DriveSettings(speed_mm_s=speed_mm_s, ramp_mm_s2=20_000.0)
    if kind.startswith("board"):
        return _board(drive, None if kind == "board-micropython" else (sys.executable,))
    return _coupler(drive, {"festo": bench_coupler.FESTO, "beckhoff": bench_coupler.BECKHOFF}[kind])


@contextmanager
def _board(drive: DriveSettings, python: tuple[str, ...] | None) -> Iterator[Plant]:
    controller = ControllerSettings((LONGEST_MS,) * 49, drive, EncoderSettings(start_count=START))
    with TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        with bench_board.board(BoardSettings(controller, port, python)) as bench:
            choice = SerialBoardSettings(str(port), 115200, bench_board.BOARD_IDENTITY)
            yield Plant(choice, bench, bench.ready.runs_on, LONGEST_MS)


@contextmanager
def _coupler(drive: DriveSettings, made: CouplerMap) -> Iterator[Plant]:
    encoder = EncoderSettings(start_count=START)
    with bench_coupler.coupler(made, drive, encoder, patient_ms=60.0, longest_on_ms=COUPLER_LONGEST_MS) as bench:
        yield Plant(bench.settings, bench, made.name, COUPLER_LONGEST_MS)


def run_bar(made: Plant, seconds: float, per_s: float, speed_mm_s: float) -> Bar:
    """Jobs at this rate for so long, each far enough ahead; then everything that waits is let finish."""
    (vision, vision_end), (station, station_end) = open_link(), open_link()
    limits = GuardLimits(outputs=(1 << OUTPUTS) - 1, max_length_counts=10_000, max_open_counts=10**9)
    process = multiprocessing.get_context("spawn").Process(
        target=run_machine, args=(ControlSettings(limits), made.choice, vision_end, station_end)
    )
    process.start()
    vision_end.close()
    station_end.close()
    jobs: dict[int, Job] = {}
    reports: list[ShotReport] = []
    statuses: list[ControlStatus] = []
    newest: MachineSample | None = None
    begun: float | None = None
    length = round(PULSE_MM * TICKS_PER_MM)
    ahead = round(AHEAD_MS * 1e-3 * speed_mm_s * TICKS_PER_MM)
    rested = 0
    due: float | None = None
    downs: Counter[str] = Counter()
    deadline = time.monotonic() + seconds + 60.0
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # as vision does
    while time.monotonic() < (deadline if begun is None else begun + seconds + 1.0):
        new: list[Job] = []
        if newest is not None and newest.armed:
            begun = begun or time.monotonic()
            due = due or begun + 0.5
            while due < min(begun + seconds, time.monotonic()):
                due = max(due + 1 / per_s, time.monotonic() - 0.1)
                number = len(jobs) + 1
                at = (newest.encoder_count + ahead) % 2**32
                new.append(Job(number, at, length, 1 << number % OUTPUTS, 0, 0))
                jobs[number] = new[-1]
        vision.send(Command(run=rested > 30, armed=rested > 30, jobs=tuple(new), seen_ns=time.monotonic_ns()))
        for message in vision.receive():
            if isinstance(message, MachineSample):
                newest = message
                rested += 1
                reports += message.reports
            elif isinstance(message, MachineDown):
                rested = 0  # a person resets and starts again
                downs[message.code] += 1
        statuses += [message for message in station.receive() if isinstance(message, ControlStatus)]
        made.bench.feel()
        time.sleep(0.005)
    process.terminate()
    process.join(5)
    vision.close()
    station.close()
    time.sleep(0.3)
    return _judge(made, jobs, reports, statuses, downs)


def _judge(
    made: Plant, jobs: dict[int, Job], reports: list[ShotReport], statuses: list[ControlStatus], downs: Counter[str]
) -> Bar:
    truth, unpaired = _truth(made, jobs, reports)
    on_ms, left_on = _on_times(made)
    seen = Counter(report.job_id for report in reports)
    return Bar(
        len(jobs),
        dict(Counter(report.result.value for report in reports)),
        sum(count > 1 for count in seen.values()),
        len(jobs.keys() - seen.keys()),
        max(on_ms, default=0.0),
        left_on,
        unpaired,
        truth,
        statuses[-1].shot_error if statuses else None,
        dict(downs),
        statuses[-1].late_polls if statuses else -1,
        bool(statuses and statuses[-1].fifo),
    )


def _truth(made: Plant, jobs: dict[int, Job], reports: list[ShotReport]) -> tuple[ErrorCurve, int]:
    """Each fired job against the true opening of its output, in the order both happened; and what has no partner."""
    lateness, unpaired = Lateness(), 0
    for output in range(OUTPUTS):
        opened = [event for event in made.bench.feel() if event.output == output and event.on]
        fired = [r.job_id for r in reports if r.result is ShotResult.fired and jobs[r.job_id].outputs == 1 << output]
        unpaired += abs(len(opened) - len(fired))
        for event, number in zip(opened, sorted(fired), strict=False):
            wanted_mm = (jobs[number].open_count - START) % 2**32 / TICKS_PER_MM
            lateness.add((event.pos_mm - wanted_mm) / event.speed_mm_s * 1e3, event.pos_mm - wanted_mm)
    return lateness.curve(), unpaired


def _on_times(made: Plant) -> tuple[list[float], int]:
    since: dict[int, int] = {}
    times: list[float] = []
    for event in made.bench.feel():
        if event.on:
            since[event.output] = event.t_ns
        elif event.output in since:
            times.append((event.t_ns - since.pop(event.output)) / 1e6)
    return times, len(since)


@contextmanager
def hogs(number: int) -> Iterator[None]:
    """Processes that only burn."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="board", choices=["board", "board-micropython", "festo", "beckhoff"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--per-s", type=float, default=33.0)
    parser.add_argument("--speed", type=float, default=3000.0, help="belt, mm/s")
    parser.add_argument("--hogs", type=int, default=4)
    asked = parser.parse_args()
    with plant(asked.kind, asked.speed) as made, hogs(asked.hogs):
        bar = run_bar(made, asked.seconds, asked.per_s, asked.speed)
    print(f"{asked.kind} ({made.runs_on}), {asked.speed:g} mm/s, {asked.hogs} hogs, FIFO {bar.fifo}")  # noqa: T201
    print(f"  {bar.jobs} jobs: {bar.results}; twice {bar.reports_twice}, without {bar.unanswered}")  # noqa: T201
    print(f"  longest on {bar.longest_on_ms:.1f} ms (limit {made.longest_ms:g}), left on {bar.left_on}")  # noqa: T201
    print(f"  truth: {bar.truth.sentence()}; without partner {bar.unpaired}")  # noqa: T201
    if bar.own is not None:
        print(f"  as the driver measured it: {bar.own.sentence()}")  # noqa: T201
    print(f"  polls that began late: {bar.late_polls}; down: {bar.downs}")  # noqa: T201


if __name__ == "__main__":
    main()
