"""What a technician lays onto the simulated belt and does to its camera while he sets the station up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import View
from hil.stamp import PlacedSprite
from vision.board import COLUMNS, ROWS, SQUARE_PX, board_image

_MARGIN_PX = 15
_INK, _PAPER = 22, 175
_CROOKED_DEG = 1.3
_BOARD_DOWNSTREAM_MM = 210.0
_SMEARS = ((0.22, 0.3, 0.02, 0.7), (0.61, 0.72, 0.03, 0.8), (0.8, 0.2, 0.012, 0.55))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A printed board, a ``SpriteLike`` of squares of ``square_mm``."""

    image: NDArray[np.uint8]
    square_mm: float

    @property
    def mm_per_px(self) -> float:
        return self.square_mm / SQUARE_PX

    @property
    def height_mm(self) -> float:
        return 0.2


def laid_board(square_mm: float, left_mm: float, pos_mm: float) -> PlacedSprite:
    """A board laid by eye, so a little crookedly: its upper left corner ``left_mm`` from the belt's left edge."""
    field = board_image().astype(np.float32) / 255 * (_PAPER - _INK) + _INK
    framed = cv2.copyMakeBorder(field, *(_MARGIN_PX,) * 4, cv2.BORDER_CONSTANT, value=_PAPER)
    grey = np.asarray(framed, np.uint8)
    image = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    half_wide, half_high = COLUMNS * square_mm / 2, ROWS * square_mm / 2
    turn = math.radians(_CROOKED_DEG)
    across = left_mm + math.cos(turn) * half_wide + math.sin(turn) * half_high
    return PlacedSprite(Sheet(image, square_mm), pos_mm - _BOARD_DOWNSTREAM_MM, across, _CROOKED_DEG, False, 1.0)


def smeared_plate(view: View) -> NDArray[np.uint8]:
    """Share of light that passes a dirty lens, uint8 (h, w, 3), 255 where it is clean."""
    plate = np.ones((view.height_px, view.width_px), np.float32)
    y, x = np.mgrid[: view.height_px, : view.width_px].astype(np.float32)
    for across, along, size, share in _SMEARS:
        off = np.hypot(x - across * view.width_px, y - along * view.height_px) / (size * view.width_px)
        plate *= 1 - (1 - share) * np.exp(-(off**4))
    return np.repeat((plate * 255).astype(np.uint8)[..., None], 3, axis=2)
