"""The loop of the vision process: newest frame, newest machine readings, one step, out with the orders.

It never waits for a reader. A frame waits, for a few milliseconds at most, until the encoder reading after it has
arrived, so that its place is interpolated and never guessed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vision.health import HealthSettings, PictureHealth
from vision.types import Camera, CameraLost, Frame

StepOutputs = TypeVar("StepOutputs")
_IDLE_COLLECT_STEPS = 500


class Brain(Protocol[StepOutputs]):
    """What the loop drives: the sorter with its eye, its ports and its publisher."""

    def machine_news(self) -> int | None:
        """Take what the machine said since the last call; the instant of its newest reading, None before the first."""

    def has_moved(self) -> bool:
        """True when the belt moved some millimetres since this was last true: only then must pictures differ."""

    def step(
        self, now_ns: int, frame: Frame | None, dropped: int, conditions: Sequence[tuple[str, str]]
    ) -> StepOutputs:
        """One step; sends the command it leads to."""

    def footage_ended(self) -> None:
        """The recording has been played to its end."""

    def publish(self, outputs: StepOutputs, frame: Frame | None, busy_ms: float) -> bool:
        """Tell the station; False when the run is to end."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """``fps`` is the camera's rate; a frame waits at most ``patience_ms`` for the encoder reading after it."""

    fps: float
    patience_ms: float = 30.0
    poll_ms: int = 20
    silent_ms: float = 150.0
    reconnect_s: tuple[float, float] = (0.5, 5.0)


class CameraWatch:
    """Keeps a camera open: reconnects with a growing pause and says what is wrong meanwhile."""

    def __init__(self, camera: Camera, settings: LoopSettings, now_ns: Callable[[], int]) -> None:
        self._camera = camera
        self._settings = settings
        self._now_ns = now_ns
        self._lost: str | None = "not opened yet"
        self._retry_ns = 0
        self._pause_s = settings.reconnect_s[0]
        self._dropped = 0
        self._seen_ns = now_ns()

    @property
    def finished(self) -> bool:
        """True when recorded footage has been played to its end."""
        return self._camera.finished

    @property
    def is_lost(self) -> bool:
        """True while there is no camera to wait for."""
        return self._lost is not None

    def read(self) -> Frame | None:
        """The newest frame, or None; never raises."""
        try:
            if self._lost is not None:
                self._reopen()
                return None
            frame = self._camera.read(self._settings.poll_ms)
        except CameraLost as lost:
            self._lose(str(lost))
            return None
        if frame is not None:
            self._seen_ns = self._now_ns()
        return frame

    def newly_dropped(self) -> int:
        """Frames dropped since the last call."""
        total = self._camera.dropped
        new, self._dropped = total - self._dropped, total
        return max(0, new)

    def conditions(self) -> tuple[tuple[str, str], ...]:
        """``camera-lost`` or ``camera-silent`` while they are so; a recording that has ended is neither."""
        if self._lost is not None:
            return (("camera-lost", self._lost),)
        silent_ms = (self._now_ns() - self._seen_ns) / 1e6
        limit_ms = max(self._settings.silent_ms, 3000.0 / self._settings.fps)
        if silent_ms > limit_ms and not self._camera.finished:
            return (("camera-silent", f"no picture for {silent_ms / 1000:.1f} s"),)
        return ()

    def close(self) -> None:
        self._camera.close()

    def _reopen(self) -> None:
        if self._now_ns() < self._retry_ns:
            return
        self._camera.open()
        self._lost = None
        self._dropped = self._camera.dropped
        self._seen_ns = self._now_ns()
        self._pause_s = self._settings.reconnect_s[0]

    def _lose(self, why: str) -> None:
        self._camera.close()
        self._lost = why
        self._retry_ns = self._now_ns() + round(self._pause_s * 1e9)
        self._pause_s = min(2 * self._pause_s, self._settings.reconnect_s[1])


class Loop(Generic[StepOutputs]):
    """One camera, one brain; ``turn`` is one round."""

    def __init__(
        self,
        camera: Camera,
        brain: Brain[StepOutputs],
        settings: LoopSettings,
        *,
        now_ns: Callable[[], int],
        wait: Callable[[float], None],
    ) -> None:
        """``wait`` waits for machine news, at most so many seconds."""
        self._watch = CameraWatch(camera, settings, now_ns)
        self._brain = brain
        self._settings = settings
        self._now_ns = now_ns
        self._wait = wait
        self._health = PictureHealth(HealthSettings())
        self._unhealthy: tuple[tuple[str, str], ...] = ()
        self._idle = 0

    def turn(self) -> bool:
        """Read, wait for the frame's encoder reading, step, publish; False when the run is to end.

        Raises ConnectionError when a neighbour process is gone.
        """
        frame = self._watch.read()
        if frame is None and self._watch.is_lost:
            self._wait(self._settings.poll_ms / 1000)
        if self._watch.finished:
            self._brain.footage_ended()
        begun_ns = self._now_ns()
        if frame is not None:
            self._unhealthy = tuple(self._health.see(frame.image, self._brain.has_moved()))
        waited_ns = self._await_reading(frame)
        conditions = (*self._watch.conditions(), *self._unhealthy)
        outputs = self._brain.step(self._now_ns(), frame, self._watch.newly_dropped(), conditions)
        busy_ms = (self._now_ns() - begun_ns - waited_ns) / 1e6
        self._rest(frame)
        return self._brain.publish(outputs, frame, busy_ms)

    def close(self) -> None:
        self._watch.close()

    def _await_reading(self, frame: Frame | None) -> int:
        """Nanoseconds spent waiting until the machine's newest reading is younger than the frame."""
        begun_ns = self._now_ns()
        newest_ns = self._brain.machine_news()
        if frame is None or frame.tick is not None:
            return 0
        deadline_ns = begun_ns + round(self._settings.patience_ms * 1e6)
        while newest_ns is not None and newest_ns < frame.captured_ns and self._now_ns() < deadline_ns:
            self._wait((deadline_ns - self._now_ns()) / 1e9)
            newest_ns = self._brain.machine_news()
        return self._now_ns() - begun_ns

    def _rest(self, frame: Frame | None) -> None:
        """Collect garbage only when there is nothing to see."""
        self._idle = self._idle + 1 if frame is None else 0
        if self._idle >= _IDLE_COLLECT_STEPS:
            gc.collect(1)
            self._idle = 0
