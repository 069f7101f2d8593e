"""The camera of the simulated line: pictures out of the frame ring."""

from __future__ import annotations

import time

from vision.frame_ring import FrameRing
from vision.types import CameraLost, Frame

_NAP_S = 0.001


class RingCamera:
    """A ``Camera``: the newest picture wins, the ones in between are counted as dropped."""

    def __init__(self, ring_name: str, shape: tuple[int, int, int], slots: int) -> None:
        self._ring_name = ring_name
        self._shape = shape
        self._slots = slots
        self._ring: FrameRing | None = None
        self._seq = 0
        self._dropped = 0

    def open(self) -> None:
        """Attach to the ring; raises CameraLost when there is none."""
        try:
            self._ring = FrameRing(self._shape, self._slots, self._ring_name)
        except FileNotFoundError as cause:
            raise CameraLost("The simulated camera is not there: start the simulated line first.") from cause
        newest = self._ring.newest(0)
        self._seq = 0 if newest is None else newest[0]
        self._dropped = 0

    def read(self, timeout_ms: int) -> Frame | None:
        """Newest picture not yet read, a view of the ring; None after ``timeout_ms``. Raises CameraLost when closed."""
        if self._ring is None:
            raise CameraLost("The simulated camera is closed.")
        deadline_ns = _now_ns() + timeout_ms * 1_000_000
        while (found := self._ring.newest(self._seq)) is None:
            if _now_ns() >= deadline_ns:
                return None
            time.sleep(_NAP_S)  # noqa: TID251 - a driver waits for its device
        seq, captured_ns, tick, image = found
        self._dropped += seq - self._seq - 1
        self._seq = seq
        return Frame(seq, captured_ns, tick, image)

    @property
    def dropped(self) -> int:
        """Exposures nobody read, since ``open``; those the line itself had to skip are among them."""
        return self._dropped

    @property
    def finished(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Detach; frames handed out must not be used any more."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251 - a driver reads the clock
