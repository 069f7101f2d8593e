"""A line that plays a script: emulated controller and belt, an eye that knows the truth, pictures that misbehave."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import NamedTuple

from control.types import MachineDown, MachineSample
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.sim import SimMachine
from hil.types import Mishap, MishapName
from station.recording.tap import TappedSorter, tapped
from station.recording.words import About, Attachment
from station.recording.writer import RecordingWriter
from station.sorter import Sorter
from station.types import Inputs, Order, OrderGiven
from tests.station.paper_line import LABELS, VIEW_MM, settings
from tests.station.recording.recorded_line import FilePort
from vision.types import Box, FrameStamp, Look, LookRequest, Sighting

_MS = 1_000_000
_SIDE_MM = 40.0


class Lying(NamedTuple):
    """A piece on the belt; how sure the network will be of it."""

    at_mm: float
    across_mm: float
    label: int
    sureness: float


@dataclass(frozen=True)
class Turn:
    """A part of a script: for ``seconds`` with orders given and mishaps begun or ended at its start.

    ``late_ms``: how old a picture is when it arrives; ``frozen``: the same picture again and again;
    ``lost``: the controller does not answer; ``dropped``: pictures that nobody read, per step.
    """

    seconds: float
    orders: tuple[Order, ...] = ()
    begin: tuple[MishapName, ...] = ()
    end: tuple[MishapName, ...] = ()
    late_ms: float = 12.0
    frozen: bool = False
    lost: bool = False
    dropped: int = 0


@dataclass(frozen=True)
class Scenario:
    """One golden recording: what it shows in a sentence, what lies on the belt, what happens."""

    name: str
    shows: str
    pieces: tuple[Lying, ...]
    turns: tuple[Turn, ...]
    counter_bits: int = 32
    start_count: int = 0
    profile: tuple[tuple[float, float], ...] = ()


def feed(
    seed: int, number: int, gap_mm: float, first_mm: float = 2500.0, labels: Sequence[int] = (0, 0, 1)
) -> list[Lying]:
    """Pieces at random places, about ``gap_mm`` apart; every sixth is hard to tell."""
    rng = random.Random(seed)
    found = []
    for n in range(number):
        at_mm = first_mm + n * gap_mm + rng.uniform(-0.2, 0.2) * gap_mm
        sureness = 0.45 if n % 6 == 5 else rng.uniform(0.8, 0.99)
        found.append(Lying(at_mm, rng.uniform(30.0, 770.0), rng.choice(labels), sureness))
    return found


class TruthEye:
    """Sees what lies in the view; pieces that touch are one sighting, and flagged."""

    def __init__(self, pieces: Sequence[Lying], seed: int) -> None:
        self._pieces = sorted(pieces)
        self._places = [piece.at_mm for piece in self._pieces]
        self._rng = random.Random(seed)
        self._seen: list[list[Lying]] = []
        self.pos_mm = 0.0

    def find(self) -> tuple[Sighting, ...]:
        self._seen = []
        first = bisect_right(self._places, self.pos_mm - VIEW_MM - _SIDE_MM / 2)
        for piece in self._pieces[first : bisect_left(self._places, self.pos_mm + _SIDE_MM / 2)]:
            self._join(piece)
        return tuple(map(self._sighting, self._seen))

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        return tuple(Look(request.piece_id, self._scores(self._seen[request.sighting][0])) for request in requests)

    def _join(self, piece: Lying) -> None:
        for group in self._seen:
            if any(_touch(piece, other) for other in group):
                group.append(piece)
                return
        self._seen.append([piece])

    def _sighting(self, group: list[Lying]) -> Sighting:
        half = _SIDE_MM / 2
        downs = [self.pos_mm - piece.at_mm for piece in group]
        first, last = max(min(downs) - half, 0.0), min(max(downs) + half, VIEW_MM)
        left = min(piece.across_mm for piece in group) - half + self._rng.uniform(-0.5, 0.5)
        right = max(piece.across_mm for piece in group) + half
        down = (first + last) / 2 + self._rng.uniform(-0.5, 0.5)
        whole = min(downs) >= half and max(downs) <= VIEW_MM - half
        box = Box(round(left), round(first), round(right - left), round(last - first))
        area = 0.75 * _SIDE_MM**2 * len(group)
        return Sighting(down, (left + right) / 2, left, right, last - first, area, len(group) > 1, whole, box)

    def _scores(self, piece: Lying) -> tuple[float, ...]:
        sure = min(0.995, max(0.36, piece.sureness + self._rng.uniform(-0.05, 0.05)))
        rest = (1 - sure) / (len(LABELS) - 1)
        return tuple(round(log(sure if n == piece.label else rest), 4) for n in range(len(LABELS)))


class GoldenLine:
    """Plays a scenario into a file."""

    def __init__(self, scenario: Scenario, path: Path, step_ns: int = 20_000_000) -> None:
        self._now_ns = 1_000_000_000
        self._step_ns = step_ns
        self._frames = 0
        self._frozen_mm: float | None = None
        encoder = EncoderSettings(10.0, scenario.counter_bits, scenario.start_count)
        drive = DriveSettings(profile=scenario.profile)
        self._belt = DrivenBelt(drive, encoder, self._now_ns)
        self._machine = SimMachine(ControllerSettings((400.0,) * 16, encoder=encoder), self._belt, lambda: self._now_ns)
        self._machine.open()
        self._eye = TruthEye(scenario.pieces, seed=1)
        about = About(scenario.name, "golden", "-", "-", "-", 0, is_simulated=True)
        self._writer = RecordingWriter(
            path, about, (Attachment("scenario.txt", "text/plain", scenario.shows.encode()),)
        )
        made = settings(scenario.counter_bits, 60.0)
        self._sorter: TappedSorter = tapped(Sorter(made), made, (), FilePort(self._writer), self._now_ns)

    def play(self, turns: Sequence[Turn]) -> None:
        """All of them, and the end of the run."""
        for turn in turns:
            for mishap, on in (*((name, True) for name in turn.begin), *((name, False) for name in turn.end)):
                self._machine.suffer(Mishap(mishap, on))
            given = tuple(OrderGiven(n, order, "script") for n, order in enumerate(turn.orders, 1))
            for number in range(round(turn.seconds * 1e9 / self._step_ns)):
                self._step(turn, given if number == 0 else ())
        self._sorter.finish(self._now_ns)
        self._sorter.send_rest()
        self._writer.close()

    def _step(self, turn: Turn, orders: tuple[OrderGiven, ...]) -> None:
        self._now_ns += self._step_ns
        sample = self._machine.sample()
        news: tuple[MachineSample | MachineDown, ...] = (sample,)
        if turn.lost:
            news = (MachineDown("machine-lost", "no answer"),)
        conditions = (("camera-frozen", "the same picture again"),) if turn.frozen else ()
        inputs = Inputs(self._now_ns, self._picture(turn), turn.dropped, news, orders, conditions)
        outputs = self._sorter.step(inputs, self._eye)
        self._machine.beat(run=outputs.command.run, armed=outputs.command.armed)
        self._machine.arm(outputs.command.jobs)

    def _picture(self, turn: Turn) -> FrameStamp:
        self._frames += 1
        captured_ns = self._now_ns - round(turn.late_ms * _MS)
        motion = self._belt.motion
        seen_mm = motion.pos_mm - motion.speed_mm_s * turn.late_ms / 1e3
        self._frozen_mm = (self._frozen_mm or seen_mm) if turn.frozen else None
        self._eye.pos_mm = seen_mm if self._frozen_mm is None else self._frozen_mm
        return FrameStamp(self._frames, captured_ns, None)


def _touch(a: Lying, b: Lying) -> bool:
    return max(abs(a.at_mm - b.at_mm), abs(a.across_mm - b.across_mm)) < _SIDE_MM
