"""Where a piece ends: its outline at half the picture's size, inside a coarse contour that may hold one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.belt_plate import SUMMED, BeltPlate, Picture, Reach, toned
from vision.types import Box

Mask = NDArray[np.uint8]
Contour = NDArray[np.int32]
Triple = tuple[float, float, float]

_PIECE = 255
_SHARP_SHARE = 0.6
_ALONE = 4
_ALONE_SHARE = 0.6
_MOST_OF_IT = 0.7
_HULL_SHARE = 0.5
_SMALL_SURER = 2
_SMALL = 6
_ENDLESS = 1e4
_THREE = np.ones((3, 3), np.uint8)
_FINER = 1.5
_FULL = 0.88


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """What in a coarse contour is piece.

    ``sure``: beyond so many reaches of the belt, or ``sure_levels`` further than one, it is no belt for certain
    (``dark_sure`` reaches if hardly anything there is brighter); beyond ``faint`` reaches it is none within a piece;
    ``sure_share`` of its area must be, a quarter of that if it fills ``solid`` of its hull and is ``thick_mm`` thick.
    ``shadow_share``: the light a shadow may take; where less than ``dark_piece_share`` is not shadow, it is a dark
    piece. ``join_mm``: gaps that are closed, ``link_mm``: those closed where they are dark. ``seam_share`` and
    ``seam_mm``: a line thinner than that across so much of the width is a belt splice.
    """

    sure: float = 1.45
    sure_levels: float = 8.0
    dark_sure: float = 1.8
    faint: float = 0.55
    sure_share: float = 0.3
    solid: float = 0.8
    thick_mm: float = 14.0
    shadow_share: float = 0.45
    dark_piece_share: float = 0.35
    join_mm: float = 3.0
    link_mm: float = 9.0
    seam_share: float = 0.6
    seam_mm: float = 8.5


class Scene(NamedTuple):
    """A picture at half size (BGR), and what is known of the belt under it."""

    half: Mask
    plate: BeltPlate
    lanes: Picture


class _Masks(NamedTuple):
    """255 where a pixel is neither belt nor shadow (``bright``), no belt (``both``), no belt for certain (``sure``),
    neither belt nor shadow if it lies within a piece (``faint``).

    Where hardly anything is neither belt nor shadow it is a dark piece, and nothing is taken for shadow.
    """

    bright: Mask
    both: Mask
    sure: Mask
    faint: Mask


class Edges:
    """Draws outlines; lengths of the limits are turned into pixels of ``mm_per_px`` once."""

    def __init__(self, limits: EdgeLimits, mm_per_px: float, min_px: float) -> None:
        """``mm_per_px`` and ``min_px``, the least area of a piece, are those of the half-size picture."""
        self._limits = limits
        self._min_px = min_px
        self._join = _disc(limits.join_mm / mm_per_px)
        self._link = _disc(limits.link_mm / mm_per_px)
        self._seam = _disc(limits.seam_mm / mm_per_px)
        self._thick_px = limits.thick_mm / mm_per_px

    def outlines(self, scene: Scene, rough: Contour) -> Iterator[tuple[Box, Contour]]:
        """Outlines of the pieces inside one coarse contour, each from the corner of its box in the half-size
        picture."""
        x, y, w, h = cv2.boundingRect(rough)
        box = Box(2 * x, 2 * y, 2 * w, 2 * h)
        masks = self._masks(scene, rough, box)
        if masks is None:
            return
        refined = self._refined(masks)
        mask = self._without_seam(_sharpened(refined), scene.half.shape[1])
        for outline in self._together(mask, masks.sure, refined):
            if self._is_piece(outline, masks.sure):
                yield box, self._filled(outline, masks.faint)

    def _masks(self, scene: Scene, rough: Contour, box: Box) -> _Masks | None:
        """None where there is too little for a piece."""
        x, y, w, h = box.x // 2, box.y // 2, box.w // 2, box.h // 2
        known = cv2.add(scene.plate.known[y : y + h, x : x + w], scene.lanes[y : y + h, x : x + w])
        crop = toned(scene.half[box.y : box.y + box.h, box.x : box.x + box.w])
        strayed = cv2.subtract(crop, cv2.resize(known, (box.w, box.h), interpolation=cv2.INTER_NEAREST))
        region = np.zeros((box.h, box.w), np.uint8)
        cv2.drawContours(region, [2 * rough], 0, _PIECE, 2, offset=(-box.x, -box.y))
        cv2.drawContours(region, [2 * rough], 0, _PIECE, -1, offset=(-box.x, -box.y))
        reach = scene.plate.reach(x + w // 2)
        both = _beyond(strayed, *_bounds(reach, 1.0, 0.0, 0.0), region)
        if cv2.countNonZero(both) < self._min_px / 2:
            return None
        limits = self._limits
        shade = limits.shadow_share * float(known[h // 2, w // 2, 0])
        bright = _beyond(strayed, *_bounds(reach, 1.0, 0.0, shade), region)
        times, most = limits.sure, SUMMED * limits.sure_levels
        if cv2.countNonZero(bright) < limits.dark_piece_share * cv2.countNonZero(both):
            bright, shade, times, most = both, 0.0, limits.dark_sure, _ENDLESS
        sure = _beyond(strayed, *_bounds(reach, times, most, shade), region)
        if cv2.countNonZero(sure) < limits.sure_share / 8 * self._min_px:
            return None
        return _Masks(bright, both, sure, _beyond(strayed, *_bounds(reach, limits.faint, _ENDLESS, shade), region))

    def _refined(self, masks: _Masks) -> Mask:
        """What is neither belt nor shadow, and the dark between its parts."""
        bright = masks.bright
        if cv2.countNonZero(bright) < cv2.countNonZero(masks.both):
            linked = cv2.bitwise_and(cv2.morphologyEx(bright, cv2.MORPH_CLOSE, self._link), masks.both)
            bright = np.asarray(cv2.bitwise_or(bright, linked), np.uint8)
        return np.asarray(cv2.morphologyEx(bright, cv2.MORPH_CLOSE, self._join), np.uint8)

    def _filled(self, outline: Contour, faint: Mask) -> Contour:
        """With the bays that hardly differ from belt, but do: what lies within the hull of a piece is likely piece."""
        hull = cv2.convexHull(outline)
        if cv2.contourArea(outline) >= _FULL * cv2.contourArea(hull):
            return outline
        x, y, w, h = cv2.boundingRect(outline)
        inside, piece = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
        cv2.drawContours(inside, [hull], 0, _PIECE, -1, offset=(-x, -y))
        cv2.drawContours(piece, [outline], 0, _PIECE, -1, offset=(-x, -y))
        more = cv2.bitwise_or(piece, cv2.bitwise_and(inside, faint[y : y + h, x : x + w]))
        more = cv2.morphologyEx(cv2.morphologyEx(more, cv2.MORPH_CLOSE, self._join), cv2.MORPH_OPEN, _THREE)
        grown, _ = cv2.findContours(cv2.bitwise_or(more, piece), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        largest = max(grown, key=cv2.contourArea)
        return np.asarray(largest + np.array((x, y), np.int32), np.int32)

    def _without_seam(self, mask: Mask, width_px: int) -> Mask:
        """Lines thinner than a piece are wiped where one spans the belt: that is the splice."""
        if mask.shape[1] < self._limits.seam_share * width_px:
            return mask
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._seam), np.uint8)

    def _together(self, mask: Mask, sure: Mask, blurred: Mask) -> list[Contour]:
        """The outlines in one coarse contour: those that can stand alone, else what is close together, else all."""
        outlines = self._outlined(mask)
        if len(outlines) < 2:
            return outlines
        alone = [one for one in outlines if self._stands_alone(one, sure)]
        if len(alone) > 1:
            return self._strung(mask, blurred, alone)
        linked = self._outlined(np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._link), np.uint8))
        areas = [cv2.contourArea(one) for one in linked]
        if not linked or max(areas) >= _MOST_OF_IT * sum(areas):
            return [linked[int(np.argmax(areas))]] if linked else alone
        hull = np.asarray(cv2.convexHull(np.concatenate(outlines)), np.int32)
        return [hull] if sum(areas) >= _HULL_SHARE * cv2.contourArea(hull) else linked

    def _strung(self, mask: Mask, blurred: Mask, alone: list[Contour]) -> list[Contour]:
        """What hangs together by strands too thin to be sharpened is one piece: the bare ends of a cable."""
        strands = cv2.subtract(blurred, cv2.dilate(mask, _THREE))
        if cv2.countNonZero(strands) < self._min_px:
            return alone
        strung = cv2.morphologyEx(cv2.bitwise_or(mask, strands), cv2.MORPH_CLOSE, _THREE)
        joined = [one for one in self._outlined(np.asarray(strung, np.uint8)) if cv2.contourArea(one) >= self._min_px]
        return joined if 0 < len(joined) < len(alone) else alone

    def _outlined(self, mask: Mask) -> list[Contour]:
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return [np.asarray(c, np.int32) for c in contours if cv2.contourArea(c) >= self._min_px / 4]

    def _stands_alone(self, outline: Contour, sure: Mask) -> bool:
        area = cv2.contourArea(outline)
        return area >= _ALONE * self._min_px and _inside(outline, sure) >= _ALONE_SHARE * area

    def _is_piece(self, outline: Contour, sure: Mask) -> bool:
        """Large enough, and either surely no belt in good part or, if faint, of a thick and compact shape."""
        area = cv2.contourArea(outline)
        if area < self._min_px:
            return False
        certain = _inside(outline, sure)
        if certain >= self._limits.sure_share * area * (1 if area >= _SMALL * self._min_px else _SMALL_SURER):
            return True
        if certain < self._limits.sure_share / 4 * area or min(cv2.minAreaRect(outline)[1]) < self._thick_px:
            return False
        return area >= self._limits.solid * cv2.contourArea(cv2.convexHull(outline))


def _bounds(reach: Reach, times: float, most: float, shade: float) -> tuple[Triple, Triple]:
    """Least and largest straying of belt: so many reaches, but at most ``most`` beyond one; shadows are belt."""
    (b0, b1, b2), (a0, a1, a2) = reach
    b1, b2, a1, a2 = _FINER * b1, _FINER * b2, _FINER * a1, _FINER * a2
    if times != 1:
        b0, b1, b2, a0, a1, a2 = (min(times * side, side + most) for side in (b0, b1, b2, a0, a1, a2))
    return (-max(b0, shade), -b1, -b2), (a0, a1, a2)


def _beyond(strayed: cv2.typing.MatLike, low: Triple, high: Triple, region: Mask) -> Mask:
    """255 where a pixel of the region strays further than that."""
    return np.asarray(cv2.subtract(region, cv2.inRange(strayed, low, high)), np.uint8)


def _sharpened(mask: Mask) -> Mask:
    """Without the pixel by which the blur widens everything, unless that takes most of it."""
    sharp = np.asarray(cv2.erode(mask, _THREE), np.uint8)
    return sharp if cv2.countNonZero(sharp) >= _SHARP_SHARE * cv2.countNonZero(mask) else mask


def _inside(outline: Contour, mask: Mask) -> int:
    """How many pixels of the mask lie in the outline."""
    x, y, w, h = cv2.boundingRect(outline)
    inside = np.zeros((h, w), np.uint8)
    cv2.drawContours(inside, [outline], 0, _PIECE, -1, offset=(-x, -y))
    return cv2.countNonZero(cv2.bitwise_and(inside, mask[y : y + h, x : x + w]))


def _disc(diameter_px: float) -> NDArray[np.uint8]:
    size = max(3, round(diameter_px) | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
