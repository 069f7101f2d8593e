"""The sorter in the vision process: what it is told, and what it tells the station."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from control.types import Command, MachineDown, MachineSample
from station.carried import carried, stands, travelled_mm
from station.recording.tap import TappedSorter
from station.shot_news import ShotNews
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
    RecipeGiven,
    Shown,
    Timing,
)
from vision.frame_ring import FrameRing, shrink_into
from vision.health import HealthSettings, PictureHealth
from vision.process import Bindings, News
from vision.types import Camera, Frame, Outlines, Port

_STATUS_NS = 100_000_000
_TIMING_NS = 1_000_000_000
_PICTURE_NS = 60_000_000
_STILL_PICTURE_NS = 250_000_000
_LAST_WORDS_S = 2.0


class Brain:
    """Between the loop and the station. Nothing that the station does not take in time is lost: it waits here."""

    def __init__(
        self,
        sorter: Sorter | TappedSorter,
        camera: Camera,
        station: Port,
        ring: FrameRing,
        now_ns: Callable[[], int],
        moved_ticks: float,
        mm_per_px: float,
        outlines: Callable[[], Outlines],
        shots: ShotNews,
    ) -> None:
        """``moved_ticks`` of belt between two pictures must show in them; ``outlines`` are those of the last search."""
        self._sorter = sorter
        self._camera = camera
        self._station = station
        self._ring = ring
        self._now_ns = now_ns
        self._health = PictureHealth(HealthSettings())
        self._conditions: tuple[tuple[str, str], ...] = ()
        self._finishing = False
        self._unsent: deque[object] = deque()
        self._frame_ms: list[float] = []
        self._begun_ns = self._status_ns = self._timing_ns = self._picture_ns = 0
        self._marks: tuple[Mark, ...] = ()
        self._outlines_now = outlines
        self._outlines: Outlines = ()
        self._searched_ns = 0
        self._speed_mm_s = 0.0
        self._mm_per_px = mm_per_px
        self._shots = shots
        self._pictures = self._dropped = 0
        self._tick = self._moved_tick = 0
        self._moved_ticks = moved_ticks
        self._has_ended = False

    def bindings(self) -> Bindings[Inputs, Outputs]:
        """What the loop has to know."""
        return Bindings(
            taken_ns=_taken_ns,
            inputs=self._inputs,
            command=_command,
            inspect=self._inspect,
            publish=self._publish,
            stop=lambda: self._finishing,
        )

    def leave(self) -> None:
        """End after the step in hand."""
        self._finishing = True

    def finish(self) -> None:
        """Close every piece, and say so before leaving; raises ConnectionError when nobody listens any more."""
        now_ns = self._now_ns()
        self._unsent.extend(self._sorter.finish(now_ns))
        self._unsent.extend((Timing(tuple(self._frame_ms)), self._sorter.status(now_ns), Finished()))
        deadline_ns = now_ns + round(_LAST_WORDS_S * 1e9)
        while self._unsent and self._now_ns() < deadline_ns:
            self._flush()
            if self._unsent:
                time.sleep(0.001)  # noqa: TID251 - the loop has ended, the reader is slow

    def _inputs(self, news: News) -> Inputs:
        machine = tuple(item for item in news.machine if isinstance(item, MachineSample | MachineDown))
        self._shots.hear(machine, news.now_ns)
        return Inputs(
            now_ns=news.now_ns,
            frame=news.frame,
            frames_dropped=self._newly_dropped(news.frames_dropped),
            machine=machine,
            orders=tuple(self._hear(news.orders)),
            conditions=(*news.conditions, *self._conditions),
            recipes=tuple(message for message in news.orders if isinstance(message, RecipeGiven)),
        )

    def _newly_dropped(self, total: int) -> int:
        new, self._dropped = total - self._dropped, total
        return new

    def _hear(self, messages: Sequence[object]) -> list[OrderGiven]:
        """Orders go to the sorter, the rest stays here."""
        orders = []
        for message in messages:
            match message:
                case OrderGiven():
                    orders.append(message)
                case Conditions():
                    self._conditions = message.items
                case Finish():
                    self._finishing = True
        return orders

    def _inspect(self, frame: Frame) -> tuple[tuple[str, str], ...]:
        """A picture must differ from the one before only when the belt moved in between."""
        self._begun_ns = self._now_ns()
        self._show(frame)
        moved = abs(self._tick - self._moved_tick) >= self._moved_ticks
        if moved:
            self._moved_tick = self._tick
        return self._health.see(frame.image, moved)

    def _publish(self, outputs: Outputs, frame: Frame | None) -> None:
        """Records and answers always, status and pictures now and then."""
        self._tick = outputs.status.tick
        self._shots.sent(outputs.command.jobs)
        self._unsent.extend(outputs.answers)
        self._unsent.extend(outputs.records)
        self._report(outputs)
        if frame is not None:
            self._frame_ms.append((self._now_ns() - self._begun_ns) / 1e6)
            self._remember(outputs, frame)
        if self._camera.finished and not self._has_ended:
            self._has_ended = True
            self._unsent.append(FootageEnded())
        self._flush()

    def _report(self, outputs: Outputs) -> None:
        now_ns = outputs.status.now_ns
        if now_ns - self._status_ns >= _STATUS_NS or outputs.answers:
            self._status_ns = now_ns
            self._unsent.append(outputs.status)
        if now_ns - self._timing_ns >= _TIMING_NS:
            self._timing_ns = now_ns
            self._unsent.append(Timing(tuple(self._frame_ms)))
            self._frame_ms.clear()

    def _flush(self) -> None:
        while self._unsent and self._station.send(self._unsent[0]):
            self._unsent.popleft()

    def _remember(self, outputs: Outputs, frame: Frame) -> None:
        """What the page is to draw over the next pictures."""
        self._speed_mm_s = outputs.status.speed_mm_s
        if outputs.looked:
            self._marks, self._searched_ns = outputs.marks, frame.captured_ns
            outlines = self._outlines_now()
            self._outlines = outlines if len(outlines) == len(self._marks) else ()

    def _show(self, frame: Frame) -> None:
        """A half-size picture for the page, before it is searched: what was seen in the last one has moved on since."""
        due_ns = _STILL_PICTURE_NS if stands(self._speed_mm_s) else _PICTURE_NS
        if self._begun_ns - self._picture_ns < due_ns:
            return
        self._picture_ns = self._begun_ns
        self._pictures += 1
        shrink_into(self._ring.begin(), frame.image)
        self._ring.commit(self._pictures, frame.captured_ns, None)
        way_mm = travelled_mm(self._speed_mm_s, frame.captured_ns - self._searched_ns)
        marks, outlines = carried(self._marks, self._outlines, way_mm / self._mm_per_px)
        self._unsent.append(Shown(self._pictures, frame.captured_ns, marks, outlines, self._shots.take()))
        self._flush()


def _taken_ns(message: object) -> int | None:
    return message.taken_ns if isinstance(message, MachineSample) else None


def _command(outputs: Outputs) -> Command:
    return outputs.command
