"""Measures a taught network for its card: single looks, whole pieces, photographs by family."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from station.training import metrics
from station.training.calibration import combined
from station.training.course import PHOTOS_VAL
from station.training.evaluate import UNKNOWN
from station.training.lessons import Lessons
from station.training.photos import Cutout
from station.training.rollup import roll_up
from station.training.scaling import Seen
from vision.classifier import BATCH, Classifier
from vision.model_card import Figures, LabelFigure

Logs = NDArray[np.float32]
COINLESS = "photographs val without coins"


def seen(eye: Classifier, part: Lessons) -> Seen:
    """Show a part of the course to a network; crops that are no class may be nothing."""
    return Seen(eye.classify(part.crops), part.may_be[:, :-1], np.array(part.objects))


def rendered_figures(split: str, part: Seen, calm: Logs, labels: Sequence[str]) -> Figures:
    """Figures of single looks by label; intervals count objects, for pictures of one object are not independent."""
    truth = part.may_be.argmax(axis=1)
    before, after = np.exp(part.logs), np.exp(calm)
    return _figures(split, truth, before, after, labels, part.objects)


def photo_figures(
    split: str, part: Seen, calm: Logs, cutouts: Sequence[Cutout], labels: Sequence[str], families: Mapping[str, str]
) -> Figures:
    """Figures of photographs by family; ``cutouts`` has one entry per row, those without labels are left out."""
    known = np.array([one.family != UNKNOWN for one in cutouts])
    rollup = roll_up(labels, sorted({one.family for one in cutouts if one.family != UNKNOWN}), families)
    truth = np.array([rollup.groups.index(one.family) for one in cutouts if one.family != UNKNOWN])
    before, after = (rollup.rolled(np.exp(logs[known])) for logs in (part.logs, calm))
    return _figures(split, truth, before, after, rollup.groups, part.objects[known])


def photo_pair(
    photos: Seen,
    calm: NDArray[np.float32],
    cutouts: Sequence[Cutout],
    labels: Sequence[str],
    families: Mapping[str, str],
) -> tuple[Figures, Figures]:
    """Figures of all validation photographs and of those that are no coins; ``cutouts`` has one entry per row."""
    plain = np.array([not one.from_coin for one in cutouts])
    coinless = [one for one in cutouts if not one.from_coin]
    return (
        photo_figures(PHOTOS_VAL, photos, calm, cutouts, labels, families),
        photo_figures(COINLESS, photos.at(plain), calm[plain], coinless, labels, families),
    )


def piece_note(split: str, looks: Logs, truth: NDArray[np.int64], correlation: float) -> str:
    """One sentence about pieces after one to all of their looks (pieces, looks, labels)."""
    said = []
    for count in range(1, looks.shape[1] + 1):
        shares = np.exp(combined(looks[:, :count], correlation))
        surest, right = shares.max(axis=1), shares.argmax(axis=1) == truth
        sure = surest >= 0.95
        stated = (
            f"{right[sure].mean():.3f} of the {sure.sum()} stated 0.95 or more" if sure.any() else "none stated 0.95"
        )
        error = metrics.calibration_error(surest, right)
        said.append(f"{count}: right {right.mean():.3f}, calibration error {error:.3f}, right {stated}")
    return f"Per piece on {split} ({len(truth)} pieces) after so many looks: {'; '.join(said)}."


def speed_ms(eye: Classifier, repeats: int = 60) -> float:
    """Median CPU milliseconds per crop at batch 4, preparation included, on the machine that trained."""
    size = eye.card.crop.size_px
    crops = np.random.default_rng(1).integers(0, 256, (BATCH, size, size, 3), np.uint8)
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        eye.classify(crops)
        taken.append((time.process_time() - start) * 1000 / BATCH)
    return float(np.median(taken))


def _figures(
    split: str,
    truth: NDArray[np.int64],
    before: NDArray[np.floating],
    after: NDArray[np.floating],
    names: Sequence[str],
    objects: NDArray[np.str_],
) -> Figures:
    said = after.argmax(axis=1)
    right = said == truth
    table = metrics.confusion(truth, said, len(names))
    count = len(np.unique(objects))
    low, high = metrics.wilson(float(right.mean()) * count, count)
    return Figures(
        split=split,
        n=len(truth),
        accuracy=float(right.mean()),
        macro_f1=metrics.macro_f1(table),
        ece_before=metrics.calibration_error(before.max(axis=1), before.argmax(axis=1) == truth),
        ece_after=metrics.calibration_error(after.max(axis=1), right),
        per_label=tuple(_per_label(names[n], right[truth == n], objects[truth == n]) for n in np.unique(truth)),
        low=low,
        high=high,
        classes=tuple(names),
        confusion=tuple(tuple(map(int, row)) for row in table),
    )


def _per_label(name: str, right: NDArray[np.bool_], objects: NDArray[np.str_]) -> LabelFigure:
    count, share = len(np.unique(objects)), float(right.mean())
    return LabelFigure(name, len(right), count, share, *metrics.wilson(share * count, count))
