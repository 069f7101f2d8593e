"""Several pieces in one outline: cut apart where the neck between them is narrow, flagged where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.cut import CutLimits, cut_apart

Contour = NDArray[np.int32]
Mask = NDArray[np.uint8]

_MARGIN = 2


@dataclass(frozen=True, slots=True)
class ClumpLimits:
    """When an outline is several pieces.

    ``solid``: share of its convex hull above which it is one piece. ``cut_neck`` and ``doubt_neck``: width of the
    neck over the thickness of the whole, below which the outline is cut, or flagged as touching. ``min_core``: share
    of the outline's area a part's core must have, ``part_solid``: share of its own hull a part must fill, so that
    wires, tangles and ragged edges stay in one piece. ``min_dent``: depth of the deepest dent over the thickness, below
    which there is no neck.
    """

    solid: float = 0.94
    cut_neck: float = 0.5
    doubt_neck: float = 0.72
    min_core: float = 0.03
    part_solid: float = 0.85
    min_dent: float = 0.16
    cut: CutLimits = field(default_factory=CutLimits)


def parts_of(
    outline: Contour, min_area_px: float, limits: ClumpLimits, picture: Mask | None = None
) -> list[tuple[Contour, bool]]:
    """The outline cut into pieces, (contour, touching) each; mostly just (outline, False).

    ``picture`` is what the outline lies in, BGR: with it, pieces without a neck between them are told apart as well.
    """
    area = cv2.contourArea(outline)
    if area < 2 * min_area_px or area >= limits.solid * cv2.contourArea(cv2.convexHull(outline)):
        return [(outline, False)]
    if _dent_px(outline) < limits.min_dent * min(cv2.minAreaRect(outline)[1]):
        return [(outline, False)]
    cut = cut_apart(outline, picture, limits.cut) if picture is not None else [outline]
    if len(cut) > 1 and all(cv2.contourArea(part) >= min_area_px for part in cut):
        return [(part, False) for part in cut]
    if not _has_neck(outline, limits):
        return [(outline, False)]
    mask, origin = _drawn(outline)
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 3), np.float32)
    deepest = float(depth.max())
    cores = _cores(depth, limits.cut_neck * deepest, limits.min_core * area)
    if len(cores) > 1:
        parts = [part + origin for part in _split(mask, cores)]
        if all(_is_compact(part, min_area_px, limits.part_solid) for part in parts):
            return [(np.asarray(part, np.int32), False) for part in parts]
    doubted = _cores(depth, limits.doubt_neck * deepest, limits.min_core * area)
    return [(outline, len(doubted) > 1)]


def _has_neck(outline: Contour, limits: ClumpLimits) -> bool:
    """Whether a look at half the size leaves any doubt that this is one piece."""
    mask, _ = _drawn(outline // 2)
    depth = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 3), np.float32)
    return len(_cores(depth, limits.doubt_neck * float(depth.max()), limits.min_core * cv2.countNonZero(mask))) > 1


def _dent_px(outline: Contour) -> float:
    """Depth of the deepest dent of the outline below its convex hull."""
    try:
        dents = cv2.convexityDefects(outline, cv2.convexHull(outline, returnPoints=False))
    except cv2.error:
        return float("inf")
    return float(dents.reshape(-1, 4)[:, 3].max()) / 256 if dents is not None and dents.size else 0.0


def _is_compact(part: Contour, min_area_px: float, solid: float) -> bool:
    """Bent shreds and loops of wire have necks too, but what is left and right of them is ragged."""
    return cv2.contourArea(part) >= max(min_area_px, solid * cv2.contourArea(cv2.convexHull(part)))


def _drawn(outline: Contour) -> tuple[Mask, NDArray[np.int32]]:
    x, y, w, h = cv2.boundingRect(outline)
    origin = np.array([x - _MARGIN, y - _MARGIN], np.int32)
    mask = np.zeros((h + 2 * _MARGIN, w + 2 * _MARGIN), np.uint8)
    cv2.drawContours(mask, [outline - origin], 0, 255, -1)
    return mask, origin


def _cores(depth: NDArray[np.float32], level: float, min_px: float) -> list[Mask]:
    """Separate regions deeper than ``level``, each at least ``min_px`` large."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((depth > level).astype(np.uint8), connectivity=8)
    big = (n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= min_px)
    return [np.asarray(labels == n, np.uint8) for n in big]


def _split(mask: Mask, cores: list[Mask]) -> list[Contour]:
    """Every pixel of the mask goes to the nearest core; the largest outline of each share."""
    away = np.stack([cv2.distanceTransform(1 - core, cv2.DIST_L2, 3) for core in cores])
    nearest = away.argmin(axis=0)
    parts = []
    for n in range(len(cores)):
        share = np.where(nearest == n, mask, 0).astype(np.uint8)
        contours, _ = cv2.findContours(share, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        parts.append(np.asarray(max(contours, key=cv2.contourArea), np.int32))
    return parts
