"""The window onto the belt: the newest picture, encoded once for all who look, and only when somebody does."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

import cv2

from station.types import Shot, Shown
from station.web.view import Picture
from vision.frame_ring import FrameRing

_JPEG_QUALITY = 80
_SHOTS = 40
_COMING_S = 0.1


class Window:
    """Belongs to one event loop."""

    def __init__(self, ring: FrameRing) -> None:
        """``ring`` is where the vision process lays its pictures down."""
        self._ring = ring
        self._shown: Shown | None = None
        self._picture: Picture | None = None
        self._fresh = asyncio.Event()
        self._shots: deque[Shot] = deque(maxlen=_SHOTS)

    def take(self, shown: Shown) -> None:
        """There is a newer picture."""
        self._shown = shown
        self._shots.extend(shown.shots)
        self._fresh.set()
        self._fresh = asyncio.Event()

    def newest(self) -> Picture | None:
        """Encoded when the first of the viewers asks."""
        shown = self._shown
        if shown is not None and (self._picture is None or self._picture.seq != shown.seq):
            self._picture = self._encode(shown) or self._picture
        return self._picture

    async def next(self, after_seq: int) -> Picture:
        """The newest as soon as its number is another than ``after_seq``; rather the coming one than one that waits."""
        if after_seq:
            with suppress(TimeoutError):
                async with asyncio.timeout(_COMING_S):
                    await self._fresh.wait()
        while True:
            fresh = self._fresh
            picture = self.newest()
            if picture is not None and picture.seq != after_seq:
                return picture
            await fresh.wait()

    def _encode(self, shown: Shown) -> Picture | None:
        found = self._ring.newest(shown.seq - 1)
        if found is None or found[0] != shown.seq:
            return None
        ok, jpeg = cv2.imencode(".jpg", found[3], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        if not ok or not self._ring.still(shown.seq):
            return None
        height, width = self._ring.shape[:2]
        return Picture(
            shown.seq, jpeg.tobytes(), 2 * width, 2 * height, shown.marks, shown.captured_ns, shown.outlines,
            tuple(self._shots),
        )  # fmt: skip
