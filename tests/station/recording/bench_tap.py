"""What recording costs the vision process: processor time per frame with and without, round robin over the same frames.

``python -m tests.station.recording.bench_tap [SECONDS] [REPEATS]``: ``steps`` tells every step to a real recorder
process (all that the simulated line and any camera with shared memory need), ``copied`` copies every picture into the
recorder's memory as well. The loop is what the vision process does with a frame: judge it, search it, look, step, show.
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
from station.recording.tap import KeepingEye, TappedSorter, tapped
from station.simulated import line_section, painted_frames
from station.sorter import Sorter
from station.types import Inputs
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.frame_ring import FrameRing
from vision.health import HealthSettings, PictureHealth
from vision.types import Frame, FrameStamp

_SLICE = 12
_SLOTS = 12
_SHOW_EVERY = 4
_SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)
_QUALITY = 95


class Pass:
    """The loop over the frames, with or without a recorder."""

    def __init__(self, plan: Plan, classifier: Classifier, post: Post | None, ring: FrameRing | None) -> None:
        config = plan.config
        self._settings = setup.sorter_settings(plan, 1)
        self._period_ns = round(1e9 / line_section(config).fps)
        finder = Finder(setup.finder_settings(config))
        eye = LiveEye(finder, setup.geometry(config), classifier, config.calibration.mm_per_px)
        self._eye = eye if ring is None else KeepingEye(eye, ring, unsearched=False)
        sorter = Sorter(self._settings)
        self._sorter: Sorter | TappedSorter = sorter
        if post is not None:
            self._sorter = tapped(sorter, self._settings, (), post.steps, 0)
        self._health = PictureHealth(HealthSettings())
        height, width, _ = setup.picture_shape(config)
        self._shown = np.zeros((height // 2, width // 2, 3), np.uint8)
        self.cpu_s = 0.0

    def advance(self, first: int, images: Sequence[NDArray[np.uint8]], places_mm: Sequence[float]) -> None:
        begun = time.process_time()
        for number, (image, pos_mm) in enumerate(zip(images, places_mm, strict=True), first + 1):
            self._step(number, image, pos_mm)
        self.cpu_s += time.process_time() - begun

    def _step(self, number: int, image: NDArray[np.uint8], pos_mm: float) -> None:
        now_ns = number * self._period_ns
        count = round(pos_mm * self._settings.ticks_per_mm) % (1 << self._settings.counter_bits)
        sample = MachineSample(count, now_ns, _SAFE, running=True, armed=False, reports=())
        self._health.see(image, True)
        self._eye.show(Frame(number, now_ns, None, image))
        self._sorter.step(Inputs(now_ns, FrameStamp(number, now_ns, None), 0, (sample,), (), ()), self._eye)
        if number % _SHOW_EVERY == 0:
            self._shown[:] = image[::2, ::2]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cv2.setNumThreads(1)
    plan = plan_bench(load_config(Path("configs/sim.yaml")))
    shots = []
    for pos_mm, image in painted_frames(plan.config, seconds):
        shots.append((pos_mm, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]))
    classifier = Classifier(plan.card)
    rounds = [one_round(plan, classifier, shots) for _ in range(repeats)]
    for name in ("steps", "copied"):
        found = [one[name] / one["plain"] - 1 for one in rounds]
        sys.stdout.write(f"{name:7} {median(found):+.1%} per frame (of {', '.join(f'{x:+.1%}' for x in found)})\n")
    sys.stdout.write(f"plain   {median(one['plain'] for one in rounds) * 1e3:.2f} ms CPU per frame\n")


def one_round(plan: Plan, classifier: Classifier, shots: Sequence[tuple[float, NDArray[np.uint8]]]) -> dict[str, float]:
    """CPU seconds per frame of each case."""
    shape = setup.picture_shape(plan.config)
    own, foreign = FrameRing(shape, _SLOTS), FrameRing(shape, _SLOTS)
    settings = RecordingSettings(frames=Frames.all, min_free_bytes=0)
    with tempfile.TemporaryDirectory() as folder:
        posts = []
        for ring, name in ((foreign, "steps"), (own, "copied")):
            pictures = PicturesChoice(ring.name, shape, _SLOTS)
            posts.append(Post(recorder_setup(plan, Path(folder) / f"{name}.mcap", settings, pictures), ring))
        with posts[0] as steps, posts[1] as copied:
            wait_for(steps, copied)
            passes = {
                "plain": Pass(plan, classifier, None, None),
                "steps": Pass(plan, classifier, steps, None),
                "copied": Pass(plan, classifier, copied, own),
            }
            for first in range(0, len(shots), _SLICE):
                some = shots[first : first + _SLICE]
                images = [np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8) for _, jpeg in some]
                for one in passes.values():
                    one.advance(first, images, [pos_mm for pos_mm, _ in some])
                time.sleep(0.1)
    return {name: one.cpu_s / len(shots) for name, one in passes.items()}


def wait_for(*posts: Post) -> None:
    """Until the recorders have loaded and listen."""
    while any(post.news is None for post in posts):
        for post in posts:
            post.mind(time.monotonic_ns())
        time.sleep(0.05)


if __name__ == "__main__":
    main()
