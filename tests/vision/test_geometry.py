"""Pixels become millimetres on the belt."""

from __future__ import annotations

import pytest

from tests.vision.scene import square
from vision.geometry import Geometry, straight_geometry
from vision.types import Blob, Box

LINE = straight_geometry(0.5, datum_row_px=100, left_column_px=20, width_px=400, height_px=300)


def blob(x: int, y: int, side: int) -> Blob:
    return Blob(Box(x, y, side, side), float(side * side), square(x, y, side).reshape(-1, 1, 2), touching=False)


def test_a_piece_is_measured_from_the_datum_line_and_the_left_edge() -> None:
    seen = LINE.place(blob(120, 200, 40))
    assert seen.downstream_mm == pytest.approx(60)
    assert (seen.left_mm, seen.right_mm) == pytest.approx((50, 70))
    assert seen.length_mm == pytest.approx(20)
    assert seen.area_mm2 == pytest.approx(400)


@pytest.mark.parametrize(("x", "y"), [(0, 100), (360, 100), (100, 0), (100, 260)])
def test_a_piece_at_any_edge_of_the_picture_is_cut(x: int, y: int) -> None:
    assert not LINE.place(blob(x, y, 40)).whole
    assert LINE.place(blob(100, 100, 40)).whole


def test_a_tilted_camera_needs_only_another_matrix() -> None:
    tilted = Geometry(((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.001, 1.0)), 400, 300)
    near, far = tilted.place(blob(100, 20, 40)), tilted.place(blob(100, 220, 40))
    assert far.downstream_mm + far.length_mm / 2 == pytest.approx(0.5 * 260 / 1.26)
    assert far.length_mm < near.length_mm < 20
    assert far.area_mm2 == pytest.approx(far.length_mm * (far.right_mm - far.left_mm), rel=0.1)
