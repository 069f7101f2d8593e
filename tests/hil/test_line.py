"""The line as a process and its camera; footage that agrees with its truth."""

from __future__ import annotations

import csv
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing.context import SpawnProcess
from pathlib import Path

import cv2
import numpy as np
import pytest

from hil.camera import RingCamera
from hil.drive import EncoderSettings
from hil.feeder import FeederSettings
from hil.footage import FootageSettings, write_footage
from hil.line import Line, LineSettings, _still_there, run_line, sprites_of
from hil.look import Look, View
from hil.motion import Motion
from hil.types import BeltMotion, Landed, LineNews, Mishap, MishapName
from hil.world import WorldSettings
from station.link import Link, open_link
from tests.hil.yard import bar
from vision.frame_ring import FrameRing
from vision.types import CameraLost, Frame

VIEW = View(320, 256, 2.5)
WORLD = WorldSettings(FeederSettings(), bar("brass", 0, 700.0), beyond_mm=50.0)
SETTINGS = LineSettings(WORLD, Look(loop_mm=1000.0), VIEW, fps=50.0)


@dataclass
class Running:
    """A line process, its camera and the parent's ends of its links; the parent moves the belt."""

    process: SpawnProcess
    camera: RingCamera
    motion: Motion
    mishaps: Link
    truth: Link
    news: list[LineNews] = field(default_factory=list)
    pos_mm: float = 0.0

    def go(self, seconds: float, speed_mm_s: float = 1500.0) -> list[Frame]:
        """Move the belt and read pictures; their images are copies."""
        frames, ends = [], time.monotonic() + seconds
        while (now := time.monotonic()) < ends:
            frame = self.camera.read(10)
            if frame is not None:
                frames.append(replace(frame, image=frame.image.copy()))
            self.pos_mm += speed_mm_s * (time.monotonic() - now)
            self.motion.write(BeltMotion(time.monotonic_ns(), self.pos_mm, speed_mm_s))
            self.news += [news for news in self.truth.receive() if isinstance(news, LineNews)]
        return frames

    def after(self, name: MishapName, *, on: bool = True) -> list[Frame]:
        """Pictures from a little after a mishap began or ended."""
        self.mishaps.send(Mishap(name, on))
        self.go(0.2)
        return self.go(0.4)


@pytest.fixture
def running() -> Iterator[Running]:
    ring, motion = FrameRing(VIEW.shape, SETTINGS.slots), Motion()
    (valves, their_valves), (mishaps, their_mishaps), (truth, their_truth) = open_link(), open_link(), open_link()
    ours, theirs = (valves, mishaps, truth), (their_valves, their_mishaps, their_truth)
    process = multiprocessing.get_context("spawn").Process(
        target=run_line, args=(SETTINGS, ring.name, motion.name, *theirs)
    )
    process.start()
    for link in theirs:
        link.close()
    camera = RingCamera(ring.name, VIEW.shape, SETTINGS.slots)
    camera.open()
    _await(lambda: camera.read(100) is not None)
    yield Running(process, camera, motion, mishaps, truth)
    camera.close()
    process.terminate()
    process.join(5)
    for link in ours:
        link.close()
    ring.close()
    motion.close()
    assert process.exitcode == 0


def test_pieces_are_seen_and_land(running: Running) -> None:
    frames = running.go(2.5)
    assert len(frames) > 60
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert all(later.captured_ns >= earlier.captured_ns for earlier, later in pairwise(frames))
    landed = [piece for news in running.news for piece in news.landed]
    assert len(landed) == len({piece.truth_id for piece in landed}) > 10
    assert {piece.outlet for piece in landed} == {"rest"}
    assert running.news[-1].fed >= len(landed)


def test_camera_mishaps_look_like_camera_mishaps(running: Running) -> None:
    running.go(0.5)
    frozen = running.after(MishapName.camera_freeze)
    assert len(frozen) > 5
    assert all(np.array_equal(frame.image, frozen[0].image) for frame in frozen)
    running.after(MishapName.camera_freeze, on=False)
    covered = running.after(MishapName.lens_covered)
    assert all(frame.image.mean() < 12 for frame in covered)
    running.after(MishapName.lens_covered, on=False)
    assert running.after(MishapName.camera_silent) == []
    assert len(running.after(MishapName.camera_silent, on=False)) > 5


