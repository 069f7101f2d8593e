"""From picture to belt: one 3x3 matrix maps pixels to millimetres, so a tilted camera needs no other code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.outline import shape_of, strips_of
from vision.types import Blob, Box, Shape, Sighting, Strip

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a picture of ``width_px`` x ``height_px`` lies on the belt.

    ``to_belt`` is the homography (x_px, y_px, 1) -> (across_mm, downstream_mm, 1) up to scale; pixel (x, y) covers
    x to x + 1 and y to y + 1. An outline within ``edge_px`` of the picture's edge is cut by it.
    """

    to_belt: Matrix
    width_px: int
    height_px: int
    edge_px: int = 1

    def place(self, blob: Blob) -> Sighting:
        """The blob in belt coordinates; its centre is the middle of its extents along and across the belt."""
        return self.place_all((blob,))[0]

    def place_all(self, blobs: Sequence[Blob]) -> tuple[Sighting, ...]:
        """All blobs of one picture in belt coordinates, in their order; cheaper than one by one."""
        if not blobs:
            return ()
        sizes = [len(blob.contour) for blob in blobs]
        starts = np.cumsum([0, *sizes])
        across, along = self._mapped(np.concatenate([_outer_corners(blob) for blob in blobs]))
        least, most = np.minimum.reduceat, np.maximum.reduceat
        bounds = np.column_stack([edge(values, starts[:-1]) for values in (across, along) for edge in (least, most)])
        outlines = strips_of(across, along, sizes, bounds)
        return tuple(
            self._sighting(blob, bounds[n].tolist(), outlines[n], shape_of(across[own], along[own]))
            for n, blob in enumerate(blobs)
            for own in (slice(starts[n], starts[n + 1]),)
        )

    def _sighting(self, blob: Blob, bounds: list[float], outline: tuple[Strip, ...], shape: Shape) -> Sighting:
        left, right, first, last = bounds
        box = blob.box
        return Sighting(
            downstream_mm=(first + last) / 2,
            across_mm=(left + right) / 2,
            left_mm=left,
            right_mm=right,
            length_mm=last - first,
            area_mm2=blob.area_px * self._mm2_per_px(box.x + box.w / 2, box.y + box.h / 2),
            touching=blob.touching,
            whole=self._is_whole(box),
            box=box,
            outline=outline,
            shape=shape,
        )

    def _is_whole(self, box: Box) -> bool:
        edge = self.edge_px
        right, bottom = box.x + box.w + edge, box.y + box.h + edge
        return box.x >= edge and box.y >= edge and right <= self.width_px and bottom <= self.height_px

    def _mapped(self, points: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        (a, b, c), (d, e, f), (g, h, i) = self.to_belt
        x, y = points[:, 0], points[:, 1]
        scale = g * x + h * y + i
        return (a * x + b * y + c) / scale, (d * x + e * y + f) / scale

    def _mm2_per_px(self, x: float, y: float) -> float:
        """Area on the belt of one pixel at (x, y): the Jacobian of a homography is det / scale cubed."""
        (a, b, c), (d, e, f), (g, h, i) = self.to_belt
        det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        return abs(det / (g * x + h * y + i) ** 3)


def _outer_corners(blob: Blob) -> NDArray[np.int32]:
    """The corners (n, 2) of an outline at the outer edges of its pixels."""
    box, corners = blob.box, blob.contour.reshape(-1, 2)
    return np.asarray(corners + (2 * corners + 1 > (2 * box.x + box.w, 2 * box.y + box.h)), np.int32)


def straight_geometry(
    mm_per_px: float, datum_row_px: float, left_column_px: float, width_px: int, height_px: int
) -> Geometry:
    """A camera that looks straight down with the belt moving along +y.

    The datum line is the upper edge of row ``datum_row_px``, the belt's left edge that of column ``left_column_px``.
    """
    across = (mm_per_px, 0.0, -left_column_px * mm_per_px)
    downstream = (0.0, mm_per_px, -datum_row_px * mm_per_px)
    return Geometry((across, downstream, (0.0, 0.0, 1.0)), width_px, height_px)
