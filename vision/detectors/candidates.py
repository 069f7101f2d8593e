"""What every family of detectors decodes to, and which of it remains when boxes on the same thing are thinned out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_MOST_CANDIDATES = 300
_LEAST = 1e-6


class Candidates(NamedTuple):
    """``boxes`` (n, 4): left, top, right, bottom in pixels of the network's input; ``logits`` (n, labels) before the
    card's temperature; ``strength`` (n,): the detector's own score 0..1; ``labels`` (n,) its class.
    """

    boxes: Floats
    logits: Floats
    strength: Floats
    labels: NDArray[np.int64]

    def at(self, rows: NDArray[np.intp]) -> Candidates:
        """Some of them, in the order of ``rows``."""
        return Candidates(self.boxes[rows], self.logits[rows], self.strength[rows], self.labels[rows])


def of_scores(boxes: Floats, scores: Floats) -> Candidates:
    """From one independent probability per class (n, labels); the best one is the strength."""
    scores = np.clip(scores, _LEAST, 1 - _LEAST)
    logits = np.asarray(np.log(scores) - np.log1p(-scores), np.float32)
    best = np.asarray(scores.max(axis=1, initial=0), np.float32)
    labels = scores.argmax(axis=1) if len(scores) else np.empty(0, np.int64)
    return Candidates(np.asarray(boxes, np.float32), logits, best, labels)


def promising(scores: Floats, min_score: float) -> NDArray[np.intp]:
    """Rows of (n, labels) that can count at all: thousands of boxes are decoded only where something may be."""
    return np.flatnonzero(scores.max(axis=1, initial=0) >= min_score)


def of_winners(boxes: Floats, strength: Floats, labels: NDArray[np.int64], count: int) -> Candidates:
    """From the winning class of ``count`` and its probability: the other classes share the rest evenly."""
    strength = np.clip(strength, _LEAST, 1 - _LEAST).astype(np.float32)
    rest = (1 - strength) / max(count - 1, 1)
    logits = np.repeat(np.log(rest)[:, np.newaxis], count, axis=1)
    logits[np.arange(len(labels)), labels] = np.log(strength)
    return Candidates(np.asarray(boxes, np.float32), np.asarray(logits, np.float32), strength, labels)


def corners(middles: Floats) -> Floats:
    """From middle x, middle y, width, height (n, 4) to left, top, right, bottom."""
    half = middles[:, 2:] / 2
    return np.asarray(np.concatenate([middles[:, :2] - half, middles[:, :2] + half], axis=1), np.float32)


def strong(found: Candidates, min_score: float) -> Candidates:
    """Those that count, strongest first, at most 300; boxes without extent or finite numbers do not."""
    extent = found.boxes[:, 2:] - found.boxes[:, :2]
    sound = np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.logits).all(axis=1) & (extent > 0).all(axis=1)
    rows = np.flatnonzero(sound & (found.strength >= min_score))
    order = np.argsort(-found.strength[rows], kind="stable")[:_MOST_CANDIDATES]
    return found.at(rows[order])


def thinned(found: Candidates, iou: float, *, by_class: bool) -> Candidates:
    """Greedy non-maximum suppression of candidates that stand strongest first; ``by_class``: only within a class."""
    rivals = _overlaps(found.boxes) > iou
    if by_class:
        rivals &= found.labels[:, np.newaxis] == found.labels
    kept: list[int] = []
    out = np.zeros(len(found.boxes), bool)
    for n in range(len(found.boxes)):
        if not out[n]:
            kept.append(n)
            out |= rivals[n]
    return found.at(np.array(kept, np.intp))


def covered(box: Floats, others: Floats) -> Floats:
    """Share of the smaller of the two boxes that lies in the other."""
    least = np.maximum(np.minimum(_area(box[np.newaxis]), _area(others)), 1e-9)
    return np.asarray(_shared(box, others) / least, np.float32)


def _shared(box: Floats, others: Floats) -> Floats:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0), axis=1), np.float32)


def _overlaps(boxes: Floats) -> Floats:
    """Intersection over union of all with all (n, n)."""
    low = np.maximum(boxes[:, np.newaxis, :2], boxes[:, :2])
    high = np.minimum(boxes[:, np.newaxis, 2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area = _area(boxes)
    return np.asarray(shared / np.maximum(area[:, np.newaxis] + area - shared, 1e-9), np.float32)


def _area(boxes: Floats) -> Floats:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1), np.float32)
