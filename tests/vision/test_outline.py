"""The compact outline of a piece: strips along the belt, and the smallest rectangle around it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.geometry import straight_geometry
from vision.outline import STRIP_MM
from vision.types import Blob, Box, Sighting

MM_PER_PX = 0.5
LINE = straight_geometry(MM_PER_PX, datum_row_px=0, left_column_px=0, width_px=800, height_px=600)

Canvas = NDArray[np.uint8]
Points = list[tuple[float, float]]
CLOUDS = st.lists(
    st.tuples(st.floats(20, 780), st.floats(20, 580)), min_size=3, max_size=9, unique_by=lambda one: round(one[0])
)


def drawn(points: Points) -> tuple[Canvas, Blob] | None:
    """A filled polygon, and the blob of its largest part."""
    canvas = np.zeros((600, 800), np.uint8)
    cv2.fillPoly(canvas, [np.array(points, np.int32)], 255)
    contours, _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = np.asarray(max(contours, key=cv2.contourArea), np.int32)
    if cv2.contourArea(outline) < 50:
        return None
    canvas[:] = 0
    cv2.drawContours(canvas, [outline], 0, 255, -1)
    return canvas, Blob(Box(*cv2.boundingRect(outline)), float(cv2.contourArea(outline)), outline, touching=False)


def _rows_mm(columns: Canvas) -> tuple[float, float]:
    """Upper and lower end of what is drawn in some columns; the widest doubt without any."""
    rows = np.flatnonzero(columns.any(axis=1))
    return (rows[0] * MM_PER_PX, (rows[-1] + 1) * MM_PER_PX) if len(rows) else (np.inf, -np.inf)


def placed(points: Points) -> Sighting:
    found = drawn(points)
    assert found is not None
    return LINE.place(found[1])


# Ends exactly between two strips: its last corner belongs to a strip that the piece does not have.
@example([(348, 408), (678, 505), (719, 38)])
@settings(max_examples=60, deadline=None)
@given(CLOUDS)
def test_the_strips_hold_every_pixel_of_a_piece_and_no_more(points: Points) -> None:
    found = drawn(points)
    if found is None:
        return
    canvas, blob = found
    seen = LINE.place(blob)
    assert seen.outline[0].left_mm == pytest.approx(seen.left_mm, abs=0.06)
    assert seen.outline[-1].right_mm == pytest.approx(seen.right_mm, abs=0.06)
    for strip in seen.outline:
        left, right = int(strip.left_mm / MM_PER_PX), int(np.ceil(strip.right_mm / MM_PER_PX))
        rear, front = seen.downstream_mm + strip.rear_mm, seen.downstream_mm + strip.front_mm
        surely, perhaps = _rows_mm(canvas[:, left + 1 : right - 1]), _rows_mm(canvas[:, left - 1 : right + 1])
        assert perhaps[0] - 0.6 <= rear <= surely[0] + 0.6
        assert surely[1] - 0.6 <= front <= perhaps[1] + 0.6


def test_strips_lie_on_one_raster_side_by_side() -> None:
    seen = placed([(103, 100), (257, 100), (257, 140), (103, 140)])
    assert [strip.left_mm for strip in seen.outline[1:]] == [strip.right_mm for strip in seen.outline[:-1]]
    assert all(strip.left_mm % STRIP_MM == 0 for strip in seen.outline[1:])
    assert max(strip.front_mm for strip in seen.outline) == pytest.approx(seen.length_mm / 2, abs=0.06)


def test_a_bent_piece_leaves_lanes_free_that_its_box_covers() -> None:
    seen = placed([(100, 100), (120, 100), (120, 280), (300, 280), (300, 300), (100, 300)])
    assert seen.outline[0].front_mm - seen.outline[0].rear_mm == pytest.approx(100.5, abs=0.6)
    assert seen.outline[-1].front_mm - seen.outline[-1].rear_mm == pytest.approx(10.5, abs=0.6)


def test_many_pieces_are_placed_as_one_by_one() -> None:
    blobs = [
        found[1]
        for found in (drawn([(60 + 90 * n, 50), (130 + 90 * n, 90 + 30 * n), (70 + 90 * n, 200)]) for n in range(6))
        if found is not None
    ]
    assert LINE.place_all(blobs) == tuple(map(LINE.place, blobs))
    assert LINE.place_all(()) == ()


@pytest.mark.parametrize("turn_deg", [-75, -30, 0, 20, 60])
def test_length_width_and_turn_do_not_depend_on_how_a_piece_lies(turn_deg: float) -> None:
    corners = cv2.boxPoints(((400.0, 300.0), (200.0, 60.0), turn_deg))
    shape = placed([(float(x), float(y)) for x, y in corners]).shape
    assert shape is not None
    assert (shape.length_mm, shape.width_mm) == pytest.approx((100, 30), abs=1.5)
    assert shape.angle_deg == pytest.approx(turn_deg, abs=1.5)
