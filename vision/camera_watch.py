"""Keeps a camera connected: notices silence and loss, and reconnects with patience without holding up the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from vision.types import Camera, CameraLost, Frame

Conditions = tuple[tuple[str, str], ...]

_MS = 1_000_000
_SILENT_PERIODS = 3


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """``period_ms``: between frames. Silence is three periods, at least ``silent_ms``; after ``give_up_ms`` of it the
    camera is opened again. Attempts are ``first_retry_ms`` apart, then twice as far each time up to ``last_retry_ms``.
    """

    period_ms: float = 1000 / 60
    silent_ms: float = 150.0
    give_up_ms: float = 1000.0
    first_retry_ms: float = 500.0
    last_retry_ms: float = 5000.0


def in_thread(task: Callable[[], None]) -> None:
    """Run the task beside the loop."""
    threading.Thread(target=task, name="camera-reconnect", daemon=True).start()


class CameraWatch:
    """A camera that is never given up. ``aside`` runs what may block (reopening) outside the loop."""

    def __init__(
        self, camera: Camera, settings: WatchSettings, aside: Callable[[Callable[[], None]], None] = in_thread
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._aside = aside
        self._lost: str | None = None
        self._opening = False
        self._reopened = False
        self._retry_ms = settings.first_retry_ms
        self._retry_at_ns = 0
        self._alive_ns = 0
        self._dropped_before = 0
        self._now_dropped = 0

    def open(self, now_ns: int) -> None:
        """First attempt, in the caller's thread; a camera that is not there is only noted."""
        self._alive_ns = now_ns
        try:
            self._camera.open()
        except CameraLost as lost:
            self._lose(str(lost), now_ns)

    def read(self, timeout_ms: int, now_ns: int) -> Frame | None:
        """The newest frame; None at once while the camera is lost."""
        self._welcome(now_ns)
        if self._lost is not None:
            self._retry(now_ns)
            return None
        try:
            frame = self._camera.read(timeout_ms)
        except CameraLost as lost:
            self._lose(str(lost), now_ns)
            return None
        if frame is not None:
            self._alive_ns = frame.captured_ns
            self._retry_ms = self._settings.first_retry_ms
        elif self._silent_ms(now_ns) > self._settings.give_up_ms:
            self._lose("The camera sends no pictures; check its cable and power.", now_ns)
        return frame

    def conditions(self, now_ns: int) -> Conditions:
        """``camera-lost`` or ``camera-silent``, if so."""
        if self._lost is not None:
            return (("camera-lost", self._lost),)
        silent_ms = self._silent_ms(now_ns)
        if silent_ms > max(self._settings.silent_ms, _SILENT_PERIODS * self._settings.period_ms):
            return (("camera-silent", f"no picture for {silent_ms:.0f} ms"),)
        return ()

    @property
    def waits(self) -> bool:
        """True while a read takes its time; else the loop must find something else to wait for."""
        return self._lost is None and not self._camera.finished

    @property
    def dropped(self) -> int:
        """Frames dropped since the first ``open``, over all reconnections."""
        if self._lost is None:
            self._now_dropped = self._camera.dropped
        return self._dropped_before + self._now_dropped

    def close(self) -> None:
        self._camera.close()

    def _silent_ms(self, now_ns: int) -> float:
        return 0.0 if self._camera.finished else (now_ns - self._alive_ns) / _MS

    def _lose(self, detail: str, now_ns: int) -> None:
        self._dropped_before, self._now_dropped = self.dropped, 0
        self._lost = detail
        self._retry_at_ns = now_ns + round(self._retry_ms * _MS)
        self._retry_ms = min(2 * self._retry_ms, self._settings.last_retry_ms)

    def _retry(self, now_ns: int) -> None:
        if not self._opening and now_ns >= self._retry_at_ns:
            self._opening = True
            self._retry_at_ns = now_ns + round(self._retry_ms * _MS)
            self._retry_ms = min(2 * self._retry_ms, self._settings.last_retry_ms)
            self._aside(self._reopen)

    def _reopen(self) -> None:
        try:
            self._camera.close()
            self._camera.open()
            self._reopened = True
        except CameraLost as lost:
            self._lost = str(lost)
        finally:
            self._opening = False

    def _welcome(self, now_ns: int) -> None:
        if self._reopened:
            self._reopened = False
            self._lost = None
            self._alive_ns = now_ns
