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
_WAITING = 8


class Press:
    """Pictures are asked for by their stamps and copied at once, because the ring soon holds others.

    Those that are gone already, or come faster than they can be encoded, are counted as missed.
    """

    def __init__(self, choice: PicturesChoice, settings: RecordingSettings) -> None:
        self._ring = FrameRing(choice.shape, choice.slots, choice.ring)
        self._is_lossless = settings.lossless
        self._quality = settings.jpeg_quality
        self._free = [np.zeros(choice.shape, np.uint8) for _ in range(_WAITING)]
        self._asked: queue.SimpleQueue[tuple[FrameStamp, NDArray[np.uint8]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[KeptFrame] = queue.SimpleQueue()
        self._missed = 0
        self._thread = threading.Thread(target=self._run, name="press")
        self._thread.start()

    def ask(self, stamp: FrameStamp) -> None:
        """Please keep this picture; never waits."""
        copy = self._free.pop() if self._free else None
        if copy is None:
            self._missed += 1
        elif self._copied(stamp, copy):
            self._asked.put((stamp, copy))
        else:
            self._free.append(copy)
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
        while (asked := self._asked.get()) is not None:
            stamp, image = asked
            encoded = _encoded(image, ".png" if self._is_lossless else ".jpg", self._quality)
            self._free.append(image)
            self._done.put(KeptFrame(stamp, "png" if self._is_lossless else "jpeg", encoded))

    def _copied(self, stamp: FrameStamp, copy: NDArray[np.uint8]) -> bool:
        """False when the picture was overwritten before or while it was read."""
        image = self._ring.of(stamp.seq, stamp.captured_ns)
        if image is not None:
            np.copyto(copy, image)
        return image is not None and self._ring.of(stamp.seq, stamp.captured_ns) is not None


def _encoded(image: NDArray[np.uint8], suffix: str, quality: int) -> bytes:
    """JPEG with all its colours: at half of them the finder finds a third of the pieces elsewhere."""
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, encoded = cv2.imencode(suffix, image, [cv2.IMWRITE_PNG_COMPRESSION, 1] if suffix == ".png" else jpeg)
    return encoded.tobytes()
