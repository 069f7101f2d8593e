"""What bare belt may look like: the light plate under the camera and how far the belt's texture strays from it.

The texture scrolls, so no picture of the belt is ever right. What stays is the mean brightness of each place (lamp,
lens and lane) and the spread around it per column; pixels outside that spread are not belt. Everything here is YCrCb:
rubber is grey and its wear changes its brightness, hardly its colour, so colour can be judged much more strictly.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Picture = NDArray[np.uint8]

_BANDS = 8
_MAD_TO_SIGMA = 1 / 0.6745
_MEAN_TO_SIGMA = 1.2533
_UNEVEN = 2.0
_CREEP = 0.25
_STRANGE_SHARE = 0.5
_STRANGE_LIMIT = 3 * _BANDS


class Bounds(NamedTuple):
    """Smallest and largest value of bare belt per pixel and channel, uint8 (h, w, 3).

    ``dark`` is the smallest of belt in shadow; beyond ``faint`` and ``strong`` it cannot be belt at all.
    """

    low: Picture
    high: Picture
    dark: Picture
    faint: Picture
    strong: Picture


class Tolerance(NamedTuple):
    """How far belt may stray: ``sigmas`` of its own spread, at least ``min_levels`` and ``min_colour``.

    Shadows take ``shadow_share`` of the light; ``sure`` times that far is no belt for certain.
    """

    sigmas: tuple[float, float, float]
    min_levels: float
    min_colour: float
    shadow_share: float
    sure: float


class BeltPlate:
    """Learns from coarse YCrCb pictures, every ``step``-th pixel of a full picture of ``shape`` (height, width, 3)."""

    def __init__(self, first: Picture, step: int, shape: tuple[int, int, int], tolerance: Tolerance) -> None:
        """Start from one coarse picture, pieces on it or not, as long as they cover less than half of each column."""
        self._step = step
        self._tolerance = tolerance
        self.coarse = Bounds(*(np.zeros_like(first) for _ in Bounds._fields))
        self.fine = Bounds(*(np.zeros(shape, np.uint8) for _ in Bounds._fields))
        self._learned = self._strange = 0
        self._plate: Plane = _plate_of(first)
        self._spread: Plane = _spread(first - self._plate)
        self._begin(first)

    def learn(self, coarse: Picture, slowest: float) -> None:
        """Follow one picture, one band of its rows per call; ``slowest`` is the smallest share a picture may weigh."""
        rows = self._rows(self._learned % _BANDS)
        self._learned += 1
        weight = max(slowest, 1 / (2 + self._learned // _BANDS))
        strayed = coarse[rows] - self._plate[rows]
        distance = np.abs(strayed)
        foreign = (distance > self._width()).any(axis=2, keepdims=True)
        self._strange = self._strange + 1 if float(foreign.mean()) > _STRANGE_SHARE else 0
        creep = np.float32(_CREEP) * self._spread
        self._plate[rows] += np.float32(weight) * np.where(foreign, np.clip(strayed, -creep, creep), strayed)
        bare = np.maximum((~foreign).sum(axis=0), 1)
        seen = _smoothed(np.where(foreign, np.float32(0), distance).sum(axis=0) / bare * _MEAN_TO_SIGMA)
        self._spread += np.float32(weight / _BANDS) * (seen - self._spread)
        if self._strange >= _STRANGE_LIMIT:
            self._begin(coarse)
        else:
            self._bound(rows)

    def _begin(self, coarse: Picture) -> None:
        self._learned = self._strange = 0
        self._plate = _plate_of(coarse)
        self._spread = _spread(coarse - self._plate)
        for band in range(_BANDS):
            self._bound(self._rows(band))

    def _rows(self, band: int) -> slice:
        height = len(self.coarse.low)
        return slice(height * band // _BANDS, height * (band + 1) // _BANDS)

    def _width(self) -> Plane:
        """How far belt may stray from the plate, per column and channel."""
        allowed = self._tolerance
        least = np.array([allowed.min_levels, allowed.min_colour, allowed.min_colour], np.float32)
        return np.asarray(np.maximum(np.asarray(allowed.sigmas, np.float32) * self._spread, least), np.float32)

    def _bound(self, rows: slice) -> None:
        plate, width, sure = self._plate[rows], self._width(), self._tolerance.sure
        shaded = plate * np.array([1 - self._tolerance.shadow_share, 1, 1], np.float32)
        faint = np.minimum(plate - sure * width, shaded)
        levels = (plate - width, plate + width, np.minimum(shaded, plate - width), faint, plate + sure * width)
        full = slice(rows.start * self._step, min(rows.stop * self._step, len(self.fine.low)))
        for coarse, fine, level in zip(self.coarse, self.fine, levels, strict=True):
            coarse[rows] = np.clip(level, 0, 255)
            size = (fine.shape[1], full.stop - full.start)
            cv2.resize(coarse[rows], size, fine[full], interpolation=cv2.INTER_LINEAR)


def _plate_of(coarse: Picture) -> Plane:
    """Brightness per place as (column median) x (row median), which pieces hardly move."""
    picture = coarse.astype(np.float32)
    columns = np.maximum(np.median(picture, axis=0, keepdims=True), 1).astype(np.float32)
    rows = np.median(picture / columns, axis=1).astype(np.float32)
    smooth = cv2.GaussianBlur(rows, (1, 0), sigmaX=0.1, sigmaY=len(rows) / 24, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(columns * smooth.reshape(-1, 1, 3), np.float32)


def _spread(strayed: Plane) -> Plane:
    """Standard deviation of the belt per column and channel, float32 (w, 3), from medians that pieces hardly move."""
    sigma = np.median(np.abs(strayed), axis=0) * _MAD_TO_SIGMA
    return _smoothed(np.minimum(sigma, _UNEVEN * np.median(sigma, axis=0)))


def _smoothed(sigma: Plane) -> Plane:
    """Evened out across the belt."""
    row = sigma[None].astype(np.float32)
    return np.asarray(
        cv2.GaussianBlur(row, (0, 0), sigmaX=8, sigmaY=0.1, borderType=cv2.BORDER_REPLICATE)[0], np.float32
    )
