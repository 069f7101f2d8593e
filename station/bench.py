"""The benchmark: what the vision loop costs beyond its floor, as ratios of processor time in one run.

The floor is what no loop can avoid: decoding the picture, and the bare network on the very crops that the loop asked
for. All cases see the same rendered footage, round robin, in one process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from control.types import Interlocks, MachineSample
from station import setup
from station.config import load_config
from station.plan import Plan, plan_bench
from station.simulated import line_section, painted_frames
from station.sorter import Sorter, SorterSettings
from station.types import Inputs
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.types import Frame, FrameStamp

_SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)
_QUALITY = 90
_EVERY_FRAME_MM = 0.1
_SLICE = 12

Crops = NDArray[np.uint8]


class Shot(NamedTuple):
    """One compressed picture and the belt position it was taken at."""

    jpeg: NDArray[np.uint8]
    pos_mm: float


class _Recorder:
    """A classifier that remembers the batches it was asked for."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.card = classifier.card
        self.batches: list[Crops] = []

    def classify(self, crops: Crops) -> NDArray[np.float32]:
        self.batches.append(crops.copy())
        return self._classifier.classify(crops)


def bench_loop(config_path: Path, seconds: float, repeats: int, json_file: Path | None, console: Console) -> None:
    """Render, measure, show a table, write JSON when asked."""
    cv2.setNumThreads(1)
    plan = plan_bench(load_config(config_path))
    console.print(f"Painting {seconds:g} s of footage ...")
    shots = [Shot(_compressed(image), pos_mm) for pos_mm, image in painted_frames(plan.config, seconds)]
    classifier = Classifier(plan.card)
    figures = _ratios(plan, shots, classifier, repeats)
    table = Table(title=f"{plan.card.id}, {len(shots)} frames, median of {repeats}")
    for heading in ("figure", "value"):
        table.add_column(heading)
    for name, value in figures.items():
        table.add_row(name, f"{value:.3f}")
    console.print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _ratios(plan: Plan, shots: Sequence[Shot], classifier: Classifier, repeats: int) -> dict[str, float]:
    """Round robin over the cases; every ratio is taken within one round, then the median over the rounds."""
    settings = setup.sorter_settings(plan, first_piece=1)
    every = replace(settings, step_mm=_EVERY_FRAME_MM)
    rounds = [_round(plan, shots, classifier, every, settings) for _ in range(repeats)]
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _round(
    plan: Plan, shots: Sequence[Shot], classifier: Classifier, every: SorterSettings, stepped: SorterSettings
) -> dict[str, float]:
    cases = (("every frame", every), ("belt step", stepped))
    return {
        f"{name}: {figure}": value
        for name, settings in cases
        for figure, value in _case(plan, shots, classifier, settings).items()
    }


def _case(plan: Plan, shots: Sequence[Shot], classifier: Classifier, settings: SorterSettings) -> dict[str, float]:
    """One way to run the loop, its floor on the same crops, and both with decoding; turn by turn over short slices,
    so that a machine whose speed changes changes it for all of them."""
    warm, cold = (_Pass(plan, settings, shots, classifier) for _ in range(2))
    spent = _Spent()
    for first in range(0, len(shots), _SLICE):
        spent = _slice(spent, warm, cold, classifier, range(first, min(first + _SLICE, len(shots))))
    frames = len(shots)
    return {
        "loop, ms CPU per frame": spent.loop_ms / frames,
        "bare network, ms CPU per frame": spent.network_ms / frames,
        "decode, ms CPU per frame": spent.decode_ms / frames,
        "loop with decode / floor": spent.whole_ms / (spent.decode_ms + spent.network_ms),
        "loop / bare network": spent.loop_ms / spent.network_ms if spent.network_ms else float("nan"),
        "looks per frame": warm.looks / frames,
    }


class _Spent(NamedTuple):
    """Milliseconds of processor time."""

    decode_ms: float = 0.0
    loop_ms: float = 0.0
    network_ms: float = 0.0
    whole_ms: float = 0.0


def _slice(spent: _Spent, warm: _Pass, cold: _Pass, classifier: Classifier, numbers: range) -> _Spent:
    """A few frames through every case, added to what was spent before."""
    images = {n: warm.decoded(n) for n in numbers}
    decode_ms = _cpu_ms(lambda: [warm.decoded(n) for n in numbers])
    loop_ms = _cpu_ms(lambda: warm.advance(numbers, images.__getitem__))
    batches = warm.taken_batches()
    network_ms = _cpu_ms(lambda: [classifier.classify(crops) for crops in batches])
    whole_ms = _cpu_ms(lambda: cold.advance(numbers, cold.decoded))
    return _Spent(
        spent.decode_ms + decode_ms,
        spent.loop_ms + loop_ms,
        spent.network_ms + network_ms,
        spent.whole_ms + whole_ms,
    )


class _Pass:
    """The whole vision loop over the footage, with encoder readings that enclose every frame."""

    def __init__(self, plan: Plan, settings: SorterSettings, shots: Sequence[Shot], classifier: Classifier) -> None:
        self._settings = settings
        self._shots = shots
        self._period_ns = round(1e9 / line_section(plan.config).fps)
        self._recorder = _Recorder(classifier)
        finder, mm_per_px = Finder(setup.finder_settings(plan.config)), plan.config.calibration.mm_per_px
        self._eye = LiveEye(finder, setup.geometry(plan.config), self._recorder, mm_per_px)
        self._sorter = Sorter(settings)
        self.looks = 0

    def advance(self, numbers: Iterable[int], image_of: Callable[[int], NDArray[np.uint8]]) -> None:
        """Go on with these frames."""
        for number in numbers:
            now_ns = (number + 1) * self._period_ns
            count = round(self._shots[number].pos_mm * self._settings.ticks_per_mm)
            count %= 1 << self._settings.counter_bits
            sample = MachineSample(count, now_ns, _SAFE, running=True, armed=False, reports=())
            self._eye.show(Frame(number + 1, now_ns, None, image_of(number)))
            stamp = FrameStamp(number + 1, now_ns, None)
            self._sorter.step(Inputs(now_ns, stamp, 0, (sample,), (), ()), self._eye)

    def decoded(self, number: int) -> NDArray[np.uint8]:
        """The picture of a frame, decompressed anew."""
        return np.asarray(cv2.imdecode(self._shots[number].jpeg, cv2.IMREAD_COLOR), np.uint8)

    def taken_batches(self) -> tuple[Crops, ...]:
        """The batches asked for since the last call."""
        batches = tuple(self._recorder.batches)
        self._recorder.batches.clear()
        self.looks += sum(map(len, batches))
        return batches


def _compressed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    _ok, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(jpeg, np.uint8)


def _cpu_ms(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000
