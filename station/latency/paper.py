"""Pieces on paper: a vision process without pictures, so that only the hand and its timing are measured."""

from __future__ import annotations

import math
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from control.precedence import VISION, take_precedence
from control.types import Command, Ejector, Job, MachineDown, MachineSample, ShotResult
from hil.motion import Motion
from station.link import Link
from station.sorter import Sorter, SorterSettings
from station.types import Finish, Finished, Inputs, Order, OrderGiven, Outputs, State
from vision.process import Bindings, LoopSettings, News
from vision.process import run as run_loop
from vision.types import Box, Frame, Look, LookRequest, Outlines, Sighting

_LENGTH_MM = 40.0
_WIDTH_MM = 30.0
_SURE = 0.98
_SETTLE_NS = 500_000_000
_FRESH_NS = 2_000_000
_TRIES = 20


class PaperPiece(NamedTuple):
    """Its centre passes the datum line when the belt has run ``at_mm``; it belongs under this one ejector."""

    at_mm: float
    ejector: Ejector
    label: int


@dataclass(frozen=True, slots=True)
class PaperBelt:
    """A piece every ``spacing_mm``, each under another lane than the one before; ``view_mm`` is what is seen."""

    ejectors: tuple[Ejector, ...]
    labels: tuple[int, ...]
    spacing_mm: float
    view_mm: float

    def between(self, first_mm: float, last_mm: float) -> list[tuple[int, PaperPiece]]:
        """Pieces whose centre lies there, with their numbers."""
        numbers = range(max(0, math.ceil(first_mm / self.spacing_mm)), math.floor(last_mm / self.spacing_mm) + 1)
        return [(n, self.piece(n)) for n in numbers]

    def piece(self, number: int) -> PaperPiece:
        """Lanes are taken in strides of five, so that neighbours in time are no neighbours on the belt."""
        n = number * 5 % len(self.ejectors) if len(self.ejectors) % 5 else number % len(self.ejectors)
        return PaperPiece(number * self.spacing_mm, self.ejectors[n], self.labels[n])


@dataclass(frozen=True, slots=True)
class PaperSetup:
    """What the process needs; ``motion`` names the shared memory in which the belt's truth is."""

    sorter: SorterSettings
    belt: PaperBelt
    motion: str
    fps: float


class JobTally(NamedTuple):
    """Jobs sent, answered once, more than once and never; what became of them; and how many counts after its own
    each fired one acted: p50, p99.9 and the most."""

    sent: int
    once: int
    twice: int
    never: int
    results: tuple[tuple[str, int], ...]
    behind_p50: int
    behind_p999: int
    behind_max: int


class PaperSight:
    """Camera and eye in one: it looks at the true belt through no lens."""

    def __init__(self, setup: PaperSetup) -> None:
        self._setup = setup
        self._motion = Motion(setup.motion)
        self._image = np.zeros((2, 2, 3), np.uint8)
        self._period_ns = round(1e9 / setup.fps)
        self._due_ns = 0
        self._seq = 0
        self._pos_mm = 0.0
        self._shown: list[tuple[int, PaperPiece]] = []
        self.dropped = 0
        self.finished = False

    def open(self) -> None:
        self._due_ns = time.monotonic_ns()  # noqa: TID251 - a device's clock

    def read(self, timeout_ms: int) -> Frame | None:
        """The next picture of the grid; those whose time has passed are dropped."""
        now_ns = time.monotonic_ns()  # noqa: TID251 - a device's clock
        wait_ns = self._due_ns - now_ns
        if wait_ns > 0:
            time.sleep(min(wait_ns, timeout_ms * 1_000_000) / 1e9)  # noqa: TID251 - a device waits
            now_ns = time.monotonic_ns()  # noqa: TID251 - a device's clock
        if now_ns < self._due_ns:
            return None
        missed = (now_ns - self._due_ns) // self._period_ns
        self.dropped += missed
        self._due_ns += (1 + missed) * self._period_ns
        self._seq += 1 + missed
        captured_ns, self._pos_mm = self._look_down()
        return Frame(self._seq, captured_ns, None, self._image)

    def _look_down(self) -> tuple[int, float]:
        """An instant, and where the belt truly was; once more when this process was held up in between."""
        for _ in range(_TRIES):
            motion = self._motion.read()
            captured_ns = time.monotonic_ns()  # noqa: TID251 - a device's clock
            if captured_ns - motion.t_ns < _FRESH_NS:
                break
        return captured_ns, motion.at(captured_ns)

    def show(self, frame: Frame) -> None:
        """The place was noted when the picture was taken."""

    def outlines(self) -> Outlines:
        """Nobody looks."""
        return ()

    def find(self) -> tuple[Sighting, ...]:
        half = _LENGTH_MM / 2
        self._shown = self._setup.belt.between(self._pos_mm - self._setup.belt.view_mm - half, self._pos_mm + half)
        return tuple(self._sighting(piece) for _, piece in self._shown)

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        labels = len(self._setup.sorter.labels)
        rest = math.log((1 - _SURE) / (labels - 1))
        looks = []
        for request in requests:
            scores = [rest] * labels
            scores[self._shown[request.sighting][1].label] = math.log(_SURE)
            looks.append(Look(request.piece_id, tuple(scores)))
        return tuple(looks)

    def close(self) -> None:
        self._motion.close()

    def _sighting(self, piece: PaperPiece) -> Sighting:
        down, half = self._pos_mm - piece.at_mm, _LENGTH_MM / 2
        across = (piece.ejector.left_mm + piece.ejector.right_mm) / 2
        whole = half <= down <= self._setup.belt.view_mm - half
        box = Box(round(across), max(0, round(down)), 40, 40)
        left, right = across - _WIDTH_MM / 2, across + _WIDTH_MM / 2
        return Sighting(down, across, left, right, _LENGTH_MM, _LENGTH_MM * _WIDTH_MM, False, whole, box)


