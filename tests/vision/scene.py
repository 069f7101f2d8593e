"""Pictures for tests: a worn belt that scrolls, with plain pieces on it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Outline = NDArray[np.int32]
Piece = tuple[Outline, tuple[int, int, int]]

SHAPE = (512, 640, 3)


def belt(travelled_px: int, seed: int = 1, shape: tuple[int, int, int] = SHAPE) -> Picture:
    """A dark belt of 2000 rows with streaks and grain under an uneven lamp, scrolled down by so many rows."""
    rng = np.random.default_rng(seed)
    height, width, _ = shape
    streaks = cv2.GaussianBlur(rng.normal(0, 14, (1, width)).astype(np.float32), (0, 0), 3)
    grain = rng.normal(0, 2.2, (2000, width)).astype(np.float32)
    turn = np.arange(height) - travelled_px
    lamp = 1 - 0.3 * np.linspace(-1, 1, height)[:, None] ** 2 - 0.2 * np.linspace(-1, 1, width)[None, :] ** 2
    noise = np.random.default_rng(seed + travelled_px + 7).normal(0, 1.5, (height, width, 3))
    grey = (42 + streaks + grain[turn % 2000]) * lamp
    return np.clip(grey[..., None] + noise, 0, 255).astype(np.uint8)


def lay(picture: Picture, pieces: Sequence[Piece]) -> Picture:
    """The same picture with filled outlines (BGR) laid on, edges slightly soft."""
    laid = picture.copy()
    for outline, colour in pieces:
        cv2.fillPoly(laid, [outline], colour, cv2.LINE_AA)
    return np.asarray(laid, np.uint8)


def square(x: int, y: int, side: int) -> Outline:
    """Corners of the square that covers x to x + side - 1."""
    far = side - 1
    return np.array([[x, y], [x + far, y], [x + far, y + far], [x, y + far]], np.int32)


def disc(x: int, y: int, radius: int) -> Outline:
    """A round outline."""
    return np.asarray(cv2.ellipse2Poly((x, y), (radius, radius), 0, 0, 360, 6), np.int32)
