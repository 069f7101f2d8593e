"""What recording costs the vision process: processor time per frame with and without, round robin over the same frames.

``python -m tests.station.recording.bench_tap [SECONDS] [REPEATS]``: ``steps`` tells every step to a real recorder
process that has nothing else to do (all that the simulated line needs: its pictures lie in shared memory anyhow);
``footage`` and ``plain footage`` decode the same pictures from a folder, into the recorder's memory or into their own,
which is what other cameras do. The loop is what the vision process does with a frame: read it, judge it, search it,
look, step, show; decoding is part of a frame of footage, and said apart.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from control.types import Interlocks, MachineSample
from station import setup
from station.config import load_config
from station.plan import Plan, plan_bench
from station.recording.planned import recorder_setup
from station.recording.post import Post
from station.recording.settings import Frames, PicturesChoice, RecordingSettings
from station.recording.tap import TappedSorter, tapped
from station.simulated import line_section, painted_frames
from station.sorter import Sorter
from station.types import Inputs
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.footage import FolderCamera
from vision.frame_ring import FrameRing
from vision.health import HealthSettings, PictureHealth
from vision.types import Frame, FrameStamp

_SLICE = 12
_SLOTS = 12
_SHOW_EVERY = 4
_SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)
_QUALITY = 95


class Pass:
    """The loop over the frames, with or without a recorder, its pictures given or read from footage."""

    def __init__(
        self,
        plan: Plan,
        classifier: Classifier,
        post: Post | None = None,
        footage: tuple[Path, FrameRing | None] | None = None,
    ) -> None:
        config = plan.config
        self._settings = setup.sorter_settings(plan, 1)
        self._period_ns = round(1e9 / line_section(config).fps)
        finder = Finder(setup.finder_settings(config))
        self._eye = LiveEye(finder, setup.geometry(config), classifier, config.calibration.mm_per_px)
        sorter = Sorter(self._settings)
        self._sorter: Sorter | TappedSorter = sorter
        if post is not None:
            self._sorter = tapped(sorter, self._settings, (), post.steps, 0)
        self._health = PictureHealth(HealthSettings())
        height, width, _ = setup.picture_shape(config)
        self._shown = np.zeros((height // 2, width // 2, 3), np.uint8)
        self._now_ns = 0
        self._camera: FolderCamera | None = None
        if footage is not None:
            folder, memory = footage
            self._camera = FolderCamera(folder, self._period_ns, now_ns=lambda: self._now_ns, memory=memory)
            self._camera.open()
        self.cpu_s = 0.0

    def advance(self, first: int, images: Sequence[NDArray[np.uint8]], places_mm: Sequence[float]) -> None:
        begun = time.process_time()
        for number, (image, pos_mm) in enumerate(zip(images, places_mm, strict=True), first + 1):
            self._step(number, image, pos_mm)
        self.cpu_s += time.process_time() - begun

    def _step(self, number: int, image: NDArray[np.uint8], pos_mm: float) -> None:
        self._now_ns = now_ns = number * self._period_ns
        frame = Frame(number, now_ns, None, image) if self._camera is None else self._camera.read(0)
        assert frame is not None
        count = round(pos_mm * self._settings.ticks_per_mm) % (1 << self._settings.counter_bits)
        sample = MachineSample(count, now_ns, _SAFE, running=True, armed=False, reports=())
        self._health.see(frame.image, True)
        self._eye.show(frame)
        stamp = FrameStamp(number, frame.captured_ns, None)
        self._sorter.step(Inputs(now_ns, stamp, 0, (sample,), (), ()), self._eye)
        if number % _SHOW_EVERY == 0:
            self._shown[:] = frame.image[::2, ::2]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cv2.setNumThreads(1)
    plan = plan_bench(load_config(Path("configs/sim.yaml")))
    classifier = Classifier(plan.card)
    with tempfile.TemporaryDirectory() as folder:
        places_mm = write_footage(plan, Path(folder), seconds)
        rounds = [one_round(plan, classifier, Path(folder), places_mm) for _ in range(repeats)]
    plain, footage = (median(one[name] for one in rounds) for name in ("plain", "plain footage"))
    for name, without in (("steps", "plain"), ("footage", "plain footage")):
        found = [one[name] / one[without] - 1 for one in rounds]
        sys.stdout.write(f"{name:8} {median(found):+.1%} per frame (of {', '.join(f'{x:+.1%}' for x in found)})\n")
    bare = [(one["footage"] - one["plain footage"]) / one["plain"] for one in rounds]
    sys.stdout.write(f"footage  {median(bare):+.1%} of a frame without its decoding\n")
    sys.stdout.write(f"plain {plain * 1e3:.2f} ms, plain footage {footage * 1e3:.2f} ms CPU per frame\n")


def write_footage(plan: Plan, folder: Path, seconds: float) -> list[float]:
    """The simulated line as JPEG files; where the belt was at each."""
    places_mm, lines = [], ["file,captured_ns"]
    period_ns = round(1e9 / line_section(plan.config).fps)
    for number, (pos_mm, image) in enumerate(painted_frames(plan.config, seconds)):
        cv2.imwrite(str(folder / f"{number:05}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        places_mm.append(pos_mm)
        lines.append(f"{number:05}.jpg,{number * period_ns}")
    (folder / "frames.csv").write_text("\n".join(lines) + "\n")
    return places_mm


def one_round(plan: Plan, classifier: Classifier, footage: Path, places_mm: Sequence[float]) -> dict[str, float]:
    """CPU seconds per frame of each case."""
    shape = setup.picture_shape(plan.config)
    idle, ring = FrameRing(shape, _SLOTS), FrameRing(shape, _SLOTS)
    settings = RecordingSettings(frames=Frames.all, min_free_bytes=0)
    with tempfile.TemporaryDirectory() as folder:
        posts = []
        for memory, name in ((idle, "steps"), (ring, "footage")):
            pictures = PicturesChoice(memory.name, shape, _SLOTS)
            posts.append(Post(recorder_setup(plan, Path(folder) / f"{name}.mcap", settings, pictures), memory))
        with posts[0] as steps, posts[1] as pictured:
            wait_for(steps, pictured)
            passes = {
                "plain": Pass(plan, classifier),
                "steps": Pass(plan, classifier, steps),
                "plain footage": Pass(plan, classifier, None, (footage, None)),
                "footage": Pass(plan, classifier, pictured, (footage, ring)),
            }
            for first in range(0, len(places_mm), _SLICE):
                some = places_mm[first : first + _SLICE]
                files = [footage / f"{first + n:05}.jpg" for n in range(len(some))]
                images = [np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR), np.uint8) for file in files]
                for one in passes.values():
                    one.advance(first, images, some)
                time.sleep(0.1)
    return {name: one.cpu_s / len(places_mm) for name, one in passes.items()}


def wait_for(*posts: Post) -> None:
    """Until the recorders have loaded and listen."""
    while any(post.news is None for post in posts):
        for post in posts:
            post.mind(time.monotonic_ns())
        time.sleep(0.05)


if __name__ == "__main__":
    main()
