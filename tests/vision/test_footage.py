"""A folder of recorded pictures plays as a camera."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.footage import FolderCamera, check_footage
from vision.frame_ring import FrameRing
from vision.types import CameraLost, FootageError

MS = 1_000_000


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now_ns = 1_000 * MS

    def read(self) -> int:
        return self.now_ns

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = ["file,captured_ns"]
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), np.full((32, 48, 3), 40 * number, np.uint8))
        lines.append(f"{number}.jpg,{7_000 * MS + number * 20 * MS}")
    (tmp_path / "frames.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def opened(folder: Path, clock: Clock, loop: bool = False) -> FolderCamera:
    camera = FolderCamera(folder, clock.now_ns, loop, clock.read, clock.wait)
    camera.open()
    return camera


def test_frames_come_at_the_pace_they_were_recorded(folder: Path) -> None:
    clock = Clock()
    camera = opened(folder, clock)
    frames = [camera.read(100) for _ in range(4)]
    assert [frame.captured_ns - 1_000 * MS for frame in frames if frame] == [0, 20 * MS, 40 * MS, 60 * MS]
    assert [round(float(frame.image.mean()), -1) for frame in frames if frame] == [0, 40, 80, 120]
    assert clock.now_ns == 1_060 * MS
    assert camera.finished
    assert camera.read(100) is None


def test_a_frame_that_is_not_due_is_not_given(folder: Path) -> None:
    clock = Clock()
    camera = opened(folder, clock)
    camera.read(0)
    assert camera.read(5) is None
    assert clock.now_ns == 1_005 * MS


def test_a_slow_reader_gets_the_newest_frame_and_the_others_are_counted(folder: Path) -> None:
    clock = Clock()
    camera = opened(folder, clock)
    clock.wait(0.045)
    frame = camera.read(0)
    assert frame is not None
    assert frame.seq == 3
    assert camera.dropped == 2


def test_looped_footage_goes_on_one_period_after_its_end(folder: Path) -> None:
    clock = Clock()
    camera = opened(folder, clock, loop=True)
    stamps = [frame.captured_ns for frame in (camera.read(100) for _ in range(6)) if frame]
    assert {later - earlier for earlier, later in pairwise(stamps)} == {20 * MS}
    assert not camera.finished


def test_a_closed_camera_is_lost(folder: Path) -> None:
    camera = opened(folder, Clock())
    camera.close()
    with pytest.raises(CameraLost, match="not open"):
        camera.read(0)


def test_good_footage_tells_its_size(folder: Path) -> None:
    info = check_footage(folder)
    assert (info.width_px, info.height_px, len(info.files)) == (48, 32, 4)


def test_a_picture_cut_in_half_is_refused_by_name(folder: Path) -> None:
    whole = (folder / "2.jpg").read_bytes()
    (folder / "2.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FootageError, match=r"2\.jpg is cut off"):
        check_footage(folder)


def test_a_missing_picture_is_refused_by_name(folder: Path) -> None:
    (folder / "1.jpg").unlink()
    with pytest.raises(FootageError, match=r"1\.jpg is missing"):
        check_footage(folder)


def test_something_that_is_no_picture_is_refused_by_name(folder: Path) -> None:
    (folder / "1.jpg").write_text("hello")
    with pytest.raises(FootageError, match=r"1\.jpg is no JPEG"):
        check_footage(folder)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "must begin with"),
        ("file,captured_ns\n", "at least one frame"),
        ("file,captured_ns\n0.jpg,soon\n", "line 2"),
        ("file,captured_ns\n../0.jpg,5\n", "line 2"),
        ("file,captured_ns\n0.jpg,5\n1.jpg\n", "line 3"),
        ("file,captured_ns\n0.jpg,5\n1.jpg,5\n", "does not grow"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(folder: Path, table: str, said: str) -> None:
    (folder / "frames.csv").write_text(table)
    with pytest.raises(FootageError, match=said):
        check_footage(folder)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=r"holds frames\.csv"):
        check_footage(tmp_path)


def test_pictures_are_decoded_where_others_read_them(folder: Path) -> None:
    clock, ring = Clock(), FrameRing((32, 48, 3), 3)
    (folder / "2.jpg").write_bytes(b"\xff\xd8no picture\xff\xd9")
    camera = FolderCamera(folder, clock.now_ns, False, clock.read, clock.wait, ring)
    camera.open()
    for number in (0, 1):
        frame = camera.read(100)
        assert frame is not None
        kept = ring.of(frame.seq, frame.captured_ns)
        assert kept is not None
        assert np.shares_memory(kept, frame.image)
        decoded = cv2.imread(str(folder / f"{number}.jpg"))
        assert decoded is not None
        assert np.array_equal(kept, decoded)
    with pytest.raises(FootageError, match="cannot be decoded as 48 x 32 pixels"):
        camera.read(100)
    camera.close()
    ring.close()
