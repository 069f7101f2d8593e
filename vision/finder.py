"""Finds what is not belt: a coarse difference against the learnt belt, then outlines at half size in each box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.belt_plate import BeltPlate, Bounds, Tolerance, toned
from vision.clump import ClumpLimits, parts_of
from vision.types import Blob, Box

Mask = NDArray[np.uint8]
Toned = NDArray[np.uint16]
Contour = NDArray[np.int32]

_BELT = 0
_PIECE = 255
_SHARP_SHARE = 0.6
_ALONE = 4
_ALONE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class FinderSettings:
    """What counts as a piece.

    ``crowd`` of ``grow_px`` x ``grow_px`` pixels of a picture a quarter the size must be no belt. ``sigmas``
    (brightness, red, blue), ``min_contrast`` and ``min_colour``: a pixel is no belt when it strays further than so many
    spreads and levels, and surely none ``sure`` times as far; a lane is as bright as ``lane_mm`` of it are.
    ``sure_pixels`` make a place worth a look, ``sure_share`` of its area makes it a piece, an eighth of that if it
    fills ``solid`` of its hull and is ``thick_mm`` thick. ``shadow_share``: the light a shadow may take; where less
    than ``dark_piece_share`` is not shadow, it is a dark piece. ``join_mm``: gaps that are closed, ``link_mm``: those
    closed where they are dark. ``min_area_mm2``: smaller things are dust. ``learn_weight``: share by which one picture
    moves the known belt. ``seam_share`` and ``seam_mm``: a line thinner than that across so much of the width is a belt
    splice. ``left_px``, ``right_px`` bound the belt, None: the edge.
    """

    mm_per_px: float = 0.625
    lane_mm: float = 120.0
    sigmas: tuple[float, float, float] = (5.0, 5.0, 5.0)
    min_contrast: float = 8.0
    min_colour: float = 0.65
    sure: float = 1.3
    sure_pixels: int = 3
    grow_px: int = 5
    crowd: int = 4
    sure_share: float = 0.3
    solid: float = 0.8
    thick_mm: float = 14.0
    shadow_share: float = 0.45
    join_mm: float = 3.0
    link_mm: float = 9.0
    min_area_mm2: float = 60.0
    dark_piece_share: float = 0.35
    learn_weight: float = 0.02
    seam_share: float = 0.6
    seam_mm: float = 8.5
    left_px: int = 0
    right_px: int | None = None
    clump: ClumpLimits = field(default_factory=ClumpLimits)


class Finder:
    """Finds pieces in BGR uint8 pictures (h, w, 3), all of one size; the first picture teaches it the belt."""

    def __init__(self, settings: FinderSettings) -> None:
        cv2.setNumThreads(1)
        self._settings = settings
        self._plate: BeltPlate | None = None
        self._min_px = settings.min_area_mm2 / (2 * settings.mm_per_px) ** 2
        self._join = _disc(settings.join_mm / settings.mm_per_px / 2)
        self._link = _disc(settings.link_mm / settings.mm_per_px / 2)
        self._seam = _disc(settings.seam_mm / settings.mm_per_px / 2)
        self._thick_px = settings.thick_mm / settings.mm_per_px / 2
        self._grow = (settings.grow_px, settings.grow_px)
        self._crowd = _PIECE * (settings.crowd - 0.5) / settings.grow_px**2

    def learn(self, image: NDArray[np.uint8]) -> None:
        """Follow slow changes of belt and light, about 2 ms. Call it per distance of belt travelled, not per time:
        a belt that stands with pieces on it would be learnt with them.
        """
        half, coarse = self._shrunk(image)
        self._known(coarse, half).learn(coarse, self._settings.learn_weight)

    def find(self, image: NDArray[np.uint8]) -> tuple[Blob, ...]:
        """Everything on the belt, in pixels of the picture."""
        half, coarse = self._shrunk(image)
        plate = self._known(coarse, half)
        lanes = plate.lanes(coarse)
        even = cv2.subtract(coarse, lanes, dtype=cv2.CV_16U)
        maybe = cv2.bitwise_not(cv2.inRange(even, plate.coarse.low, plate.coarse.high))
        sure = np.asarray(cv2.inRange(even, plate.coarse.faint, plate.coarse.strong), np.uint8)
        _, crowded = cv2.threshold(cv2.boxFilter(maybe, -1, self._grow), self._crowd, _PIECE, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(crowded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = (contour for contour in contours if self._is_sure(contour, sure))
        return tuple(blob for contour in found for blob in self._outlined(half, lanes, plate.fine, contour))

    def _shrunk(self, image: NDArray[np.uint8]) -> tuple[Mask, Toned]:
        """The belt at half size (BGR) and at a quarter (YCrCb): means over pixels, which hold much less noise."""
        belt = image[:, self._settings.left_px : self._settings.right_px]
        half = cv2.resize(belt, (belt.shape[1] // 2, belt.shape[0] // 2), interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(half, (half.shape[1] // 2, half.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(half, np.uint8), toned(coarse)

    def _known(self, coarse: Toned, half: Mask) -> BeltPlate:
        if self._plate is None:
            settings = self._settings
            lane_px = max(3, round(settings.lane_mm / settings.mm_per_px / 4) | 1)
            tolerance = Tolerance(
                settings.sigmas,
                settings.min_contrast,
                settings.min_colour,
                settings.shadow_share,
                settings.sure,
                lane_px,
            )
            self._plate = BeltPlate(coarse, (half.shape[0], half.shape[1], 3), tolerance)
        return self._plate

    def _outlined(
        self, half: Mask, lanes: NDArray[np.float32], bounds: Bounds, rough: cv2.typing.MatLike
    ) -> Iterator[Blob]:
        """The blobs inside one coarse contour."""
        x, y, w, h = cv2.boundingRect(rough)
        region = np.zeros((h, w), np.uint8)
        cv2.drawContours(region, [rough], 0, _PIECE, -1, offset=(-x, -y))
        region = np.asarray(cv2.resize(region, (w * 2, h * 2), interpolation=cv2.INTER_NEAREST), np.uint8)
        box = Box(x * 2, y * 2, w * 2, h * 2)
        place = (slice(box.y, box.y + box.h), slice(box.x, box.x + box.w))
        crop = toned(half[place])
        lane = cv2.resize(lanes[y : y + h, x : x + w], (w * 2, h * 2))
        even = cv2.subtract(crop, lane, dtype=cv2.CV_16U)
        here = Bounds(*(b[place] for b in bounds))
        mask = self._without_seam(_sharpened(self._refined(even, here, region)), half.shape[1])
        for outline in self._together(mask, even, here):
            certain, area = _certain_px(outline, even, here), cv2.contourArea(outline)
            if self._is_piece(outline, certain, area):
                for part, touching in parts_of(outline, self._min_px, self._settings.clump):
                    yield self._blob(part, touching, box)

    def _together(self, mask: Mask, crop: cv2.typing.MatLike, bounds: Bounds) -> list[Contour]:
        """The outlines in one coarse contour: all of them are one piece unless two can stand alone."""
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outlines = [np.asarray(c, np.int32) for c in contours if cv2.contourArea(c) >= self._min_px / 4]
        large = [one for one in outlines if cv2.contourArea(one) >= _ALONE * self._min_px]
        alone = [one for one in large if _certain_px(one, crop, bounds) >= _ALONE_SHARE * cv2.contourArea(one)]
        if len(outlines) < 2 or len(alone) > 1:
            return outlines
        return [np.asarray(cv2.convexHull(np.concatenate(outlines)), np.int32)]

    def _is_piece(self, outline: Contour, certain_px: int, area: float) -> bool:
        """Large enough, and either surely no belt in good part or, if faint, of a thick and compact shape."""
        if area < self._min_px:
            return False
        thick = min(cv2.minAreaRect(outline)[1]) >= self._thick_px
        faint = thick and area >= self._settings.solid * cv2.contourArea(cv2.convexHull(outline))
        return certain_px >= area * (self._settings.sure_share / 8 if faint else self._settings.sure_share)

    def _is_sure(self, rough: cv2.typing.MatLike, belt: Mask) -> bool:
        """Large enough, and at least some of it is no belt for certain; ``belt`` is 0 there."""
        x, y, w, h = cv2.boundingRect(rough)
        certain = w * h - cv2.countNonZero(belt[y : y + h, x : x + w])
        return certain >= max(self._settings.sure_pixels, 0.02 * cv2.contourArea(rough))

    def _refined(self, crop: cv2.typing.MatLike, bounds: Bounds, region: Mask) -> Mask:
        """What is neither belt nor shadow; where hardly anything is left it is a dark piece, and the dark counts."""
        bright = cv2.bitwise_and(cv2.bitwise_not(cv2.inRange(crop, bounds.dark, bounds.high)), region)
        both = cv2.bitwise_and(cv2.bitwise_not(cv2.inRange(crop, bounds.low, bounds.high)), region)
        if cv2.countNonZero(bright) < self._settings.dark_piece_share * cv2.countNonZero(both):
            return np.asarray(cv2.morphologyEx(both, cv2.MORPH_CLOSE, self._join), np.uint8)
        linked = cv2.bitwise_and(cv2.morphologyEx(bright, cv2.MORPH_CLOSE, self._link), both)
        return np.asarray(cv2.morphologyEx(cv2.bitwise_or(bright, linked), cv2.MORPH_CLOSE, self._join), np.uint8)

    def _without_seam(self, mask: Mask, width_px: int) -> Mask:
        """Lines thinner than a piece are wiped where one spans the belt: that is the splice."""
        if mask.shape[1] < self._settings.seam_share * width_px:
            return mask
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._seam), np.uint8)

    def _blob(self, outline: Contour, touching: bool, box: Box) -> Blob:
        """In pixels of the picture: a pixel of half the size is two wide."""
        x, y, w, h = cv2.boundingRect(outline)
        origin = np.array([box.x, box.y], np.int32)
        contour = 2 * (outline + origin) + (outline > np.array([x + w / 2, y + h / 2]))
        contour = np.asarray(contour + np.array([self._settings.left_px, 0]), np.int32)
        return Blob(Box(*cv2.boundingRect(contour)), float(cv2.contourArea(contour)), contour, touching)


def _sharpened(mask: Mask) -> Mask:
    """Without the pixel by which the blur widens everything, unless that takes most of it."""
    sharp = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), np.uint8)
    return sharp if cv2.countNonZero(sharp) >= _SHARP_SHARE * cv2.countNonZero(mask) else mask


def _certain_px(outline: Contour, crop: cv2.typing.MatLike, bounds: Bounds) -> int:
    """How many pixels in the outline cannot be belt."""
    x, y, w, h = cv2.boundingRect(outline)
    here = (slice(y, y + h), slice(x, x + w))
    inside = np.zeros((h, w), np.uint8)
    cv2.drawContours(inside, [outline], 0, _PIECE, -1, offset=(-x, -y))
    belt = cv2.inRange(crop[here], bounds.faint[here], bounds.strong[here])
    return cv2.countNonZero(cv2.bitwise_and(inside, cv2.bitwise_not(belt)))


def _disc(diameter_px: float) -> NDArray[np.uint8]:
    size = max(3, round(diameter_px) | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
