"""The press: pictures out of shared memory into files, on a thread of the lowest rank."""

from __future__ import annotations

import os
import queue
import threading
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray

from station.recording.settings import PicturesChoice, RecordingSettings
from station.recording.words import KeptFrame
from vision.frame_ring import FrameRing
from vision.types import FrameStamp

_LOWEST = 19
_WAITING = 4


class Press:
    """Pictures are asked for by their stamps; those that are gone, or come too fast, are counted as missed."""

    def __init__(self, choice: PicturesChoice, settings: RecordingSettings) -> None:
        self._ring = FrameRing(choice.shape, choice.slots, choice.ring)
        self._is_lossless = settings.lossless
        self._quality = settings.jpeg_quality
        self._asked: queue.Queue[FrameStamp | None] = queue.Queue(_WAITING)
        self._done: queue.SimpleQueue[KeptFrame] = queue.SimpleQueue()
        self._missed = 0
        self._thread = threading.Thread(target=self._run, name="press")
        self._thread.start()

    def ask(self, stamp: FrameStamp) -> None:
        """Please keep this picture; never waits."""
        try:
            self._asked.put_nowait(stamp)
        except queue.Full:
            self._missed += 1

    def take(self) -> list[KeptFrame]:
        """What is ready."""
        ready = []
        with suppress(queue.Empty):
            while True:
                ready.append(self._done.get_nowait())
        return ready

    @property
    def missed(self) -> int:
        return self._missed

    def close(self) -> None:
        """Finish what was asked for and let go of the memory."""
        self._asked.put(None)
        self._thread.join()
        self._ring.close()

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST)
        while (stamp := self._asked.get()) is not None:
            frame = self._press(stamp)
            if frame is None:
                self._missed += 1
            else:
                self._done.put(frame)

    def _press(self, stamp: FrameStamp) -> KeptFrame | None:
        """None when the picture was overwritten before or while it was read."""
        found = self._ring.of(stamp.seq, stamp.captured_ns)
        if found is None:
            return None
        tick, image = found
        encoded = _encoded(image, ".png" if self._is_lossless else ".jpg", self._quality)
        if self._ring.of(stamp.seq, stamp.captured_ns) is None:
            return None
        return KeptFrame(stamp._replace(tick=tick), "png" if self._is_lossless else "jpeg", encoded)


def _encoded(image: NDArray[np.uint8], suffix: str, quality: int) -> bytes:
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, encoded = cv2.imencode(suffix, image, options)
    return encoded.tobytes()
