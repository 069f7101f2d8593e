"""Cuts an outline that is several pieces lying against each other, from dent to dent.

Two compact pieces that touch leave a dent at either end of the line along which they touch. A cut from one dent to
another is right when what it leaves fills its convex hulls much better than the whole did, and when it can be seen:
bent shreds have such dents too, but the picture shows no line between them, and the same colour on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Contour = NDArray[np.int32]
Picture = NDArray[np.uint8]

_SMOOTH = 0.015
_MOST_DENTS = 8
_ACROSS_PX = 6
_SIDE_PX = 3
_INSIDE = (0.2, 0.35, 0.5, 0.65, 0.8)


@dataclass(frozen=True, slots=True)
class CutLimits:
    """When a cut is made.

    ``dent``: least depth of a dent over the root of the area. ``gain``: least share of the convex hulls that a cut must
    fill in addition. ``least``: smallest part over the whole. ``long``: longest cut over the smaller part's root of
    area. ``seen_levels`` and ``seen_share`` of the brightness: least step across the cut, or depth of a line along it.
    ``part_solid``: what each part must fill of its hull in the end; ``most_parts`` of one outline.
    """

    dent: float = 0.045
    seen_levels: float = 10.0
    seen_share: float = 0.12
    gain: float = 0.05
    least: float = 0.06
    long: float = 1.3
    part_solid: float = 0.93
    most_parts: int = 6


class _Cut(NamedTuple):
    gain: float
    parts: tuple[Contour, Contour]


def cut_apart(outline: Contour, picture: Picture, limits: CutLimits) -> list[Contour]:
    """The pieces in an outline, int32 (n, 1, 2) in pixels of the BGR picture; the outline alone when no cut that can be
    seen makes them all compact."""
    smooth = cv2.approxPolyDP(outline, _SMOOTH * cv2.contourArea(outline) ** 0.5, closed=True)
    open_, done = [np.asarray(smooth, np.int32)], list[Contour]()
    while open_:
        one = open_.pop()
        cut = _best_cut(one, picture, limits) if len(open_) + len(done) + 1 < limits.most_parts else None
        if cut is None:
            done.append(one)
        else:
            open_.extend(cut.parts)
    if len(done) < 2 or any(solidity(part) < limits.part_solid for part in done):
        return [outline]
    return done


def solidity(outline: Contour) -> float:
    """Share of its convex hull that an outline fills."""
    return float(cv2.contourArea(outline) / max(cv2.contourArea(cv2.convexHull(outline)), 1.0))


def _best_cut(outline: Contour, picture: Picture, limits: CutLimits) -> _Cut | None:
    area = cv2.contourArea(outline)
    before = solidity(outline)
    best: _Cut | None = None
    for first, second in combinations(sorted(_dents(outline, limits.dent * area**0.5)), 2):
        cut = _cut(outline, first, second, before, limits)
        if cut is None or (best is not None and cut.gain <= best.gain):
            continue
        if _is_seen(picture, outline[first, 0], outline[second, 0], limits):
            best = cut
    return best


def _cut(outline: Contour, first: int, second: int, before: float, limits: CutLimits) -> _Cut | None:
    """The cut between two corners, None when it is too long, leaves too little, or gains too little."""
    area = cv2.contourArea(outline)
    inner = outline[first : second + 1]
    outer = np.concatenate((outline[second:], outline[: first + 1]))
    areas = (cv2.contourArea(inner), cv2.contourArea(outer))
    if len(inner) < 3 or len(outer) < 3 or min(areas) < limits.least * area:
        return None
    ends = outline[first, 0].astype(np.float64), outline[second, 0].astype(np.float64)
    length = float(np.hypot(*(ends[1] - ends[0])))
    if length > limits.long * min(areas) ** 0.5 or not _lies_inside(outline, *ends):
        return None
    hulls = sum(cv2.contourArea(cv2.convexHull(part)) for part in (inner, outer))
    gain = area / max(hulls, 1.0) - before
    return _Cut(gain, (inner, outer)) if gain >= limits.gain else None


def _lies_inside(outline: Contour, start: NDArray[np.float64], end: NDArray[np.float64]) -> bool:
    points = (start + share * (end - start) for share in _INSIDE)
    return all(cv2.pointPolygonTest(outline, (float(x), float(y)), measureDist=False) >= 0 for x, y in points)


def _is_seen(picture: Picture, start: NDArray[np.int32], end: NDArray[np.int32], limits: CutLimits) -> bool:
    """Whether the picture changes across the cut, or shows a line along it."""
    along = (end - start).astype(np.float32)
    length = max(float(np.hypot(*along)), 1.0)
    across = np.array([-along[1], along[0]], np.float32) / length
    shares = np.linspace(0.15, 0.85, max(6, int(length / 2)), dtype=np.float32)
    reach = np.arange(-_ACROSS_PX, _ACROSS_PX + 1, dtype=np.float32)
    points = start.astype(np.float32) + shares[None, :, None] * along + reach[:, None, None] * across
    lit = cv2.remap(picture, points[..., 0], points[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lines = lit.reshape(len(reach), -1, 3).astype(np.float32).mean(axis=1)
    one, other = lines[:_SIDE_PX].mean(axis=0), lines[-_SIDE_PX:].mean(axis=0)
    step = float(np.abs(one - other).max())
    between = lines[_SIDE_PX:-_SIDE_PX].mean(axis=1)
    ends = one.mean(), other.mean()
    dark, bright = float(min(ends) - between.min()), float(between.max() - max(ends))
    needed = max(limits.seen_levels, limits.seen_share * float(max(ends)))
    return max(step, dark, bright) >= needed


def _dents(outline: Contour, least_px: float) -> Iterator[int]:
    """Corners at the bottom of the deepest dents."""
    if len(outline) < 4:
        return iter(())
    try:
        dents = cv2.convexityDefects(outline, cv2.convexHull(outline, returnPoints=False))
    except cv2.error:
        return iter(())
    rows = [] if dents is None else dents.reshape(-1, 4).tolist()
    deep = sorted((row for row in rows if row[3] / 256 >= least_px), key=lambda row: -row[3])
    return iter({int(row[2]) for row in deep[:_MOST_DENTS]})
