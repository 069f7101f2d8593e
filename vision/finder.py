"""Finds what is not belt: a coarse difference against the learnt belt, then outlines at full resolution in each box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.belt_plate import BeltPlate, Bounds, Tolerance
from vision.clump import ClumpLimits, parts_of
from vision.types import Blob, Box

Mask = NDArray[np.uint8]
Contour = NDArray[np.int32]

_BELT = 0
_PIECE = 255


@dataclass(frozen=True, slots=True)
class FinderSettings:
    """What counts as a piece.

    ``step_px``: every how many pixels the coarse search looks; ``crowd`` of ``grow_px`` x ``grow_px`` coarse pixels
    must be no belt. ``sigmas`` (brightness, red, blue), ``min_contrast`` and ``min_colour``: a pixel is no belt when
    it strays further than so many spreads and levels, and surely none ``sure`` times as far; ``sure_pixels`` coarse
    ones make it worth a look, ``sure_share`` of its area makes it a piece, an eighth of that if its outline fills
    ``solid`` of its hull. ``shadow_share``: the light a shadow may take; where less than ``dark_piece_share`` is not
    shadow, it is a dark piece. ``join_mm``: gaps that are closed. ``min_area_mm2``: smaller things are dust.
    ``learn_weight``: share by which one picture moves the known belt. ``seam_share`` and ``seam_mm``: a line thinner
    than that across so much of the width is a belt splice. ``left_px``, ``right_px`` bound the belt, None: the edge.
    """

    mm_per_px: float = 0.625
    step_px: int = 4
    sigmas: tuple[float, float, float] = (4.5, 4.0, 4.0)
    min_contrast: float = 12.0
    min_colour: float = 6.0
    sure: float = 1.5
    sure_pixels: int = 3
    grow_px: int = 5
    crowd: int = 4
    sure_share: float = 0.3
    solid: float = 0.88
    shadow_share: float = 0.45
    join_mm: float = 2.5
    min_area_mm2: float = 60.0
    dark_piece_share: float = 0.35
    learn_weight: float = 0.02
    seam_share: float = 0.6
    seam_mm: float = 6.0
    left_px: int = 0
    right_px: int | None = None
    clump: ClumpLimits = field(default_factory=ClumpLimits)


class Finder:
    """Finds pieces in BGR uint8 pictures (h, w, 3), all of one size; the first picture teaches it the belt."""

    def __init__(self, settings: FinderSettings) -> None:
        cv2.setNumThreads(1)
        self._settings = settings
        self._plate: BeltPlate | None = None
        self._min_px = settings.min_area_mm2 / settings.mm_per_px**2
        self._join = _disc(settings.join_mm / settings.mm_per_px)
        self._seam = _disc(settings.seam_mm / settings.mm_per_px)
        self._grow = (settings.grow_px, settings.grow_px)
        self._crowd = _PIECE * (settings.crowd - 0.5) / settings.grow_px**2

    def learn(self, image: NDArray[np.uint8]) -> None:
        """Follow slow changes of belt and light, about 0.5 ms. Call it per distance of belt travelled, not per time:
        a belt that stands with pieces on it would be learnt with them.
        """
        belt = self._belt(image)
        coarse = self._coarse(belt)
        self._known(coarse, belt).learn(coarse, self._settings.learn_weight)

    def find(self, image: NDArray[np.uint8]) -> tuple[Blob, ...]:
        """Everything on the belt, in pixels of the picture."""
        belt = self._belt(image)
        coarse = self._coarse(belt)
        plate = self._known(coarse, belt)
        maybe = cv2.bitwise_not(cv2.inRange(coarse, plate.coarse.low, plate.coarse.high))
        sure = np.asarray(cv2.inRange(coarse, plate.coarse.faint, plate.coarse.strong), np.uint8)
        _, crowded = cv2.threshold(cv2.boxFilter(maybe, -1, self._grow), self._crowd, _PIECE, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(crowded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found = (contour for contour in contours if self._is_sure(contour, sure))
        return tuple(blob for contour in found for blob in self._outlined(belt, plate.fine, contour))

    def _belt(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image[:, self._settings.left_px : self._settings.right_px]

    def _coarse(self, belt: NDArray[np.uint8]) -> NDArray[np.uint8]:
        step = self._settings.step_px
        size = (-(-belt.shape[1] // step), -(-belt.shape[0] // step))
        picture = cv2.resize(belt[::step], size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb), np.uint8)

    def _known(self, coarse: NDArray[np.uint8], belt: NDArray[np.uint8]) -> BeltPlate:
        if self._plate is None:
            settings = self._settings
            tolerance = Tolerance(
                settings.sigmas, settings.min_contrast, settings.min_colour, settings.shadow_share, settings.sure
            )
            shape = (belt.shape[0], belt.shape[1], 3)
            self._plate = BeltPlate(coarse, settings.step_px, shape, tolerance)
        return self._plate

    def _outlined(self, belt: NDArray[np.uint8], bounds: Bounds, rough: cv2.typing.MatLike) -> Iterator[Blob]:
        """The blobs inside one coarse contour."""
        x, y, w, h = cv2.boundingRect(rough)
        step = self._settings.step_px
        box = Box(x * step, y * step, min(w * step, belt.shape[1] - x * step), min(h * step, belt.shape[0] - y * step))
        region = np.zeros((h, w), np.uint8)
        cv2.drawContours(region, [rough], 0, _PIECE, -1, offset=(-x, -y))
        fine = cv2.resize(region, (w * step, h * step), interpolation=cv2.INTER_NEAREST)[: box.h, : box.w]
        region = np.asarray(fine, np.uint8)
        crop = cv2.cvtColor(belt[box.y : box.y + box.h, box.x : box.x + box.w], cv2.COLOR_BGR2YCrCb)
        here = Bounds(*(b[box.y : box.y + box.h, box.x : box.x + box.w] for b in bounds))
        mask = self._without_seam(self._refined(crop, here, region), belt.shape[1])
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for outline in outlines:
            if self._is_piece(outline, crop, here):
                for part, touching in parts_of(np.asarray(outline, np.int32), self._min_px, self._settings.clump):
                    yield self._blob(part, touching, box)

    def _is_piece(self, outline: cv2.typing.MatLike, crop: cv2.typing.MatLike, bounds: Bounds) -> bool:
        """Large enough, and either surely no belt in good part or, if faint, of a compact shape as no stain is."""
        area = cv2.contourArea(outline)
        if area < self._min_px:
            return False
        x, y, w, h = cv2.boundingRect(outline)
        here = (slice(y, y + h), slice(x, x + w))
        inside = np.zeros((h, w), np.uint8)
        cv2.drawContours(inside, [outline], 0, _PIECE, -1, offset=(-x, -y))
        belt = cv2.inRange(crop[here], bounds.faint[here], bounds.strong[here])
        certain = cv2.countNonZero(cv2.bitwise_and(inside, cv2.bitwise_not(belt)))
        faint = area >= self._settings.solid * cv2.contourArea(cv2.convexHull(outline))
        return certain >= area * (self._settings.sure_share / 8 if faint else self._settings.sure_share)

    def _is_sure(self, rough: cv2.typing.MatLike, belt: Mask) -> bool:
        """Large enough, and at least some of it is no belt for certain; ``belt`` is 0 there."""
        x, y, w, h = cv2.boundingRect(rough)
        certain = w * h - cv2.countNonZero(belt[y : y + h, x : x + w])
        return certain >= max(self._settings.sure_pixels, 0.02 * cv2.contourArea(rough))

    def _refined(self, crop: cv2.typing.MatLike, bounds: Bounds, region: Mask) -> Mask:
        """What is neither belt nor shadow; where hardly anything is left it is a dark piece, and the dark counts."""
        bright = cv2.bitwise_and(cv2.bitwise_not(cv2.inRange(crop, bounds.dark, bounds.high)), region)
        bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, self._join)
        if cv2.countNonZero(bright) >= self._settings.dark_piece_share * cv2.countNonZero(region):
            return np.asarray(bright, np.uint8)
        both = cv2.bitwise_and(cv2.bitwise_not(cv2.inRange(crop, bounds.low, bounds.high)), region)
        if cv2.countNonZero(bright) >= self._settings.dark_piece_share * cv2.countNonZero(both):
            return np.asarray(bright, np.uint8)
        return np.asarray(cv2.morphologyEx(both, cv2.MORPH_CLOSE, self._join), np.uint8)

    def _without_seam(self, mask: Mask, width_px: int) -> Mask:
        """Lines thinner than a piece are wiped where one spans the belt: that is the splice."""
        if mask.shape[1] < self._settings.seam_share * width_px:
            return mask
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._seam), np.uint8)

    def _blob(self, outline: Contour, touching: bool, box: Box) -> Blob:
        contour = outline + np.array([box.x + self._settings.left_px, box.y], np.int32)
        return Blob(Box(*cv2.boundingRect(contour)), float(cv2.contourArea(contour)), contour, touching)


def _disc(diameter_px: float) -> NDArray[np.uint8]:
    size = max(3, round(diameter_px) | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
