"""The measuring process: it stands in for vision while a station is set up, and speaks to control as vision does.

Everything it asks of the machine goes through the guard. The belt runs only while somebody presses, at most half a
minute at a time; nothing is sorted and nothing recorded.
"""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from control.belt import Belt
from control.types import Command, MachineDown, MachineSample
from station.link import Link
from station.marked import marked
from station.state import POWERS
from station.types import (
    ActiveFault,
    Finish,
    Finished,
    Order,
    OrderAnswer,
    OrderGiven,
    RecipeGiven,
    Shown,
    State,
    Status,
)
from station.wiring import CameraChoice, RingCameraChoice, open_camera, open_eye
from station.wizard import tasks
from station.wizard.moment import Moment, Steps
from station.wizard.pieces import PieceRules, watch_pieces
from station.wizard.words import (
    Ask,
    FireEach,
    FollowBelt,
    Found,
    Held,
    Live,
    ReadTick,
    SeeBoard,
    SeeLight,
    Task,
    WatchFall,
    WatchPieces,
)
from station.wizard.worker import Hold, Worker
from vision.camera_watch import CameraWatch, WatchSettings
from vision.finder import FinderSettings
from vision.flat_field import FlatField
from vision.frame_ring import FrameRing, shrink_into
from vision.geometry import Geometry
from vision.model_card import load_card
from vision.picture_meters import Meters, meters
from vision.process import LiveEye, wait_readable
from vision.types import Frame

SILENCE_MS = 500.0
_MS = 1_000_000
_FRAME_WAIT_MS = 20
_TICK_WAIT_MS = 30
_STATUS_NS = 100 * _MS
_LIVE_NS = 200 * _MS
_PICTURE_NS = 60 * _MS
_STILL_PICTURE_NS = 200 * _MS
_SETUP = marked("A technician is at work; leave set-up first.")
_HELD_CODES = ("control-held", "orders-late")


@dataclass(frozen=True, slots=True)
class MeasuringSetup:
    """Everything the measuring process needs; ``newest_piece`` is passed on, so that no number is used twice."""

    camera: CameraChoice
    view: RingCameraChoice
    period_ms: float
    ticks_per_mm: float
    counter_bits: int
    max_speed_mm_s: float
    longest_counts: int
    newest_piece: int
    model: Path
    finder: FinderSettings
    geometry: Geometry
    mm_per_px: float
    flat_field: FlatField | None
    rules: PieceRules


