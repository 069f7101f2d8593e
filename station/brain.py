"""The sorter in the vision process: its eye on the frame in hand, its ports, and what it tells the station."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from control.types import MachineDown, MachineSample
from station.sorter import Sorter
from station.types import (
    Conditions,
    Finish,
    Finished,
    FootageEnded,
    Inputs,
    Mark,
    OrderGiven,
    Outputs,
    Shown,
    Timing,
)
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.frame_ring import FrameRing
from vision.model_card import load_card
from vision.types import Frame, FrameStamp, Port

if TYPE_CHECKING:
    from station.children import VisionSetup

_MOVED_MM = 5.0
_STATUS_NS = 100_000_000
_TIMING_NS = 1_000_000_000
_PICTURE_NS = 60_000_000
_STILL_PICTURE_NS = 250_000_000


class SortingBrain:
    """A ``vision.process.Brain``. Nothing that the station does not take in time is lost: it waits here."""

    def __init__(self, setup: VisionSetup, machine: Port, station: Port, ring: FrameRing) -> None:
        """Loads and warms the model; raises ModelRefused."""
        self._sorter = Sorter(setup.sorter, setup.latched)
        finder = Finder(setup.finder)
        self._eye = LiveEye(finder, setup.geometry, Classifier(load_card(setup.model)), setup.mm_per_px)
        self._machine = machine
        self._station = station
        self._ring = ring
        self._news: list[MachineSample | MachineDown] = []
        self._newest_ns: int | None = None
        self._orders: list[OrderGiven] = []
        self._conditions: tuple[tuple[str, str], ...] = ()
        self._finishing = False
        self._unsent: deque[object] = deque()
        self._frame_ms: list[float] = []
        self._status_ns = self._timing_ns = self._picture_ns = 0
        self._marks: tuple[Mark, ...] = ()
        self._pictures = 0
        self._tick = self._moved_tick = 0
        self._moved_ticks = _MOVED_MM * setup.sorter.ticks_per_mm
        self._ended = False

    def machine_news(self) -> int | None:
        """Take what the machine said; the instant of its newest reading."""
        for message in self._machine.receive():
            if isinstance(message, MachineSample):
                self._newest_ns = message.taken_ns
                self._news.append(message)
            elif isinstance(message, MachineDown):
                self._news.append(message)
        return self._newest_ns

    def has_moved(self) -> bool:
        """True when the belt moved by ``_MOVED_MM`` since this was last true."""
        moved = abs(self._tick - self._moved_tick) >= self._moved_ticks
        if moved:
            self._moved_tick = self._tick
        return moved

    def step(self, now_ns: int, frame: Frame | None, dropped: int, conditions: Sequence[tuple[str, str]]) -> Outputs:
        """One step of the sorter; the command goes to the control process at once."""
        self._hear_station()
        stamp = None
        if frame is not None:
            self._eye.show(frame)
            stamp = FrameStamp(frame.seq, frame.captured_ns, frame.tick)
        inputs = Inputs(
            now_ns=now_ns,
            frame=stamp,
            frames_dropped=dropped,
            machine=tuple(self._news),
            orders=tuple(self._orders),
            conditions=(*conditions, *self._conditions),
        )
        self._news.clear()
        self._orders.clear()
        outputs = self._sorter.step(inputs, self._eye)
        self._tick = outputs.status.tick
        self._machine.send(outputs.command)
        return outputs

    def publish(self, outputs: Outputs, frame: Frame | None, busy_ms: float) -> bool:
        """Records and answers always, status and pictures now and then; False when the run is to end."""
        self._unsent.extend(outputs.answers)
        self._unsent.extend(outputs.records)
        now_ns = outputs.status.now_ns
        if now_ns - self._status_ns >= _STATUS_NS or outputs.answers:
            self._status_ns = now_ns
            self._unsent.append(outputs.status)
        if frame is not None:
            self._frame_ms.append(busy_ms)
            self._show(outputs, frame)
        if now_ns - self._timing_ns >= _TIMING_NS:
            self._timing_ns = now_ns
            self._unsent.append(Timing(tuple(self._frame_ms)))
            self._frame_ms.clear()
        self._flush()
        return not self._finishing

    def footage_ended(self) -> None:
        """Say once that the recording has been played to its end."""
        if not self._ended:
            self._ended = True
            self._unsent.append(FootageEnded())

    def finish(self, now_ns: int) -> None:
        """Close every piece and say that all has been said; waits for the station to take it."""
        self._unsent.extend(self._sorter.finish(now_ns))
        self._unsent.append(Timing(tuple(self._frame_ms)))
        self._unsent.append(self._sorter.status(now_ns))
        self._unsent.append(Finished())
        while self._unsent:
            self._flush()

    def _hear_station(self) -> None:
        for message in self._station.receive():
            match message:
                case OrderGiven():
                    self._orders.append(message)
                case Conditions():
                    self._conditions = message.items
                case Finish():
                    self._finishing = True

    def _flush(self) -> None:
        while self._unsent and self._station.send(self._unsent[0]):
            self._unsent.popleft()

    def _show(self, outputs: Outputs, frame: Frame) -> None:
        """A half-size picture for the page: of searched frames, and now and then of a belt that stands still."""
        if outputs.looked:
            self._marks = outputs.marks
        since_ns = outputs.status.now_ns - self._picture_ns
        if since_ns < (_PICTURE_NS if outputs.looked else _STILL_PICTURE_NS):
            return
        self._picture_ns = outputs.status.now_ns
        self._pictures += 1
        self._ring.begin()[:] = frame.image[::2, ::2]
        self._ring.commit(self._pictures, frame.captured_ns, None)
        self._unsent.append(Shown(self._pictures, frame.captured_ns, self._marks))
