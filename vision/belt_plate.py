"""What bare belt may look like: the light plate under the camera and how far the belt's texture strays from it.

The texture scrolls, so no picture of the belt is ever right. What stays is the mean brightness of each place (lamp,
lens and lane) and the spread around it per column; pixels outside that spread are not belt. Streaks and wear run along
the belt, so the brightness of each lane is taken from the bare belt around in the same picture first. Everything here
is YCrCb: rubber is grey and its wear changes its brightness, hardly its colour, so colour is judged much more strictly.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Picture = NDArray[np.uint16]

_BANDS = 8
_SUMMED = 9
_LARGEST = 255 * _SUMMED
_FINER = 1.5
_LANE_STEP = 8
_MAD_TO_SIGMA = 1.3 / 0.6745
_MEAN_TO_SIGMA = 1.2533
_UNEVEN = 2.0
_CREEP = 0.25
_LANE_REACH = 3.0
_SHINE = 1.5
_LANE_DOUBT = 0.05
_STRANGE_SHARE = 0.5
_STRANGE_LIMIT = 3 * _BANDS


class Bounds(NamedTuple):
    """Smallest and largest value of bare belt per pixel and channel, uint16 (h, w, 3) as ``toned``.

    ``dark`` is the smallest of belt in shadow; beyond ``faint`` and ``strong`` it cannot be belt at all. ``least`` and
    ``most`` bound belt whose lane is not evened out yet.
    """

    low: Picture
    high: Picture
    dark: Picture
    faint: Picture
    strong: Picture
    least: Picture
    most: Picture


class Tolerance(NamedTuple):
    """How far belt may stray: ``sigmas`` of its own spread, at least ``min_levels`` and ``min_colour``.

    Shadows take ``shadow_share`` of the light; ``sure`` times that far is no belt for certain. A lane's brightness
    is that of ``lane_px`` coarse pixels along the belt.
    """

    sigmas: tuple[float, float, float]
    min_levels: float
    min_colour: float
    shadow_share: float
    sure: float
    lane_px: int


class BeltPlate:
    """Learns from coarse YCrCb pictures; ``fine`` are the same bounds for pictures of ``shape`` (height, width, 3)."""

    def __init__(self, first: Picture, shape: tuple[int, int, int], tolerance: Tolerance) -> None:
        """Start from one coarse picture, pieces on it or not, as long as they cover less than half of each column."""
        self._tolerance = tolerance
        self.coarse = Bounds(*(np.zeros_like(first) for _ in Bounds._fields))
        self.fine = Bounds(*(np.zeros(shape, np.uint16) for _ in Bounds._fields))
        self._learned = self._strange = 0
        self._plate: Plane = _plate_of(first)
        self._spread: Plane = _spread(first - self._plate)
        self._begin(first)

    def lanes(self, coarse: Picture) -> Plane:
        """How the belt around each coarse pixel strays from what is known, float32 (h, w, 3), from what is bare."""
        bare = cv2.inRange(coarse, self.coarse.least, self.coarse.most)
        strayed = cv2.subtract(coarse, self._plate, mask=bare, dtype=cv2.CV_32F)
        size = (coarse.shape[1], -(-coarse.shape[0] // _LANE_STEP))
        around = (1, max(1, self._tolerance.lane_px // _LANE_STEP) | 1)
        seen, total = (
            cv2.blur(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), around, borderType=cv2.BORDER_CONSTANT)
            for plane in (bare, strayed)
        )
        weight = seen.astype(np.float32) / np.float32(255) + np.float32(_LANE_DOUBT)
        lanes = cv2.divide(total, cv2.merge((weight, weight, weight)))
        return np.asarray(cv2.resize(lanes, (coarse.shape[1], coarse.shape[0])), np.float32)

    def learn(self, coarse: Picture, slowest: float) -> None:
        """Follow one picture, one band of its rows per call; ``slowest`` is the smallest share a picture may weigh."""
        rows = self._rows(self._learned % _BANDS)
        self._learned += 1
        weight = max(slowest, 1 / (2 + self._learned // _BANDS))
        strayed = coarse[rows] - self._plate[rows]
        distance = np.abs(strayed - self.lanes(coarse)[rows])
        foreign = (distance > self._width()).any(axis=2, keepdims=True)
        self._strange = max(0, self._strange + (1 if float(foreign.mean()) > _STRANGE_SHARE else -1))
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
        self._bound_all()
        self._spread = _spread(coarse - self._plate - self.lanes(coarse))
        self._bound_all()

    def _bound_all(self) -> None:
        for band in range(_BANDS):
            self._bound(self._rows(band))

    def _rows(self, band: int) -> slice:
        height = len(self.coarse.low)
        return slice(height * band // _BANDS, height * (band + 1) // _BANDS)

    def _width(self) -> Plane:
        """How far belt may stray from the plate, per column and channel."""
        allowed = self._tolerance
        least = _SUMMED * np.array([allowed.min_levels, allowed.min_colour, allowed.min_colour], np.float32)
        return np.asarray(np.maximum(np.asarray(allowed.sigmas, np.float32) * self._spread, least), np.float32)

    def _bound(self, rows: slice) -> None:
        plate, width, sure = self._plate[rows], self._width(), self._tolerance.sure
        shaded = plate * np.array([1 - self._tolerance.shadow_share, 1, 1], np.float32)
        above = width * np.array([_SHINE, 1, 1], np.float32)
        faint = np.minimum(plate - sure * width, shaded)
        wide = width * np.array([_LANE_REACH, 1, 1], np.float32)
        dark = np.minimum(shaded, plate - width)
        levels = (plate - width, plate + above, dark, faint, plate + sure * above, plate - wide, plate + wide)
        tall = len(self.fine.low) / len(self.coarse.low)
        full = slice(round(rows.start * tall), round(rows.stop * tall))
        for coarse, fine, level in zip(self.coarse, self.fine, levels, strict=True):
            coarse[rows] = np.clip(level, 0, _LARGEST)
            size = (fine.shape[1], full.stop - full.start)
            finer = np.clip(plate + (level - plate) * np.array([1, _FINER, _FINER], np.float32), 0, _LARGEST)
            cv2.resize(finer.astype(np.uint16), size, fine[full], interpolation=cv2.INTER_LINEAR)


def toned(bgr: cv2.typing.MatLike) -> Picture:
    """YCrCb of a BGR picture, each pixel the sum over 3 x 3, so that colours too faint for one pixel still count."""
    return np.asarray(cv2.boxFilter(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb), cv2.CV_16U, (3, 3), normalize=False))


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
