"""What bare belt may look like: its light plate under the camera and how far its texture strays from that.

The texture scrolls, so no picture of the belt is ever right. What stays is the mean brightness of each place (lamp,
lens and lane), the spread around it per column, and how many spreads the tails of this belt reach. Streaks and wear run
along the belt, so the brightness of each lane is taken from the bare belt around in the same picture first. Everything
here is YCrCb: rubber is grey and its wear changes its brightness, hardly its colour, so colour is judged more strictly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import Box

Plane = NDArray[np.float32]
Picture = NDArray[np.int16]
Mask = NDArray[np.uint8]

SUMMED = 9
_LARGEST = 255 * SUMMED
_BANDS = 8
_GOLDEN = 0.6180339887498949
_FIRST_LESSONS = 24
_BEGINNINGS = (2, 4, 8, 16, 23)
_LANE_STEP = 8
_SOME = 4
_MAD_TO_SIGMA = 1.3 / 0.6745
_MEAN_TO_SIGMA = 1.2533
_UNEVEN = 2.0
_LANE_LEVELS = 14
_LANE_DOUBT = 0.05
_WORN_SHARE = 0.3
_WORN_DOUBT = 0.15
_FIRST_TAIL = 5.0
_TAIL_QUANTILE = 0.999
_TAIL_PACE = 0.15
_TAIL_RANGE = (2.5, 14.0)
_BEYOND_TAIL = 1.35
_SHINE = 1.25
_CREEP = 0.25
_CREEP_BELOW = 0.002
_STRANGE_SHARE = 0.35
_STRANGE_LIMIT = 3 * _BANDS


class Tolerance(NamedTuple):
    """How far belt may stray: at least ``min_levels`` and ``min_colour``, at most ``max_levels`` and ``max_colour``,
    between them as far as the tails of this belt reach. A lane's brightness is that of ``lane_px`` coarse pixels; all
    levels are scaled by ``lane_light``, given for lanes of equal width."""

    min_levels: float
    min_colour: float
    max_levels: float
    max_colour: float
    lane_px: int
    lane_light: tuple[float, ...] = (1.0,)


class Reach(NamedTuple):
    """How far belt strays below and above what is known in one column, per channel, sums over 3 x 3."""

    below: tuple[float, float, float]
    above: tuple[float, float, float]


class BeltPlate:
    """Learns from coarse YCrCb pictures (``toned``), pieces on them or not."""

    def __init__(self, first: Picture, tolerance: Tolerance) -> None:
        """Start from one picture, as long as pieces cover less than half of each column."""
        self._tolerance = tolerance
        self._worn_px = round(_WORN_SHARE * tolerance.lane_px) | 1
        self._learned = self._strange = 0
        lanes = np.linspace(0, len(tolerance.lane_light) - 1, first.shape[1])
        light = np.interp(lanes, np.arange(len(tolerance.lane_light)), tolerance.lane_light)
        self._light: Plane = light.reshape(-1, 1).astype(np.float32)
        self._first = [_profile(first)]
        self._tails: Plane = np.full((2, 3), _FIRST_TAIL, np.float32)
        self.known, self._low, self._high = np.zeros_like(first), np.zeros_like(first), np.zeros_like(first)
        self._begin(first)

    def lanes(self, coarse: Picture) -> Picture:
        """How the belt around each coarse pixel strays from what is known, (h, w, 3), told from what is bare."""
        some = np.ascontiguousarray(coarse[_LANE_STEP // 2 :: _LANE_STEP])
        bare = cv2.inRange(some, *self._lane_bounds)
        strayed = cv2.subtract(some, self._lane_known, mask=bare, dtype=cv2.CV_32F)
        around = (1, max(1, self._tolerance.lane_px // _LANE_STEP) | 1)
        total = cv2.blur(strayed, around, borderType=cv2.BORDER_CONSTANT)
        seen = cv2.blur(bare, around, borderType=cv2.BORDER_CONSTANT)
        weight = seen.astype(np.float32) / np.float32(255) + np.float32(_LANE_DOUBT)
        even: Plane = np.asarray(cv2.divide(total, cv2.merge((weight, weight, weight))), np.float32)
        even[..., 0] += self._worn(some[..., 0] - self._lane_known[..., 0] - even[..., 0])
        lanes = np.clip(np.rint(even), -_LANE_LEVELS * SUMMED, _LANE_LEVELS * SUMMED).astype(np.int16)
        return np.asarray(cv2.resize(lanes, (coarse.shape[1], coarse.shape[0])), np.int16)

    def _worn(self, even: Plane) -> Plane:
        """How much brighter than its lane the bare belt around each of these pixels is: wear comes in patches."""
        below, above = self._reach
        bare = ((even < above[:, 0]) & (even > -below[:, 0])).astype(np.float32)
        around = (self._worn_px, max(1, self._worn_px // _LANE_STEP) | 1)
        seen = cv2.blur(bare, around, borderType=cv2.BORDER_CONSTANT)
        total = cv2.blur(even * bare, around, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(total / (seen + np.float32(_WORN_DOUBT)), np.float32)

    def foreign(self, coarse: Picture, lanes: Picture) -> Mask:
        """255 where a coarse pixel strays further than bare belt."""
        return np.asarray(cv2.bitwise_not(cv2.inRange(cv2.subtract(coarse, lanes), self._low, self._high)), np.uint8)

    def surely_foreign(self, coarse: Picture, lanes: Picture, box: Box) -> int:
        """How many coarse pixels of a box of coarse pixels stray more than twice as far as bare belt in its middle."""
        inside = slice(box.y, box.y + box.h), slice(box.x, box.x + box.w)
        strayed = cv2.subtract(cv2.subtract(coarse[inside], lanes[inside]), self.known[inside])
        below, above = self.reach(box.x + box.w // 2)
        bare = cv2.inRange(strayed, tuple(-2 * side for side in below), tuple(2 * side for side in above))
        return box.w * box.h - cv2.countNonZero(bare)

    def reach(self, column: int) -> Reach:
        """How far belt may stray in this coarse column."""
        below, above = (side[column].tolist() for side in self._reach)
        return Reach((below[0], below[1], below[2]), (above[0], above[1], above[2]))

    def learn(self, coarse: Picture, covered: Mask, slowest: float) -> None:
        """Follow one picture, one band of its rows per call: all as often, in an order that never falls into step with
        the turns of the belt, or each band would know other places of it than the next.

        ``covered`` is not 0 where pieces lie: there the belt is as good as not learnt. ``slowest`` is the smallest
        share a picture may weigh.
        """
        rows = self._rows(int(_BANDS * (_GOLDEN * self._learned % 1)))
        self._learned += 1
        if self._learned < _FIRST_LESSONS:
            self._first.append(_profile(coarse))
            if self._learned in _BEGINNINGS:
                self._begin(coarse)
            some = slice(self._learned % _BANDS, None, _BANDS)
            self._tails_towards(self._even(coarse, some)[covered[some] == 0])
            self._bound(rows)
            return
        weight = np.float32(max(slowest, 1 / (1 + self._learned // _BANDS)))
        strayed = coarse[rows] - self._plate[rows]
        even = strayed - self.lanes(coarse)[rows]
        below, above = self._reach
        foreign = ((even > above) | (even < -below)).any(axis=2, keepdims=True)
        self._strange = max(0, self._strange + (1 if float(foreign.mean()) > _STRANGE_SHARE else -1))
        if self._strange >= _STRANGE_LIMIT:
            self._learned = self._strange = 0
            self._tails[:] = _FIRST_TAIL
            self._first = [_profile(coarse)]
            self._begin(coarse)
            return
        piece = covered[rows, :, None] > 0
        creep = np.where(piece, np.float32(_CREEP_BELOW), np.float32(_CREEP)) * self._spread
        self._plate[rows] += weight * np.where(foreign | piece, np.clip(strayed, -creep, creep), strayed)
        self._spread_towards(even, foreign | piece, weight)
        self._tails_towards(even[~piece[..., 0]])
        self._bound(rows)

    def _even(self, coarse: Picture, rows: slice) -> Plane:
        """How far these rows stray from what is known, without what their lanes stray."""
        return np.asarray(coarse[rows] - self._plate[rows] - self.lanes(coarse)[rows], np.float32)

    def _spread_towards(self, even: Plane, other: NDArray[np.bool_], weight: np.float32) -> None:
        bare = np.maximum((~other).sum(axis=0), 1)
        seen = np.where(other, np.float32(0), np.abs(even)).sum(axis=0) / bare * _MEAN_TO_SIGMA
        self._spread += weight / np.float32(_BANDS) * (_smoothed(seen) - self._spread)

    def _tails_towards(self, bare: Plane) -> None:
        """Most pixels of bare belt (n, 3) stray less than so many spreads; a belt has scratches, a codec has steps."""
        rank = round((1 - _TAIL_QUANTILE) * len(bare))
        if rank < 1:
            return
        spreads = np.partition(bare / self._least_spread().mean(axis=0), (rank, len(bare) - 1 - rank), axis=0)
        seen = _BEYOND_TAIL * np.stack((-spreads[rank], spreads[-1 - rank])) - self._tails
        self._tails[:] = np.clip(self._tails + np.clip(seen, -_TAIL_PACE, _TAIL_PACE), *_TAIL_RANGE)

    def _begin(self, coarse: Picture) -> None:
        """Start with the first pictures; ``coarse`` is the last of them."""
        self._plate = _plate_of(self._first)
        self._spread = _spread(coarse[::_SOME] - self._plate[::_SOME])
        self._bound(slice(None))
        self._spread = _spread(self._even(coarse, slice(None, None, _SOME)))
        self._bound(slice(None))

    def _rows(self, band: int) -> slice:
        height = len(self.known)
        return slice(height * band // _BANDS, height * (band + 1) // _BANDS)

    def _least_spread(self) -> Plane:
        allowed = self._tolerance
        least = self._light * np.array([allowed.min_levels, allowed.min_colour, allowed.min_colour], np.float32)
        return np.asarray(np.maximum(self._spread, SUMMED * least / _FIRST_TAIL), np.float32)

    def _bound(self, rows: slice) -> None:
        allowed = self._tolerance
        scale = SUMMED * self._light
        least = scale * np.array([allowed.min_levels, allowed.min_colour, allowed.min_colour], np.float32)
        most = scale * np.array([allowed.max_levels, allowed.max_colour, allowed.max_colour], np.float32)
        spread = self._least_spread()
        below, above = (np.clip(tail * spread, least, most).astype(np.float32) for tail in self._tails)
        above[:, 0] = np.minimum(_SHINE * above[:, 0], most[:, 0])
        self._reach = (below, above)
        plate = self._plate[rows]
        self.known[rows] = np.rint(plate)
        self._low[rows] = np.clip(plate - below, 0, _LARGEST)
        self._high[rows] = np.clip(plate + above, 0, _LARGEST)
        some = slice(_LANE_STEP // 2, None, _LANE_STEP)
        lane = np.array([SUMMED * _LANE_LEVELS, 0, 0], np.float32)
        self._lane_known = np.ascontiguousarray(self.known[some])
        known = self._plate[some]
        self._lane_bounds = tuple(
            np.clip(edge, 0, _LARGEST).astype(np.int16) for edge in (known - below - lane, known + above + lane)
        )


def toned(bgr: cv2.typing.MatLike) -> Picture:
    """YCrCb of a BGR picture, each pixel the sum over 3 x 3, its colours even the mean of nine such sums, so that
    colours too faint for one pixel still count."""
    ycc = cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb)
    sums = cv2.boxFilter(ycc, cv2.CV_16S, (3, 3), normalize=False)
    colours = cv2.blur(sums, (3, 3))
    cv2.mixChannels([sums], [colours], (0, 0))
    return np.asarray(colours, np.int16)


class _Profile(NamedTuple):
    """Brightness per column (w, 3), and per row relative to that (h, 3): medians, which pieces hardly move, of every
    few rows and columns."""

    columns: Plane
    rows: Plane


def _profile(coarse: Picture) -> _Profile:
    rows = coarse[_SOME // 2 :: _SOME].astype(np.float32)
    columns = np.maximum(np.median(rows, axis=0), 1).astype(np.float32)
    across = slice(_SOME // 2, None, 2 * _SOME)
    return _Profile(columns, np.median(coarse[:, across] / columns[across], axis=1).astype(np.float32))


def _plate_of(profiles: Sequence[_Profile]) -> Plane:
    """Brightness per place as (columns) x (rows), each the median over several pictures."""
    columns, rows = (np.median(some, axis=0).astype(np.float32) for some in zip(*profiles, strict=True))
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
