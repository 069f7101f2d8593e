"""What looks like one piece and is several: cut where the parts show, flagged where they might be."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.cut import CutLimits, cut_apart

Contour = NDArray[np.int32]
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ClumpLimits:
    """When an outline may be several pieces.

    ``solid``: share of its convex hull above which it is one piece.
    """

    solid: float = 0.94
    cut: CutLimits = field(default_factory=CutLimits)


def parts_of(
    outline: Contour, min_area_px: float, limits: ClumpLimits, picture: Mask | None = None
) -> list[tuple[Contour, bool]]:
    """The outline cut into pieces, (contour, touching) each; mostly just (outline, False).

    ``picture`` is what the outline lies in, BGR: with it, pieces of different colours are told apart as well.
    """
    area = cv2.contourArea(outline)
    if area < 2 * min_area_px or area >= limits.solid * cv2.contourArea(cv2.convexHull(outline)):
        return [(outline, False)]
    parts = cut_apart(outline, picture, min_area_px, limits.cut)
    return list(zip(parts.outlines, parts.doubted, strict=True))
