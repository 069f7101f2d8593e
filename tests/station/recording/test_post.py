"""The recorder as a process of its own: fed through its link, killed, started again, ended with everything written."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from station.link import Link
from station.recording.pictures import decoded
from station.recording.post import Post
from station.recording.reader import open_recording
from station.recording.replay import replay
from station.recording.settings import Frames, PicturesChoice, RecorderSetup, RecordingSettings
from station.types import Order
from tests.station.paper_line import PaperPiece
from tests.station.recording.recorded_line import ABOUT, RECIPE, ToldLine
from vision.frame_ring import FrameRing

SHAPE = (64, 80, 3)
SETTINGS = RecordingSettings(max_bytes=10**9, min_free_bytes=0, frames=Frames.off)


class PatientPort:
    """Waits for the recorder where vision would not: the test has no time to lose."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def send(self, message: object) -> bool:
        while not self._link.send(message):
            time.sleep(0.001)
        return True

    def receive(self) -> list[object]:
        return []


def wait_until(true: Callable[[], bool], post: Post) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        post.mind(time.monotonic_ns())
        time.sleep(0.01)


def pieces() -> list[PaperPiece]:
    return [PaperPiece(2600.0 + 90 * n, 400.0, n % 2) for n in range(100)]


def setup_in(folder: Path, settings: RecordingSettings, pictures: PicturesChoice | None = None) -> RecorderSetup:
    return RecorderSetup(folder, folder / "a.mcap", ABOUT, (RECIPE,), settings, pictures)


def test_everything_told_before_the_end_is_written(tmp_path: Path) -> None:
    with Post(setup_in(tmp_path, SETTINGS), None) as post:
        line = ToldLine(PatientPort(post.steps), pieces())
        line.line.run(5.0, Order.start)
        line.end()
    found = replay(open_recording(tmp_path / "a.mcap"))
    assert found.is_equal
    assert found.proved == 500


def test_a_recorder_that_was_killed_goes_on_in_another_file(tmp_path: Path) -> None:
    with Post(setup_in(tmp_path, SETTINGS), None) as post:
        line = ToldLine(PatientPort(post.steps), pieces())
        line.line.run(2.0, Order.start)
        wait_until(lambda: post.news is not None and post.news.steps > 0, post)
        first = post.member
        assert first is not None
        first.process.kill()
        first.process.join()
        wait_until(lambda: post.member not in (None, first), post)
        line.line.run(4.0)
        line.end()
    assert open_recording(tmp_path / "a.mcap").first_begin().step == 1
    after = replay(open_recording(tmp_path / "a-2.mcap"))
    assert after.is_equal
    assert after.proved == after.steps > 100


def test_pictures_come_through_shared_memory_as_they_were(tmp_path: Path) -> None:
    ring = FrameRing(SHAPE, 12)
    choice = PicturesChoice(ring.name, SHAPE, 12)
    settings = RecordingSettings(
        max_bytes=10**9, min_free_bytes=0, frames=Frames.all, unsearched=True, lossless=True, jpeg_quality=90
    )
    rng = np.random.default_rng(1)
    images: dict[int, NDArray[np.uint8]] = {}
    with Post(setup_in(tmp_path, settings, choice), ring) as post:
        wait_until(lambda: post.news is not None, post)
        line = ToldLine(PatientPort(post.steps), [])
        for _ in range(20):
            seq = line.frames + 1
            images[seq] = rng.integers(0, 256, SHAPE, np.uint8)
            ring.begin()[:] = images[seq]
            ring.commit(seq, line.next_captured_ns, None)
            line.line.step(())
            time.sleep(0.02)
        line.end()
    frames = list(open_recording(tmp_path / "a.mcap").frames())
    assert frames
    for frame in frames:
        assert frame.format == "png"
        image = decoded(frame)
        assert image is not None
        assert np.array_equal(image, images[frame.stamp.seq])


def test_what_a_person_wants_kept_is_kept(tmp_path: Path) -> None:
    settings = RecordingSettings(max_bytes=10**9, min_free_bytes=0, frames=Frames.flight, after_s=1.0)
    ring = FrameRing(SHAPE, 2)
    with Post(setup_in(tmp_path, settings, PicturesChoice(ring.name, SHAPE, 2)), ring) as post:
        assert post.keep_this("page") == "The recorder is not running; wait a moment and try again."
        line = ToldLine(PatientPort(post.steps), [])
        line.line.run(1.0, Order.start)
        wait_until(lambda: post.news is not None and post.news.steps > 0, post)
        assert post.keep_this("page") is None
        wait_until(lambda: bool(list(tmp_path.glob("incident-*"))), post)
        line.end()
    assert any(replay(open_recording(file)).is_equal for file in tmp_path.glob("incident-*"))
