"""The one definition of a crop: training, evaluation and the running station all cut pieces out of a picture here.

A crop is a square around a piece's box with a margin of belt. Pieces that fit into ``floor_mm`` are all shown at the
same scale, so that the network sees how large they are; only longer ones are shrunk. What lies outside the picture
repeats its edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Box


@dataclass(frozen=True, slots=True)
class CropSpec:
    """How a model wants its crops: ``margin`` multiplies the longer side of the box, ``floor_mm`` is the least side."""

    size_px: int = 96
    margin: float = 1.15
    floor_mm: float = 60.0


class Square(NamedTuple):
    """Square in full-size pixels; may reach outside the picture."""

    x: int
    y: int
    side: int


def square_around(box: Box, spec: CropSpec, mm_per_px: float) -> Square:
    """The square of picture that a crop of this box shows."""
    side = max(round(max(box.w, box.h) * spec.margin), round(spec.floor_mm / mm_per_px), 1)
    return Square(box.x + (box.w - side) // 2, box.y + (box.h - side) // 2, side)


def crop(image: NDArray[np.uint8], box: Box, spec: CropSpec, mm_per_px: float) -> NDArray[np.uint8]:
    """Cut one piece out of ``image`` (height, width, 3, BGR): uint8 (size_px, size_px, 3), BGR, its own memory."""
    square = square_around(box, spec, mm_per_px)
    height, width = image.shape[:2]
    top, left = max(square.y, 0), max(square.x, 0)
    bottom, right = min(square.y + square.side, height), min(square.x + square.side, width)
    if bottom <= top or right <= left:
        return np.zeros((spec.size_px, spec.size_px, 3), np.uint8)
    patch = image[top:bottom, left:right]
    if patch.shape[:2] != (square.side, square.side):
        above, before = top - square.y, left - square.x
        below, after = square.y + square.side - bottom, square.x + square.side - right
        patch = np.asarray(cv2.copyMakeBorder(patch, above, below, before, after, cv2.BORDER_REPLICATE), np.uint8)
    if square.side == spec.size_px:
        return patch.copy()
    return np.asarray(cv2.resize(patch, (spec.size_px, spec.size_px), interpolation=cv2.INTER_LINEAR), np.uint8)


def crops(image: NDArray[np.uint8], boxes: tuple[Box, ...], spec: CropSpec, mm_per_px: float) -> NDArray[np.uint8]:
    """Cut several pieces: uint8 (n, size_px, size_px, 3), BGR."""
    out = np.empty((len(boxes), spec.size_px, spec.size_px, 3), np.uint8)
    for n, box in enumerate(boxes):
        out[n] = crop(image, box, spec, mm_per_px)
    return out
