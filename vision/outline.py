"""Outlines on the belt in compact form: how far each piece reaches in strips along the belt, the rectangle around it.

All pieces of a frame are measured together: what costs is the number of calls, not the number of points.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Shape, Strip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRIP_MM = 10.0
_EDGE_MM = 1e-6
_SEEN_PX = 2.0


def simplified(contour: NDArray[np.int32]) -> tuple[int, ...]:
    """A contour (n, 1, 2) as x, y, x, y, ... with as few corners as nobody would miss in half-size pictures."""
    corners: list[int] = cv2.approxPolyDP(contour, _SEEN_PX, True).astype(int).ravel().tolist()
    return tuple(corners)


def strips_of(
    across: Floats, along: Floats, sizes: Sequence[int], bounds: NDArray[np.float64]
) -> list[tuple[Strip, ...]]:
    """Strips of several closed outlines.

    ``across`` and ``along`` (n,) are the corners of all outlines one after the other, mm; ``sizes`` how many corners
    each has; ``bounds`` (outlines, 4) their left, right, rear and front, mm. Strips lie on one raster of ``STRIP_MM``
    from the belt's left edge; the outer ones end with the piece.
    """
    if not len(sizes):
        return []
    counts = np.asarray(sizes, np.int64)
    first_strip = np.floor((bounds[:, 0] + _EDGE_MM) / STRIP_MM).astype(np.int64)
    strips = np.floor((bounds[:, 1] - _EDGE_MM) / STRIP_MM).astype(np.int64) - first_strip + 1
    start = np.concatenate(([0], np.cumsum(strips)))
    owner = np.repeat(np.arange(len(counts)), counts)
    rear, front = np.full(start[-1], np.inf), np.full(start[-1], -np.inf)
    strip = np.clip(np.floor(across / STRIP_MM).astype(np.int64) - first_strip[owner], 0, strips[owner] - 1)
    _stretch(rear, front, start[owner] + strip, along)
    edge, line, crossing = _crossings(across, along, counts, strip, first_strip[owner])
    for side in (line - 1, line):
        _stretch(rear, front, start[owner[edge]] + side, crossing)
    return [
        _cut(bounds[n], int(first_strip[n]), rear[start[n] : start[n + 1]], front[start[n] : start[n + 1]])
        for n in range(len(counts))
    ]


def shape_of(across: Floats, along: Floats) -> Shape:
    """The smallest rectangle around the corners of one outline, mm."""
    (_, (one, other), angle) = cv2.minAreaRect(np.column_stack((across, along)).astype(np.float32))
    turned = angle if one >= other else angle + 90
    return Shape(max(one, other), min(one, other), (turned + 90) % 180 - 90)


def _stretch(rear: Floats, front: Floats, strip: Ints, along: Floats) -> None:
    np.minimum.at(rear, strip, along)
    np.maximum.at(front, strip, along)


def _crossings(across: Floats, along: Floats, counts: Ints, strip: Ints, origin: Ints) -> tuple[Ints, Ints, Floats]:
    """Where edges cross the lines between strips: number of the edge, of the strip right of the line, and how far
    along; the edge after each corner goes to the next one, the last to the first of its outline."""
    ends = np.cumsum(counts)
    following = np.arange(1, len(across) + 1)
    following[ends - 1] = ends - counts
    lower, upper = np.minimum(strip, strip[following]), np.maximum(strip, strip[following])
    lines = upper - lower
    edge = np.repeat(np.arange(len(across)), lines)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(lines) - lines, lines)
    line = lower[edge] + 1 + nth
    a, b = across[edge], across[following[edge]]
    share = np.clip(((line + origin[edge]) * STRIP_MM - a) / np.where(a == b, 1.0, b - a), 0.0, 1.0)
    return edge, line, along[edge] + share * (along[following[edge]] - along[edge])


def _cut(bounds: Floats, first_strip: int, rear: Floats, front: Floats) -> tuple[Strip, ...]:
    """The strips of one outline, measured from its middle along the belt, tenths of a millimetre."""
    left, right, first, last = bounds.tolist()
    middle = (first + last) / 2
    return tuple(
        Strip(
            round(max(left, (first_strip + n) * STRIP_MM), 1),
            round(min(right, (first_strip + n + 1) * STRIP_MM), 1),
            round(low - middle, 1),
            round(high - middle, 1),
        )
        for n, (low, high) in enumerate(zip(rear.tolist(), front.tolist(), strict=True))
    )