def test_a_camera_without_a_line_is_lost() -> None:
    with pytest.raises(CameraLost, match="simulated line"):
        RingCamera("no-such-ring", VIEW.shape, 4).open()


def test_the_newest_picture_wins_and_the_others_are_counted() -> None:
    ring = FrameRing((4, 4, 3), 4)
    camera = RingCamera(ring.name, (4, 4, 3), 4)
    try:
        camera.open()
        assert camera.read(0) is None
        for seq in (1, 2, 5):
            ring.begin()[:] = seq
            ring.commit(seq, 1000 * seq, None)
        frame = camera.read(0)
        assert frame is not None
        assert (frame.seq, frame.captured_ns, int(frame.image[0, 0, 0])) == (5, 5000, 5)
        assert camera.dropped == 4
        del frame
    finally:
        camera.close()
        ring.close()


def test_landed_pieces_are_told_until_the_news_was_delivered() -> None:
    line = Line(SETTINGS, sprites_of(SETTINGS))
    for pos_mm in range(0, 4000, 25):
        line.step(BeltMotion(0, float(pos_mm), 1500.0))
    first = line.news(1, 0)
    assert first.landed
    assert isinstance(first.landed[0], Landed)
    assert line.news(2, 0).landed == first.landed
    line.told()
    assert line.news(3, 0).landed == ()


def test_footage_shows_each_piece_where_its_truth_says(tmp_path: Path) -> None:
    quiet = replace(SETTINGS, look=Look(loop_mm=1000.0, dirt=0.2), view=View(640, 512, 1.25))
    settings = FootageSettings(quiet, encoder=EncoderSettings(start_count=1000))
    assert write_footage(tmp_path, 1.0, settings, step_mm=100.0, scale=0.5, jpeg_quality=95) == 15
    frames, ticks, truth = (_rows(tmp_path / name) for name in ("frames.csv", "ticks.csv", "truth.csv"))
    assert len(frames) == 15
    taken = [int(row["taken_ns"]) for row in ticks]
    assert taken[0] < int(frames[0]["captured_ns"])
    assert taken[-1] > int(frames[-1]["captured_ns"])
    image = cv2.imread(str(tmp_path / frames[7]["file"]))
    assert image is not None
    tick = np.interp(int(frames[7]["captured_ns"]), taken, [int(row["count"]) for row in ticks])
    places = [((tick - int(row["at_tick"])) / 10 / 2.5, float(row["across_mm"]) / 2.5) for row in truth]
    inside = [(round(y), round(x)) for y, x in places if 10 < y < 240]
    assert len(inside) > 3
    median = float(np.median(image.max(axis=2)))
    visible = [image[y - 6 : y + 7, x - 6 : x + 7].max() > median + 25 for y, x in inside]
    assert sum(visible) >= 0.8 * len(visible)


def test_labels_of_footage_count_from_its_first_reading_after_the_counter_rolled_over(tmp_path: Path) -> None:
    bits = 16
    settings = FootageSettings(SETTINGS, encoder=EncoderSettings(counter_bits=bits, start_count=60_000))
    write_footage(tmp_path, 0.5, settings, step_mm=250.0, scale=0.25)
    first = int(_rows(tmp_path / "ticks.csv")[0]["count"])
    true = [int(row["at_tick"]) for row in _rows(tmp_path / "truth.csv")]
    found = [int(row["at_tick"]) for row in _rows(tmp_path / "labels.csv")]
    assert found == sorted(at - 2**bits for at in true)
    assert min(abs(at - first) for at in found) < 4000


def test_footage_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "footage.yaml").write_text("")
    with pytest.raises(FileExistsError, match="another folder"):
        write_footage(tmp_path, 1.0, FootageSettings(SETTINGS))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _await(done: Callable[[], bool]) -> None:
    for _ in range(150):
        if done():
            return
    raise AssertionError("the line took no picture")


def test_a_picture_is_never_older_than_the_one_before() -> None:
    silent = _still_there(BeltMotion(0, 10.0, 1500.0), BeltMotion(0, 10.0, 1500.0), 100_000_000)
    assert silent == BeltMotion(100_000_000, 10.0, 0.0)
    late_news = BeltMotion(90_000_000, 12.0, 1500.0)
    assert _still_there(late_news, silent, 116_000_000) == silent
    fresh = BeltMotion(115_000_000, 13.0, 1500.0)
    assert _still_there(fresh, silent, 116_000_000) == fresh
