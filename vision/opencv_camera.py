"""A camera that OpenCV can open: a V4L2 or UVC device, or a network stream."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame_ring import PictureMemory, PrivateSlots
from vision.types import CameraLost, Frame

_JOIN_S = 2.0
_BUFFERS = 3


@dataclass(frozen=True, slots=True)
class OpencvCameraSettings:
    """``device``: a path, better one of /dev/v4l/by-id that survives replugging, or a stream address.

    ``latency_ms`` is the time from mid-exposure to the arrival of a frame, taken off its stamp. Size and rate are
    asked of the device; another size than asked is refused, because the calibration would not fit.
    """

    device: str
    width_px: int
    height_px: int
    fps: float
    latency_ms: float = 0.0


class OpencvCamera:
    """Its own thread grabs; one slot holds the newest frame, an unread frame that is overtaken counts as dropped."""

    def __init__(self, settings: OpencvCameraSettings, memory: PictureMemory | None = None) -> None:
        """``memory``: at least three slots that others read, too; None: pictures are nobody else's."""
        self._settings = settings
        self._memory = memory or PrivateSlots((settings.height_px, settings.width_px, 3), _BUFFERS)
        self._news = threading.Condition()
        self._capture: cv2.VideoCapture | None = None
        self._thread: threading.Thread | None = None
        self._slot: tuple[int, Frame] | None = None
        self._held = -1
        self._lost: str | None = None
        self._stopping = False
        self._dropped = 0

    def open(self) -> None:
        """Connect and start grabbing; raises CameraLost with a sentence for the operator."""
        self.close()
        self._capture = _opened(self._settings)
        self._slot, self._held, self._lost, self._stopping, self._dropped = None, -1, None, False, 0
        self._thread = threading.Thread(target=self._grab, args=(self._capture,), name="camera", daemon=True)
        self._thread.start()

    def read(self, timeout_ms: int) -> Frame | None:
        """Newest frame not yet read; its image is valid until the next ``read``. Raises CameraLost."""
        with self._news:
            if self._thread is None:
                raise CameraLost("The camera is not open.")
            self._news.wait_for(lambda: self._slot is not None or self._lost is not None, timeout_ms / 1000)
            if self._slot is None and self._lost is not None:
                raise CameraLost(self._lost)
            if self._slot is None:
                return None
            (self._held, frame), self._slot = self._slot, None
            return frame

    @property
    def dropped(self) -> int:
        """Frames overtaken unread since ``open``."""
        return self._dropped

    @property
    def finished(self) -> bool:
        """Never: the camera is live."""
        return False

    def close(self) -> None:
        """Stop grabbing. A thread that hangs in the driver is left behind; it holds no lock."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join(_JOIN_S)
        self._thread = self._capture = None

    def _grab(self, capture: cv2.VideoCapture) -> None:
        """Fill the slot until told to stop or the device is gone."""
        try:
            self._fill(capture)
        finally:
            capture.release()
            with self._news:
                self._lost = f"The camera {self._settings.device} stopped sending; check its cable and power."
                self._news.notify()

    def _fill(self, capture: cv2.VideoCapture) -> None:
        shape = (self._settings.height_px, self._settings.width_px, 3)
        seq = 0
        while not self._stopping and capture.grab():
            now_ns = time.monotonic_ns()  # noqa: TID251 - a camera stamps its frames
            free = self._free()
            good, image = capture.retrieve(free)
            if good and image.shape == shape:
                seq += 1
                captured_ns = now_ns - round(self._settings.latency_ms * 1e6)
                free[:] = image if image is not free else free
                self._put(Frame(seq, captured_ns, None, free))

    def _free(self) -> NDArray[np.uint8]:
        """Not the slot being read, not the one that waits."""
        with self._news:
            waiting = -1 if self._slot is None else self._slot[0]
            return self._memory.begin((self._held, waiting))

    def _put(self, frame: Frame) -> None:
        with self._news:
            self._memory.commit(frame.seq, frame.captured_ns, frame.tick)
            self._dropped += self._slot is not None
            self._slot = (self._memory.slot, frame)
            self._news.notify()


def _opened(settings: OpencvCameraSettings) -> cv2.VideoCapture:
    device = settings.device
    is_path = device.startswith("/")
    if is_path and not Path(device).exists():
        raise CameraLost(f"There is no camera at {device}; plug it in, or choose one that 'ls /dev/v4l/by-id' shows.")
    source = str(Path(device).resolve()) if is_path else device
    capture = cv2.VideoCapture(source, cv2.CAP_V4L2 if is_path else cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise CameraLost(f"The camera {device} does not open; check its cable, and that no other program uses it.")
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px)
    capture.set(cv2.CAP_PROP_FPS, settings.fps)
    size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    if size != (settings.width_px, settings.height_px):
        capture.release()
        wanted = f"{settings.width_px} x {settings.height_px}"
        raise CameraLost(f"The camera {device} sends {size[0]} x {size[1]} pixels, not {wanted}; correct the settings.")
    return capture
