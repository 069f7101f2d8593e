"""What is drawn over a picture follows the pieces, not their boxes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from station.footage.overlay import outline_px
from vision.types import Box, Sighting, Strip

BOX = Box(100, 200, 60, 70)


def seen(*strips: Strip) -> Sighting:
    return Sighting(250.0, 160.0, 125.0, 195.0, 70.0, 2000.0, False, True, BOX, strips)


def test_a_piece_without_strips_is_outlined_by_its_box() -> None:
    assert cv2.contourArea(outline_px(seen())) == BOX.w * BOX.h


def test_a_slanting_piece_is_outlined_as_it_lies_and_stays_in_its_box() -> None:
    slanting = [Strip(125.0 + 10 * n, 135.0 + 10 * n, -35.0 + 8 * n, -15.0 + 8 * n) for n in range(7)]
    outline = outline_px(seen(*slanting))
    left, top = outline.min(axis=0)
    right, low = outline.max(axis=0)
    assert (left, top) == (BOX.x, BOX.y)
    assert right == BOX.x + BOX.w
    assert low == pytest.approx(BOX.y + BOX.h, abs=1)
    assert cv2.contourArea(outline) < 0.4 * BOX.w * BOX.h
    assert cv2.pointPolygonTest(outline.astype(np.float32), (BOX.x + 3, BOX.y + BOX.h - 5), False) < 0