class CountingLink:
    """The link to control, and the tally of what went over it."""

    def __init__(self, link: Link, counter_bits: int) -> None:
        self._link = link
        self._half = 1 << counter_bits >> 1
        self._jobs: dict[int, Job] = {}
        self._answers: Counter[int] = Counter()
        self._results: Counter[ShotResult] = Counter()
        self._behind: list[int] = []

    def send(self, message: object) -> bool:
        sent = self._link.send(message)
        if sent and isinstance(message, Command):
            self._jobs.update((job.id, job) for job in message.jobs)
        return sent

    def receive(self) -> list[object]:
        messages = self._link.receive()
        for message in messages:
            if isinstance(message, MachineSample):
                self._note(message)
        return messages

    def fileno(self) -> int:
        return self._link.fileno()

    def tally(self) -> JobTally:
        """Everything so far."""
        counts = [self._answers[job] for job in self._jobs]
        behind = sorted(self._behind) or [0]
        middle, high = behind[len(behind) // 2], behind[min(len(behind) - 1, math.ceil(0.999 * len(behind)) - 1)]
        results = tuple(sorted((result.value, n) for result, n in self._results.items()))
        never, once = counts.count(0), counts.count(1)
        return JobTally(len(counts), once, len(counts) - once - never, never, results, middle, high, behind[-1])

    def _note(self, sample: MachineSample) -> None:
        for report in sample.reports:
            job = self._jobs.get(report.job_id)
            self._answers[report.job_id] += 1
            self._results[report.result] += 1
            if job is not None and report.result is ShotResult.fired:
                late = (report.encoder_count - job.open_count + self._half) % (2 * self._half) - self._half
                self._behind.append(late)


class _Talk:
    """Starts the line, hands on the records, and leaves when told."""

    def __init__(self, station: Link) -> None:
        self._station = station
        self._unsent: deque[object] = deque()
        self._state = State.idle
        self._told = (State.idle, 0)
        self._connected_ns: int | None = None
        self.finishing_ns: int | None = None

    def inputs(self, news: News) -> Inputs:
        machine = tuple(item for item in news.machine if isinstance(item, MachineSample | MachineDown))
        if self._connected_ns is None and any(isinstance(item, MachineSample) for item in machine):
            self._connected_ns = news.now_ns
        if self.finishing_ns is None and any(isinstance(message, Finish) for message in news.orders):
            self.finishing_ns = news.now_ns
        return Inputs(news.now_ns, news.frame, 0, machine, self._orders(news.now_ns), news.conditions)

    def _orders(self, now_ns: int) -> tuple[OrderGiven, ...]:
        if self.finishing_ns is not None:
            return (OrderGiven(2, Order.stop, "bench"),) if self._state is not State.idle else ()
        is_settled = self._connected_ns is not None and now_ns - self._connected_ns > _SETTLE_NS
        return (OrderGiven(1, Order.start, "bench"),) if self._state is State.idle and is_settled else ()

    def publish(self, outputs: Outputs, _frame: Frame | None) -> None:
        news = (outputs.status.state, len(outputs.status.faults))
        if news != self._told:
            self._unsent.append(outputs.status)
            self._told = news
        self._state = outputs.status.state
        self._unsent.extend(outputs.records)
        self.flush()

    def say(self, *messages: object) -> None:
        self._unsent.extend(messages)

    def flush(self) -> bool:
        """True when everything is on its way."""
        while self._unsent and self._station.send(self._unsent[0]):
            self._unsent.popleft()
        return not self._unsent

    def is_done(self) -> bool:
        """A second after the stop every job has its answer."""
        now_ns = time.monotonic_ns()  # noqa: TID251 - a process loop
        return self.finishing_ns is not None and now_ns - self.finishing_ns > 1_000_000_000


def paper_vision_main(setup: PaperSetup, machine: Link, station: Link) -> None:
    """Process entry: the real loop and the real sorter, with pieces on paper; ends with its neighbours."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    take_precedence(VISION)
    sight, talk = PaperSight(setup), _Talk(station)
    port = CountingLink(machine, setup.sorter.counter_bits)
    sorter = Sorter(setup.sorter)
    bindings: Bindings[Inputs, Outputs] = Bindings(
        taken_ns=lambda message: message.taken_ns if isinstance(message, MachineSample) else None,
        inputs=talk.inputs,
        command=lambda outputs: outputs.command,
        inspect=lambda _frame: (),
        publish=talk.publish,
        stop=talk.is_done,
    )
    with suppress(ConnectionError):
        run_loop(sight, sight, sorter, port, station, bindings=bindings, settings=LoopSettings())
        now_ns = time.monotonic_ns()  # noqa: TID251 - a process loop
        talk.say(*sorter.finish(now_ns), port.tally(), Finished())
        while not talk.flush():
            time.sleep(0.001)  # noqa: TID251 - the reader is slow
