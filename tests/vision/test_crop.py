from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.crop import CropSpec, crop, crops, square_around
from vision.types import Box

SPEC = CropSpec(size_px=96, margin=1.15, floor_mm=60.0)


def _picture() -> NDArray[np.uint8]:
    picture = np.zeros((400, 500, 3), np.uint8)
    picture[..., 0] = np.arange(500) // 2
    picture[..., 1] = np.arange(400)[:, None] // 2
    return picture


def test_small_pieces_share_one_scale() -> None:
    assert square_around(Box(100, 100, 20, 10), SPEC, 0.625).side == 96
    assert square_around(Box(100, 100, 80, 40), SPEC, 0.625).side == 96


def test_a_long_piece_is_shown_whole_with_its_margin() -> None:
    assert square_around(Box(100, 100, 40, 200), SPEC, 0.625).side == 230


def test_the_least_side_is_in_millimetres_whatever_the_camera() -> None:
    assert square_around(Box(0, 0, 10, 10), SPEC, 0.25).side == 240


def test_the_piece_is_in_the_middle() -> None:
    picture = np.zeros((400, 500, 3), np.uint8)
    picture[150:170, 200:240] = 255
    rows, columns = np.nonzero(crop(picture, Box(200, 150, 40, 20), SPEC, 0.625)[..., 0])
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(48, abs=1)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(48, abs=1)


def test_at_the_common_scale_pixels_are_taken_as_they_are() -> None:
    picture = _picture()
    found = crop(picture, Box(200, 150, 40, 20), SPEC, 0.625)
    square = square_around(Box(200, 150, 40, 20), SPEC, 0.625)
    assert np.array_equal(found, picture[square.y : square.y + 96, square.x : square.x + 96])


def test_a_crop_does_not_change_when_the_picture_is_overwritten() -> None:
    picture = _picture()
    found = crop(picture, Box(200, 150, 40, 20), SPEC, 0.625)
    before = found.copy()
    picture[:] = 0
    assert np.array_equal(found, before)


def test_outside_the_picture_its_edge_is_repeated() -> None:
    picture = _picture()
    found = crop(picture, Box(0, 150, 20, 20), SPEC, 0.625)
    assert np.array_equal(found[:, 0], found[:, 38])
    assert found[:, 90, 0].max() > found[:, 0, 0].max()


def test_a_box_beside_the_picture_gives_a_black_crop() -> None:
    assert not crop(_picture(), Box(2000, 2000, 20, 20), SPEC, 0.625).any()


@given(
    x=st.integers(-50, 520),
    y=st.integers(-50, 420),
    w=st.integers(1, 400),
    h=st.integers(1, 400),
    mm_per_px=st.floats(0.1, 2.0),
)
def test_every_box_gives_a_crop_of_the_models_size(x: int, y: int, w: int, h: int, mm_per_px: float) -> None:
    found = crop(_picture(), Box(x, y, w, h), SPEC, mm_per_px)
    assert found.shape == (96, 96, 3)
    assert found.dtype == np.uint8


def test_several_crops_are_the_single_ones_in_order() -> None:
    picture = _picture()
    boxes = (Box(10, 10, 30, 30), Box(100, 50, 150, 30), Box(480, 380, 20, 20))
    found = crops(picture, boxes, SPEC, 0.625)
    assert all(np.array_equal(found[n], crop(picture, box, SPEC, 0.625)) for n, box in enumerate(boxes))
