"""Sprites for tests: plain discs and bars of one colour, with the fields of a real sprite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PlainSprite:
    """As ``hil.sprites.atlas.Sprite``."""

    name: str
    form: str
    label: str
    object_id: str
    light: str
    split: Literal["train", "val", "test"]
    yaw_deg: float
    mm_per_px: float
    height_mm: float
    mass_g: float
    image: NDArray[np.uint8]


def bar(width_px: int, height_px: int, grey: int = 220, label: str = "AL-CAST", mass_g: float = 20.0) -> PlainSprite:
    """A solid rectangle at 0.625 mm per pixel."""
    image = np.full((height_px, width_px, 4), grey, np.uint8)
    image[..., 3] = 255
    return PlainSprite("bar", "bar", label, "bar-1", "lamp", "test", 0.0, 0.625, 4.0, mass_g, image)


def disc(size_px: int, grey: int = 220, label: str = "BRASS-YEL", mass_g: float = 30.0) -> PlainSprite:
    """A solid disc at 0.625 mm per pixel."""
    image = np.full((size_px, size_px, 4), grey, np.uint8)
    cover = np.zeros((size_px, size_px), np.uint8)
    cv2.circle(cover, (size_px // 2, size_px // 2), size_px // 2 - 1, 255, -1)
    image[..., 3] = cover
    return PlainSprite("disc", "disc", label, "disc-1", "lamp", "test", 0.0, 0.625, 6.0, mass_g, image)