def measuring_main(setup: MeasuringSetup, machine: Link, station: Link) -> None:
    """Process entry; ends with its neighbours, when told to finish, or on SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    now_ns = time.monotonic_ns  # noqa: TID251 - a process loop has a clock
    ring = FrameRing(setup.view.shape, setup.view.slots, setup.view.ring)
    watch = CameraWatch(open_camera(setup.camera), WatchSettings(period_ms=setup.period_ms))
    loop = _Loop(setup, watch, ring, machine, station, now_ns)
    gc.collect()
    gc.freeze()
    watch.open(now_ns())
    try:
        with suppress(ConnectionError, SystemExit):
            while not loop.is_over:
                loop.turn()
            station.send(Finished())
    finally:
        watch.close()
        ring.close()


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)


class _Loop:
    """Camera and control on one side, the station on the other."""

    def __init__(
        self,
        setup: MeasuringSetup,
        watch: CameraWatch,
        ring: FrameRing,
        machine: Link,
        station: Link,
        now_ns: Callable[[], int],
    ) -> None:
        self._setup = setup
        self._watch = watch
        self._ring = ring
        self._machine = machine
        self._station = station
        self._now_ns = now_ns
        self._belt = Belt(setup.ticks_per_mm, setup.counter_bits, setup.max_speed_mm_s)
        self._hold = Hold()
        self._jobs: Iterator[int] = count(1)
        self._worker = Worker(self._begin)
        self._eye: LiveEye | None = None
        self._sample: MachineSample | None = None
        self._down: MachineDown | None = None
        self._epoch = self._frames = self._pictures = 0
        self._status_ns = self._live_ns = self._picture_ns = 0
        self._meters: Meters | None = None
        self._must_rest = False
        self.is_over = False

    def turn(self) -> None:
        """One moment: see, hear, ask, tell. Raises ConnectionError when a neighbour is gone."""
        waits = self._watch.waits
        frame = self._watch.read(_FRAME_WAIT_MS, self._now_ns())
        if frame is None and not waits:
            wait_readable((self._machine,), _FRAME_WAIT_MS / 1000)
        samples = self._drain()
        if frame is not None:
            samples += self._await_tick(frame.captured_ns)
        self._hear()
        now_ns = self._now_ns()
        tick = None if frame is None else frame.tick or self._belt.tick_at(frame.captured_ns)
        moment = Moment(
            now_ns, frame, tick, samples, self._belt, self._hold.at(now_ns), self._epoch, self._down is None
        )
        wish = self._worker.step(moment)
        self._machine.send(Command(wish.run, wish.armed and not self._must_rest, wish.jobs, now_ns))
        self._must_rest = False
        self._tell(now_ns, frame)

    def _drain(self) -> tuple[MachineSample, ...]:
        samples = []
        for message in self._machine.receive():
            if isinstance(message, MachineSample):
                self._epoch += self._belt.take(message).epoch
                self._sample, self._down = message, None
                samples.append(message)
            elif isinstance(message, MachineDown):
                self._hear_down(message)
        return tuple(samples)

    def _hear_down(self, down: MachineDown) -> None:
        """A guard that holds the outputs back lets go of them when it has seen a moment without the wish to fire."""
        self._must_rest = down.code in _HELD_CODES
        if not self._must_rest:
            self._belt.restart()
            self._down = down

    def _await_tick(self, captured_ns: int) -> tuple[MachineSample, ...]:
        """The reading after the picture, so that the picture can be placed."""
        deadline_ns = self._now_ns() + _TICK_WAIT_MS * _MS
        samples: tuple[MachineSample, ...] = ()
        while (self._belt.latest_ns or 0) < captured_ns and self._now_ns() < deadline_ns:
            wait_readable((self._machine,), (deadline_ns - self._now_ns()) / 1e9)
            samples += self._drain()
        return samples

    def _hear(self) -> None:
        for message in self._station.receive():
            match message:
                case Ask():
                    self._worker.give_up()
                    self._worker.ask(message)
                case Held():
                    self._hold.hear(self._now_ns()) if message.on else self._hold.let_go()
                case OrderGiven():
                    self._obey(message)
                case RecipeGiven():
                    self._worker.unsent.append(OrderAnswer(message.number, _SETUP))
                case Finish():
                    self._worker.give_up()
                    self.is_over = True

    def _obey(self, given: OrderGiven) -> None:
        """Stop stops what is under way; everything else has to wait until set-up is left."""
        refusal = None if given.order is Order.stop else _SETUP
        if given.order is Order.stop:
            self._hold.let_go()
            self._worker.give_up()
        self._worker.unsent.append(OrderAnswer(given.number, refusal))

    def _begin(self, task: Task) -> Steps[Found]:
        steps: Steps[Found]
        match task:
            case SeeLight():
                steps = tasks.see_light()
            case SeeBoard():
                steps = tasks.see_board()
            case ReadTick():
                steps = tasks.read_tick()
            case FollowBelt():
                steps = tasks.follow(task)
            case FireEach():
                steps = tasks.fire_each(task, self._setup.longest_counts, self._jobs)
            case WatchFall():
                steps = tasks.watch_fall(SILENCE_MS)
            case WatchPieces():
                steps = watch_pieces(task, self._open_eye, self._setup.rules, self._jobs)
        return steps

    def _open_eye(self) -> LiveEye:
        """Loaded when it is first needed."""
        setup = self._setup
        if self._eye is None:
            card = load_card(setup.model)
            self._eye = open_eye(card, setup.finder, setup.geometry, setup.mm_per_px, setup.flat_field)
        return self._eye

    def _tell(self, now_ns: int, frame: Frame | None) -> None:
        if frame is not None:
            self._frames += 1
            self._show(now_ns, frame)
        if now_ns - self._live_ns >= _LIVE_NS:
            self._live_ns = now_ns
            self._meters = meters(frame.image) if frame is not None else self._meters
            self._worker.unsent.append(self._live())
        if now_ns - self._status_ns >= _STATUS_NS:
            self._status_ns = now_ns
            self._worker.unsent.append(self._status(now_ns))
        unsent = self._worker.unsent
        while unsent and self._station.send(unsent[0]):
            unsent.popleft()

    def _show(self, now_ns: int, frame: Frame) -> None:
        is_still = abs(self._belt.speed_mm_s) < 1.0
        if now_ns - self._picture_ns < (_STILL_PICTURE_NS if is_still else _PICTURE_NS):
            return
        self._picture_ns = now_ns
        self._pictures += 1
        shrink_into(self._ring.begin(), frame.image)
        self._ring.commit(self._pictures, frame.captured_ns, None)
        self._worker.unsent.append(Shown(self._pictures, frame.captured_ns, ()))

    def _live(self) -> Live:
        running = self._sample is not None and self._sample.running
        trouble = None if self._down is None else self._down.detail
        return Live(self._meters, self._belt.tick, self._belt.speed_mm_s, running, trouble)

    def _status(self, now_ns: int) -> Status:
        found = self._conditions(now_ns)
        faults = tuple(ActiveFault(code, detail, now_ns, n, present=True) for n, (code, detail) in enumerate(found))
        return Status(
            state=State.setup,
            sentence=POWERS[State.setup].sentence,
            faults=faults,
            tick=self._belt.tick,
            speed_mm_s=self._belt.speed_mm_s,
            frames=self._frames,
            frames_dropped=self._watch.dropped,
            frames_unplaced=0,
            pieces=0,
            newest_piece=self._setup.newest_piece,
            open_pieces=0,
            now_ns=now_ns,
        )

    def _conditions(self, now_ns: int) -> list[tuple[str, str]]:
        found = list(self._watch.conditions(now_ns))
        if self._down is not None:
            found.append((self._down.code, self._down.detail))
        elif self._sample is not None:
            locks = self._sample.interlocks
            judged = (("estop", locks.estop_ok), ("guard-open", locks.guard_closed), ("air-low", locks.air_ok))
            found += [(code, "") for code, is_ok in judged if not is_ok]
        return found
