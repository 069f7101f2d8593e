"""How a picture gets into a network's input of fixed size, and how its boxes get back into the picture."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detectors.candidates import Floats
from vision.detectors.spec import DetectorSpec, Fit


class Placement(NamedTuple):
    """Pixel (x, y) of the picture lies at (x * scale_x + left, y * scale_y + top) of the input."""

    scale_x: float
    scale_y: float
    left: int
    top: int
    width_px: int
    height_px: int

    def back(self, boxes: Floats) -> Floats:
        """Boxes (n, 4) of the input as boxes of the picture, cut at its edges."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        moved = (boxes - np.array([self.left, self.top] * 2, np.float32)) / scale
        return np.asarray(np.clip(moved, 0, np.array([self.width_px, self.height_px] * 2)), np.float32)


def letterbox(image: NDArray[np.uint8], spec: DetectorSpec) -> tuple[NDArray[np.uint8], Placement]:
    """The picture (h, w, 3) at the input's size, and where it lies in it."""
    height, width = image.shape[:2]
    if spec.fit is Fit.stretch:
        new_width, new_height = spec.width_px, spec.height_px
    else:
        scale = min(spec.width_px / width, spec.height_px / height)
        new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    centred = spec.fit is Fit.centre
    left = (spec.width_px - new_width) // 2 if centred else 0
    top = (spec.height_px - new_height) // 2 if centred else 0
    shrinks = new_width < width
    inside = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    canvas = np.full((spec.height_px, spec.width_px, 3), spec.pad, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = inside
    return canvas, Placement(new_width / width, new_height / height, left, top, width, height)
