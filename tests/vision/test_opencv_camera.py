"""The live camera, with a stream file standing in for the device."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.frame_ring import FrameRing
from vision.opencv_camera import OpencvCamera, OpencvCameraSettings
from vision.types import CameraLost, Frame

FRAMES = 20


@pytest.fixture
def stream(tmp_path: Path) -> str:
    path = str(tmp_path / "stream.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    return f"file:{path}"


def test_a_camera_that_is_not_there_says_what_to_do() -> None:
    camera = OpencvCamera(OpencvCameraSettings("/dev/v4l/by-id/no-such-camera", 64, 48, 30))
    with pytest.raises(CameraLost, match="plug it in"):
        camera.open()
    with pytest.raises(CameraLost, match="not open"):
        camera.read(0)


def test_another_size_than_calibrated_is_refused(stream: str) -> None:
    with pytest.raises(CameraLost, match="sends 64 x 48 pixels, not 640 x 480"):
        OpencvCamera(OpencvCameraSettings(stream, 640, 480, 30)).open()


def read_all(camera: OpencvCamera, frames: list[tuple[int, int]]) -> None:
    for _ in range(100):
        frame = camera.read(500)
        if frame is not None:
            frames.append((frame.seq, frame.captured_ns))


def test_frames_are_stamped_counted_and_the_end_of_the_stream_is_a_lost_camera(stream: str) -> None:
    camera = OpencvCamera(OpencvCameraSettings(stream, 64, 48, 30))
    camera.open()
    frames: list[tuple[int, int]] = []
    with pytest.raises(CameraLost, match="check its cable"):
        read_all(camera, frames)
    assert frames == sorted(set(frames))
    assert len(frames) + camera.dropped == FRAMES
    assert not camera.finished
    camera.close()


def test_pictures_lie_where_others_read_them_and_the_one_in_hand_is_spared(stream: str) -> None:
    ring = FrameRing((48, 64, 3), 3)
    camera = OpencvCamera(OpencvCameraSettings(stream, 64, 48, 30), ring)
    frame = _frame_of_the_first_half(camera)
    shown = frame.image.copy()
    while camera.dropped < FRAMES - 2:  # one is in hand, the last one waits
        time.sleep(0.001)
    camera.close()
    kept = ring.of(frame.seq, frame.captured_ns)
    assert kept is not None
    assert np.shares_memory(kept, frame.image)
    assert np.array_equal(kept, shown)
    ring.close()


def _frame_of_the_first_half(camera: OpencvCamera) -> Frame:
    """More frames than the ring has places come after it; the stream begins again for somebody who came too late."""
    while True:
        camera.open()
        frame = camera.read(500)
        if frame is not None and frame.seq <= FRAMES // 2:
            return frame
