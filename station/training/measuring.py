"""Measures a taught network for its card: single looks, whole pieces, photographs by family."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.training import metrics
from station.training.calibration import combined, fit_temperature, marginal_loss, spread_logs
from station.training.course import PHOTOS_VAL
from station.training.evaluate import UNKNOWN
from station.training.lessons import Lessons
from station.training.photos import Cutout
from station.training.rollup import roll_up
from vision.classifier import BATCH, Classifier, log_softmax
from vision.model_card import Figures, LabelFigure

Logs = NDArray[np.float32]
COINLESS = "photographs val without coins"
WARY = 2.0
MayBe = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network said: log probabilities (n, labels), what each crop may be (n, labels), the object it shows."""

    logs: Logs
    may_be: MayBe
    objects: NDArray[np.str_]

    def at(self, rows: NDArray[np.bool_]) -> Seen:
        """Some of the rows."""
        return Seen(self.logs[rows], self.may_be[rows], self.objects[rows])


def seen(eye: Classifier, part: Lessons) -> Seen:
    """Show a part of the course to a network; crops that are no class may be nothing."""
    return Seen(eye.classify(part.crops), part.may_be[:, :-1], np.array(part.objects))


def fit_shared_temperature(parts: Sequence[Seen]) -> float:
    """One temperature for several data sets, each counting the same, strangers left out."""
    known = [one.at(np.asarray(one.may_be.any(axis=1))) for one in parts]
    weights = np.concatenate([np.full(len(one.logs), 1 / len(one.logs)) for one in known])
    logs, may_be = np.concatenate([one.logs for one in known]), np.concatenate([one.may_be for one in known])
    return fit_temperature(lambda each: marginal_loss(logs / np.float32(each), may_be, weights))


def fit_biases(parts: Sequence[Seen], steps: int = 300, rate: float = 1.0, pull: float = 0.1) -> Logs:
    """What to add to each answer (labels + 1,) of logits (vector scaling, Guo et al. 2017); data sets count the same.

    It evens out that things were taught in other shares than they come; ``pull`` keeps answers few rows show near 0.
    """
    biases = np.zeros(parts[0].logs.shape[1], np.float32)
    for _step in range(steps):
        slope = pull * biases
        for one in parts:
            shares = np.exp(log_softmax(one.logs + biases))
            allowed = np.where(one.may_be, shares, 0)
            slope += (shares - allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1e-9)).mean(axis=0) / len(parts)
        biases -= np.float32(rate) * slope
    return np.asarray(biases - biases.mean(), np.float32)


def wary(biases: Logs) -> Logs:
    """The same leaning WARY towards "none of them": what is strange in a plant is less plain than what was invented."""
    return np.concatenate([biases[:-1], biases[-1:] + np.float32(WARY)])


def no_strangers(one: Seen) -> Seen:
    """The rows of logits (n, labels + 1) that show a class."""
    return one.at(~one.may_be[:, -1])


def spread_out(one: Seen, floor: Logs, biases: Logs | None = None) -> Seen:
    """Logits (n, labels + 1) as the log probabilities (n, labels) that the network ships."""
    return Seen(spread_logs(one.logs, floor, biases), one.may_be[:, :-1], one.objects)


def cross_fitted(rendered: Seen, strange: Seen, photographed: Seen, floor: Logs, folds: int = 4) -> Logs:
    """Calibrated log probabilities of photographs: biases and temperature of each fitted without its own object.

    All three are logits (n, labels + 1), spread by ``floor``; photographs of no class are never fitted to.
    """
    names, place = np.unique(photographed.objects, return_inverse=True)
    fold = np.random.default_rng(1).permutation(len(names))[place] % folds
    calm = np.empty((len(photographed.logs), photographed.logs.shape[1] - 1), np.float32)
    for n in range(folds):
        others = no_strangers(photographed.at(np.asarray(fold != n)))
        biases = wary(fit_biases([rendered, others, strange]))
        temperature = fit_shared_temperature([spread_out(rendered, floor, biases), spread_out(others, floor, biases)])
        spread = spread_logs(photographed.logs[fold == n], floor, biases)
        calm[fold == n] = log_softmax(spread / np.float32(temperature))
    return calm


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
