"""How well outlines agree with the truth: recall and precision at IoU 0.5, pieces split, pieces merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.int32]

_HALF = 0.5


class FinderScore(NamedTuple):
    """Sums over frames. ``split``: true pieces that hold two or more outlines; ``merged``: outlines that hold two or
    more true pieces ("hold": more than half of the smaller one lies inside).
    """

    pieces: int = 0
    outlines: int = 0
    matched: int = 0
    split: int = 0
    merged: int = 0

    @property
    def recall_iou50(self) -> float:
        """Share of true pieces with an outline of their own; 1 without pieces."""
        return self.matched / self.pieces if self.pieces else 1.0

    @property
    def precision_iou50(self) -> float:
        """Share of outlines that are a true piece; 1 without outlines."""
        return self.matched / self.outlines if self.outlines else 1.0

    def plus(self, other: FinderScore) -> FinderScore:
        """Both together."""
        return FinderScore(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Match(NamedTuple):
    """One frame scored; ``off_px``: how far the middle of the box around each matched piece is from where it should
    be."""

    score: FinderScore
    off_px: tuple[float, ...]


def score_frame(found: Sequence[Outline], truth: Sequence[Outline], height_px: int, width_px: int) -> Match:
    """Score one frame; outlines are int32 (n, 1, 2) or (n, 2) in pixels of a picture of that size."""
    shape = (height_px, width_px)
    shared, found_px, truth_px = _overlaps([_filled(o, shape) for o in found], [_filled(o, shape) for o in truth])
    union = found_px[:, None] + truth_px[None, :] - shared
    pairs = np.argwhere(shared > _HALF * union).tolist()
    in_truth = (shared > _HALF * found_px[:, None]).sum(axis=0)
    in_found = (shared > _HALF * truth_px[None, :]).sum(axis=1)
    split, merged = int((in_truth > 1).sum()), int((in_found > 1).sum())
    off_px = tuple(_apart_px(found[one], truth[other]) for one, other in pairs)
    return Match(FinderScore(len(truth), len(found), len(pairs), split, merged), off_px)


def _apart_px(one: Outline, other: Outline) -> float:
    """Between the middles of the boxes around two outlines."""
    (x, y, w, h), (u, v, s, t) = cv2.boundingRect(one), cv2.boundingRect(other)
    return float(np.hypot(x + w / 2 - u - s / 2, y + h / 2 - v - t / 2))


def _filled(outline: Outline, shape: tuple[int, int]) -> NDArray[np.bool_]:
    canvas = np.zeros(shape, np.uint8)
    cv2.drawContours(canvas, [outline.reshape(-1, 1, 2)], 0, 1, -1)
    return canvas.astype(np.bool_)


def _overlaps(
    found: list[NDArray[np.bool_]], truth: list[NDArray[np.bool_]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Shared pixels (found, truth), pixels of each outline found, of each true piece."""
    shared = np.array([[float((f & t).sum()) for t in truth] for f in found]).reshape(len(found), len(truth))
    return shared, np.array([float(f.sum()) for f in found]), np.array([float(t.sum()) for t in truth])
