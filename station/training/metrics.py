"""Figures about classifiers, from probabilities and true labels. Everything here is plain numpy and has no opinion."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Indices = NDArray[np.integer]


class ClassFigure(NamedTuple):
    """One class; the intervals are 95 % Wilson. ``precision`` is 0 when nothing was called so."""

    n: int
    precision: float
    recall: float
    f1: float
    recall_low: float
    recall_high: float
    precision_low: float
    precision_high: float


class ReliabilityBin(NamedTuple):
    """Predictions whose confidence lies in one bin: how many, how sure on average, how often right."""

    n: int
    confidence: float
    accuracy: float


def wilson(right: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a share by Wilson (1927); (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def confusion(truth: Indices, said: Indices, classes: int) -> NDArray[np.int64]:
    """Counts (classes, classes): row is the truth, column what was said."""
    return np.bincount(truth * classes + said, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def class_figures(table: NDArray[np.int64]) -> list[ClassFigure]:
    """Figures of every class of a confusion table."""
    return [_class_figure(int(table[n, n]), int(table[n].sum()), int(table[:, n].sum())) for n in range(len(table))]


def balanced_accuracy(table: NDArray[np.int64]) -> float:
    """Mean recall of the classes that occur."""
    present = table.sum(axis=1) > 0
    return float((table.diagonal()[present] / table.sum(axis=1)[present]).mean()) if present.any() else 0.0


def macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 of the classes that occur."""
    figures = [figure.f1 for figure in class_figures(table) if figure.n]
    return float(np.mean(figures)) if figures else 0.0


def reliability(confidence: Scores, right: NDArray[np.bool_], bins: int = 15) -> list[ReliabilityBin]:
    """Predictions in ``bins`` equal bins of confidence."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for n in range(bins):
        inside = place == n
        count = int(inside.sum())
        sure = float(confidence[inside].mean()) if count else (n + 0.5) / bins
        found.append(ReliabilityBin(count, sure, float(right[inside].mean()) if count else 0.0))
    return found


def calibration_error(confidence: Scores, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over the bins, weighted by their counts."""
    table = reliability(confidence, right, bins)
    total = sum(entry.n for entry in table)
    return sum(entry.n * abs(entry.confidence - entry.accuracy) for entry in table) / total if total else 0.0


def accuracy_at_coverage(confidence: Scores, right: NDArray[np.bool_], coverage: float) -> float:
    """Share of right answers among the surest ``coverage`` of all."""
    if not len(right):
        return 0.0
    keep = max(1, math.ceil(coverage * len(right) - 1e-9))
    return float(right[np.argsort(-confidence, kind="stable")[:keep]].mean())


def auroc(known: Scores, unknown: Scores) -> float:
    """Probability that a known one scores higher than an unknown one; ties count half (Mann-Whitney)."""
    both = np.concatenate([known, unknown])
    _values, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    wins = ranks[: len(known)].sum() - len(known) * (len(known) + 1) / 2
    return float(wins / (len(known) * len(unknown)))


def false_accept(known: Scores, unknown: Scores, true_accept: float = 0.95) -> float:
    """Share of the unknown that pass the threshold which ``true_accept`` of the known pass."""
    threshold = np.quantile(known, 1 - true_accept, method="lower")
    return float((unknown >= threshold).mean())


def _class_figure(right: int, n: int, said: int) -> ClassFigure:
    recall = right / n if n else 0.0
    precision = right / said if said else 0.0
    f1 = 2 * right / (n + said) if n + said else 0.0
    return ClassFigure(n, precision, recall, f1, *wilson(right, n), *wilson(right, said))
