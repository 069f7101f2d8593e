"""Meters for whoever sets up a camera: how sharp, how bright, and whether something sticks to the lens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Box

Picture = NDArray[np.uint8]

_BURNT_LEVEL = 250
_DARK_LEVEL = 8
_NTH = 4
_SEARCHED_PX = 320
_BROAD_PX = 24.0
_DIRT = 0.18
_LEAST_DIRT_PX = 8


class Meters(NamedTuple):
    """``sharpness`` grows as the picture gets sharper, on the same scene: only its way up and down means something.

    ``level`` is the median brightness of 255, ``burnt`` and ``dark`` the shares of pixels that show nothing any more.
    """

    sharpness: float
    level: float
    burnt: float
    dark: float


def meters(image: Picture) -> Meters:
    """Of one picture (h, w, 3) BGR: fine detail against brightness, so that light alone makes nothing sharper."""
    height, width = image.shape[:2]
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    grey = cv2.cvtColor(middle, cv2.COLOR_BGR2GRAY)
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    detail = np.asarray(cv2.Laplacian(soft, cv2.CV_32F), np.float32)
    bright = image[::_NTH, ::_NTH].max(axis=2)
    level = float(np.median(bright))
    sharpness = 100.0 * float(detail.std()) / max(1.0, float(grey.mean()))
    return Meters(sharpness, level, float((bright >= _BURNT_LEVEL).mean()), float((bright < _DARK_LEVEL).mean()))


def find_dirt(pictures: Sequence[Picture]) -> tuple[Box, ...]:
    """What stands still while the belt runs, darker or brighter than what is around it: dirt on lens or glass.

    ``pictures`` of one size, taken far enough apart that the belt looks different in each; the largest first. Streaks
    along the belt stand still as well: they are taken off column by column, so the belt has to run down the picture.
    """
    shrunk = max(1, pictures[0].shape[1] // _SEARCHED_PX)
    small = [cv2.resize(p, None, fx=1 / shrunk, fy=1 / shrunk, interpolation=cv2.INTER_AREA) for p in pictures]
    still = np.median([cv2.cvtColor(p, cv2.COLOR_BGR2GRAY) for p in small], axis=0).astype(np.float32)
    still = np.asarray(cv2.GaussianBlur(still, (0, 0), 2.0), np.float32)
    still = np.asarray(still / np.maximum(np.median(still, axis=0, keepdims=True), 4.0), np.float32)
    broad = np.asarray(cv2.GaussianBlur(still, (0, 0), _BROAD_PX), np.float32)
    marks = (np.abs(still / np.maximum(broad, 0.05) - 1) > _DIRT).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(marks)
    found = sorted((tuple(map(int, row)) for row in stats[1:]), key=lambda row: -row[4])
    return tuple(
        Box(x * shrunk, y * shrunk, w * shrunk, h * shrunk) for x, y, w, h, area in found if area >= _LEAST_DIRT_PX
    )
