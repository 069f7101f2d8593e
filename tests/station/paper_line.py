"""A line on paper: the emulated controller in lock step, pieces that are seen without pictures, and made-up time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from control.schedule import ScheduleSettings
from control.types import Ejector, EjectorKind, Interlocks, MachineDown, MachineSample, Recipe, Rule
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.sim import SimMachine
from hil.types import Mishap, MishapName, ValveEvent
from station.ledger import Provenance
from station.sorter import Sorter, SorterSettings
from station.types import Inputs, Order, OrderGiven, Outputs, PieceRecord, State
from vision.tracker import TrackerSettings
from vision.types import Box, FrameStamp, Look, LookRequest, Sighting

LABELS = ("CU-NO2", "FE-SHRED", "BAT-LI")
VIEW_MM = 640.0
STEP_NS = 10_000_000
EXPOSED_BEFORE_NS = 4_000_000
SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)


@dataclass(frozen=True)
class PaperPiece:
    at_mm: float
    across_mm: float
    label: int
    sureness: float = 0.97


def settings(counter_bits: int, min_slack_ms: float) -> SorterSettings:
    lanes = tuple(Ejector(n, EjectorKind.valve, "copper", n * 50.0, n * 50.0 + 50, 1000.0, 12.0) for n in range(16))
    return SorterSettings(
        ticks_per_mm=10.0,
        counter_bits=counter_bits,
        max_speed_mm_s=4000.0,
        step_mm=40.0,
        decision_mm=560.0,
        close_mm=1300.0,
        purge_mm=1400.0,
        sure=0.98,
        max_looks=6,
        max_looks_per_step=12,
        min_sightings=2,
        labels=LABELS,
        class_codes=(1, 2, 3),
        correlation=0.5,
        ejectors=lanes,
        recipe=Recipe("paper", "1", "rest", (Rule(("CU-NO2",), "copper", 0.6),), ("BAT-LI",), 0.5),
        schedule=ScheduleSettings(min_slack_ms=min_slack_ms),
        tracker=TrackerSettings(labels=len(LABELS)),
        provenance=Provenance("run", "paper 1", "model"),
        is_simulated=True,
    )


class PaperEye:
    """Sees the pieces that lie whole or cut in the view when the belt has run ``pos_mm``."""

    def __init__(self, pieces: Sequence[PaperPiece]) -> None:
        self._pieces = pieces
        self._shown: list[PaperPiece] = []
        self.pos_mm = 0.0

    def find(self) -> tuple[Sighting, ...]:
        self._shown = [piece for piece in self._pieces if -20 < self.pos_mm - piece.at_mm < VIEW_MM + 20]
        return tuple(map(self._sighting, self._shown))

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        return tuple(Look(request.piece_id, self._scores(self._shown[request.sighting])) for request in requests)

    def _sighting(self, piece: PaperPiece) -> Sighting:
        down, across = self.pos_mm - piece.at_mm, piece.across_mm
        whole = 20 <= down <= VIEW_MM - 20
        box = Box(int(across), max(0, int(down)), 40, 40)
        return Sighting(down, across, across - 20, across + 20, 40.0, 1200.0, False, whole, box)

    @staticmethod
    def _scores(piece: PaperPiece) -> tuple[float, ...]:
        rest = (1 - piece.sureness) / (len(LABELS) - 1)
        return tuple(log(piece.sureness if n == piece.label else rest) for n in range(len(LABELS)))


class PaperLine:
    """Sorter and controller on one made-up clock; ``fired`` are the valve events."""

    def __init__(
        self,
        pieces: Sequence[PaperPiece],
        *,
        counter_bits: int = 32,
        start_count: int = 0,
        speed_mm_s: float = 1500.0,
        min_slack_ms: float = 60.0,
        ramp_mm_s2: float = 1000.0,
        made: SorterSettings | None = None,
    ) -> None:
        self.now_ns = 1_000_000_000
        made = settings(counter_bits, min_slack_ms) if made is None else made
        self.sorter = Sorter(made)
        self.eye = PaperEye(pieces)
        encoder = EncoderSettings(10.0, counter_bits, start_count)
        self.belt = DrivenBelt(
            DriveSettings(speed_mm_s=speed_mm_s, wow=0.0, ramp_mm_s2=ramp_mm_s2), encoder, self.now_ns
        )
        self.fired: list[ValveEvent] = []
        limits = ControllerSettings((400.0,) * (max(e.output for e in made.ejectors) + 1), encoder=encoder)
        self.machine = SimMachine(limits, self.belt, lambda: self.now_ns, self.fired.append)
        self.machine.open()
        self.records: list[PieceRecord] = []
        self.states: list[State] = []
        self.refusals: list[str] = []
        self.is_silent = False
        self.is_late = False
        self._frames = 0
        self.run(0.1)

    def run(self, seconds: float, *orders: Order) -> Outputs:
        """Go on for so long; the orders are given in the first step."""
        given = tuple(OrderGiven(n, order, "test") for n, order in enumerate(orders))
        outputs = self.step(given)
        for _ in range(round(seconds * 1e9 / STEP_NS) - 1):
            outputs = self.step(())
        return outputs

    def step(self, orders: tuple[OrderGiven, ...]) -> Outputs:
        self.now_ns += STEP_NS
        news: tuple[MachineSample | MachineDown, ...] = (self.machine.sample(),)
        motion = self.belt.motion
        self.eye.pos_mm = motion.pos_mm - motion.speed_mm_s * EXPOSED_BEFORE_NS * 1e-9
        self._frames += 1
        frame = FrameStamp(self._frames, self.now_ns - EXPOSED_BEFORE_NS, None)
        if self.is_late:
            news += (MachineDown("orders-late", "test"),)
        if self.is_silent:
            news = (MachineDown("machine-lost", "test"),)
        outputs = self.sorter.step(Inputs(self.now_ns, frame, 0, news, orders, ()), self.eye)
        self.machine.beat(run=outputs.command.run, armed=outputs.command.armed)
        self.machine.arm(outputs.command.jobs)
        self.records += outputs.records
        self.states.append(outputs.status.state)
        self.refusals += [answer.refusal for answer in outputs.answers if answer.refusal]
        return outputs

    def suffer(self, name: MishapName, *, on: bool) -> None:
        self.machine.suffer(Mishap(name, on))

    def finish(self) -> list[PieceRecord]:
        self.records += self.sorter.finish(self.now_ns)
        return self.records
