"""The main loop of the vision process: newest frame, its encoder reading, one step of the sorter, its commands out.

The loop knows neither machine nor sorter: samples, orders, inputs and outputs pass through it unopened.
"""

from __future__ import annotations

import gc
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from vision.camera_watch import CameraWatch, Conditions, WatchSettings
from vision.types import Camera, Eye, Frame, FrameStamp, Outlines, Port

_MS = 1_000_000
_MOST_UNSENT = 64

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)
I = TypeVar("I")  # noqa: E741 - inputs
O = TypeVar("O")  # noqa: E741 - outputs


class WaitablePort(Port, Protocol):
    """A port that select can watch."""

    def fileno(self) -> int: ...


class LiveEye(Eye, Protocol):
    """An eye that is shown the frame in hand."""

    def show(self, frame: Frame) -> None: ...

    def outlines(self) -> Outlines:
        """Of everything the last search found, in its order; for people to look at."""


class Sorter(Protocol[I_contra, O_co]):
    """A function of its inputs, with memory."""

    def step(self, inputs: I_contra, eye: Eye) -> O_co: ...


class News(NamedTuple):
    """All that happened since the last step; ``machine`` and ``orders`` are messages as they came."""

    now_ns: int
    frame: FrameStamp | None
    frames_dropped: int
    machine: tuple[object, ...]
    orders: tuple[object, ...]
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Bindings(Generic[I, O]):
    """What the loop must know of the objects that pass through it.

    ``taken_ns``: the instant of a machine message's encoder reading, None when it holds none. ``inputs``: what the
    sorter eats. ``command``: what the machine is told. ``inspect``: conditions of a picture. ``publish``: hands the
    outputs on; the frame's image is valid during the call only. ``stop``: True when the loop shall end.
    """

    taken_ns: Callable[[object], int | None]
    inputs: Callable[[News], I]
    command: Callable[[O], object]
    inspect: Callable[[Frame], Conditions]
    publish: Callable[[O, Frame | None], None]
    stop: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """``frame_wait_ms``: how long a step waits for a frame; ``tick_wait_ms``: how long a frame waits for an encoder
    reading that is younger; ``command_ms``: longest time between two commands; ``collect_ms``: between two clean-ups.
    """

    frame_wait_ms: int = 20
    tick_wait_ms: float = 30.0
    command_ms: float = 50.0
    collect_ms: float = 1000.0
    watch: WatchSettings = field(default_factory=WatchSettings)


def wait_readable(ports: Sequence[WaitablePort], timeout_s: float) -> None:
    """Return when a message arrives at any port, at the latest after ``timeout_s``."""
    select.select([port.fileno() for port in ports], [], [], max(0.0, timeout_s))


def run(
    camera: Camera,
    eye: LiveEye,
    sorter: Sorter[I, O],
    machine_port: WaitablePort,
    station_port: WaitablePort,
    *,
    bindings: Bindings[I, O],
    settings: LoopSettings,
    now_ns: Callable[[], int] = time.monotonic_ns,  # noqa: TID251 - a process loop
    wait: Callable[[Sequence[WaitablePort], float], None] = wait_readable,
) -> None:
    """Go round until told to stop, or until the station or the control process is gone.

    Everything slow (models, memory) must be ready before: the garbage collector is frozen here. The caller learns of
    a vanished neighbour by the return; what it had armed is dropped by the control process itself.
    """
    loop = _Loop(CameraWatch(camera, settings.watch), eye, sorter, machine_port, bindings, settings, now_ns, wait)
    with _quiet_memory():
        loop.open()
        try:
            while not bindings.stop():
                loop.turn(tuple(station_port.receive()))
        except ConnectionError:
            return
        finally:
            loop.close()


@dataclass(slots=True)
class _Loop(Generic[I, O]):
    """The state of the loop: messages on their way, and when what was done last."""

    _watch: CameraWatch
    _eye: LiveEye
    _sorter: Sorter[I, O]
    _port: WaitablePort
    _bindings: Bindings[I, O]
    _settings: LoopSettings
    _now_ns: Callable[[], int]
    _wait: Callable[[Sequence[WaitablePort], float], None]
    _machine: list[object] = field(default_factory=list)
    _unsent: deque[object] = field(default_factory=lambda: deque(maxlen=_MOST_UNSENT))
    _newest_taken_ns: int = -1
    _picture: Conditions = ()
    _sent_ns: int = 0
    _collected_ns: int = 0

    def open(self) -> None:
        self._sent_ns = self._collected_ns = self._now_ns()
        self._watch.open(self._now_ns())

    def close(self) -> None:
        self._watch.close()

    def turn(self, orders: tuple[object, ...]) -> None:
        """One step, with a frame or without."""
        waits = self._watch.waits
        frame = self._watch.read(self._settings.frame_wait_ms, self._now_ns())
        if frame is None and not waits:
            self._wait((self._port,), self._settings.frame_wait_ms / 1000)
        self._drain()
        if frame is not None:
            self._await_tick(frame.captured_ns)
            self._picture = self._bindings.inspect(frame)
            self._eye.show(frame)
        outputs = self._sorter.step(self._bindings.inputs(self._news(frame, orders)), self._eye)
        try:
            self._send(self._bindings.command(outputs))
        finally:  # what the step decided is told even when the machine's side is gone
            self._bindings.publish(outputs, frame)
        self._collect(idle=frame is None)

    def _drain(self) -> None:
        for message in self._port.receive():
            self._machine.append(message)
            taken_ns = self._bindings.taken_ns(message)
            if taken_ns is not None:
                self._newest_taken_ns = max(self._newest_taken_ns, taken_ns)

    def _await_tick(self, captured_ns: int) -> None:
        """A frame's tick lies between two encoder readings, so the second one must have come."""
        patience_ns = round(self._settings.tick_wait_ms * _MS)
        deadline_ns = min(self._now_ns() + patience_ns, self._sent_ns + round(self._settings.command_ms * _MS))
        while self._newest_taken_ns < captured_ns:
            left_ns = deadline_ns - self._now_ns()
            if left_ns <= 0:
                return
            self._wait((self._port,), left_ns / 1e9)
            self._drain()

    def _news(self, frame: Frame | None, orders: tuple[object, ...]) -> News:
        now_ns = self._now_ns()
        machine, self._machine = tuple(self._machine), []
        stamp = None if frame is None else FrameStamp(frame.seq, frame.captured_ns, frame.tick)
        camera = self._watch.conditions(now_ns)
        return News(now_ns, stamp, self._watch.dropped, machine, orders, camera or self._picture)

    def _send(self, command: object) -> None:
        """In order, and what the reader had no room for once more: a job is never skipped over."""
        self._unsent.append(command)
        while self._unsent and self._port.send(self._unsent[0]):
            self._unsent.popleft()
        self._sent_ns = self._now_ns()

    def _collect(self, idle: bool) -> None:
        """Young garbage only, between frames; with no idle turn at all, five times as rarely."""
        now_ns = self._now_ns()
        patience_ms = self._settings.collect_ms * (1 if idle else 5)
        if now_ns - self._collected_ns >= patience_ms * _MS:
            self._collected_ns = now_ns
            gc.collect(1)


@contextmanager
def _quiet_memory() -> Iterator[None]:
    """No garbage collection at moments of its own choosing."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
