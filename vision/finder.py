"""Finds what is not belt: a coarse difference against the learnt belt, then outlines at half size in each box."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.belt_plate import BeltPlate, Picture, Tolerance, toned
from vision.clump import ClumpLimits, parts_of
from vision.edges import EdgeLimits, Edges, Scene
from vision.types import Blob, Box

Mask = NDArray[np.uint8]
Contour = NDArray[np.int32]

_PIECE = 255
_FAR_LARGER = 0.15
_AROUND_PX = 9
_SURE_SHARE = 0.1
_GROWN = 2.0


@dataclass(frozen=True, slots=True)
class FinderSettings:
    """What counts as a piece.

    ``crowd`` of ``grow_px`` x ``grow_px`` pixels of a picture a quarter the size must be no belt. A pixel is no belt
    when it strays further than the tails of the belt reach, at least ``min_contrast`` and ``min_colour`` levels, at
    most ``max_contrast`` and ``max_colour``; a lane is as bright as ``lane_mm`` of it are. ``min_area_mm2``: smaller
    things are dust. ``learn_weight``: share by which one picture moves the known belt. ``left_px``, ``right_px`` bound
    the belt, None: the edge. ``lane_light``: how bright lanes of equal width are, 1 the normal (``FlatField``): darker
    lanes are asked for less contrast.
    """

    mm_per_px: float = 0.625
    lane_mm: float = 200.0
    min_contrast: float = 6.0
    min_colour: float = 0.45
    max_contrast: float = 45.0
    max_colour: float = 9.0
    grow_px: int = 5
    crowd: int = 4
    min_area_mm2: float = 60.0
    learn_weight: float = 0.02
    left_px: int = 0
    right_px: int | None = None
    lane_light: tuple[float, ...] | None = None
    edges: EdgeLimits = field(default_factory=EdgeLimits)
    clump: ClumpLimits = field(default_factory=ClumpLimits)


class _Shrunk(NamedTuple):
    """The belt at half size (BGR) and at a quarter (YCrCb): means over pixels, which hold much less noise."""

    half: Mask
    coarse: Picture


class Finder:
    """Finds pieces in BGR uint8 pictures (h, w, 3), all of one size; the first picture teaches it the belt."""

    def __init__(self, settings: FinderSettings) -> None:
        cv2.setNumThreads(1)
        self._settings = settings
        self._plate: BeltPlate | None = None
        self._min_px = settings.min_area_mm2 / (2 * settings.mm_per_px) ** 2
        self._edges = Edges(settings.edges, 2 * settings.mm_per_px, self._min_px)
        self._least_place = _GROWN * self._min_px / 4
        self._grow = (settings.grow_px, settings.grow_px)
        self._crowd = _PIECE * (settings.crowd - 0.5) / settings.grow_px**2

    def learn(self, image: NDArray[np.uint8]) -> None:
        """Follow slow changes of belt and light, about 1 ms. Call it per distance of belt travelled, not per time:
        a belt that stands with pieces on it would be learnt with them.
        """
        coarse = self._shrunk(image).coarse
        plate = self._known(coarse)
        lanes = plate.lanes(coarse)
        self._learn(coarse, lanes, self._rough(coarse, lanes))

    def find(self, image: NDArray[np.uint8]) -> tuple[Blob, ...]:
        """Everything on the belt, in pixels of the picture."""
        shrunk = self._shrunk(image)
        lanes = self._known(shrunk.coarse).lanes(shrunk.coarse)
        return self._blobs(shrunk, lanes, self._rough(shrunk.coarse, lanes))

    def follow(self, image: NDArray[np.uint8]) -> tuple[Blob, ...]:
        """``find`` and ``learn`` in one, which costs less than both."""
        shrunk = self._shrunk(image)
        lanes = self._known(shrunk.coarse).lanes(shrunk.coarse)
        rough = self._rough(shrunk.coarse, lanes)
        blobs = self._blobs(shrunk, lanes, rough)
        self._learn(shrunk.coarse, lanes, rough)
        return blobs

    def _shrunk(self, image: NDArray[np.uint8]) -> _Shrunk:
        belt = image[:, self._settings.left_px : self._settings.right_px]
        half = cv2.resize(belt, (belt.shape[1] // 2, belt.shape[0] // 2), interpolation=cv2.INTER_AREA)
        coarse = cv2.resize(half, (half.shape[1] // 2, half.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return _Shrunk(np.asarray(half, np.uint8), toned(coarse))

    def _known(self, coarse: Picture) -> BeltPlate:
        if self._plate is None:
            settings = self._settings
            lane_px = max(3, round(settings.lane_mm / settings.mm_per_px / 4) | 1)
            levels = (settings.min_contrast, settings.min_colour, settings.max_contrast, settings.max_colour)
            self._plate = BeltPlate(coarse, Tolerance(*levels, lane_px, settings.lane_light or (1.0,)))
        return self._plate

    def _rough(self, coarse: Picture, lanes: Picture) -> list[Contour]:
        """Coarse contours of places that may hold a piece."""
        foreign = self._known(coarse).foreign(coarse, lanes)
        _, crowded = cv2.threshold(cv2.boxFilter(foreign, -1, self._grow), self._crowd, _PIECE, cv2.THRESH_BINARY)
        contours, _ = cv2.findContours(crowded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return [np.asarray(contour, np.int32) for contour in contours]

    def _learn(self, coarse: Picture, lanes: Picture, rough: list[Contour]) -> None:
        """The belt under and around pieces is not learnt; what is far larger than a piece is no piece."""
        plate = self._known(coarse)
        pieces = [one for one in rough if self._is_surely_piece(one, plate, coarse, lanes)]
        covered = np.zeros(coarse.shape[:2], np.uint8)
        cv2.drawContours(covered, pieces, -1, _PIECE, _AROUND_PX)
        cv2.drawContours(covered, pieces, -1, _PIECE, -1)
        plate.learn(coarse, covered, self._settings.learn_weight)

    def _is_surely_piece(self, rough: Contour, plate: BeltPlate, coarse: Picture, lanes: Picture) -> bool:
        area = cv2.contourArea(rough)
        if not self._min_px / 4 <= area <= _FAR_LARGER * coarse.shape[0] * coarse.shape[1]:
            return False
        return plate.surely_foreign(coarse, lanes, Box(*cv2.boundingRect(rough))) >= _SURE_SHARE * area

    def _blobs(self, shrunk: _Shrunk, lanes: Picture, rough: list[Contour]) -> tuple[Blob, ...]:
        """A place is grown around what differs: one that holds the smallest piece has more than twice its area."""
        plate = self._known(shrunk.coarse)
        scene = Scene(shrunk.half, plate, lanes)
        return tuple(
            self._blob(part, touching, box)
            for contour in rough
            if cv2.contourArea(contour) >= self._least_place
            for box, outline in self._edges.outlines(scene, contour)
            for part, touching in parts_of(outline, self._min_px, self._settings.clump, shrunk.half[box.y :, box.x :])
        )

    def _blob(self, outline: Contour, touching: bool, box: Box) -> Blob:
        """In pixels of the picture: a pixel of half the size is two wide."""
        x, y, w, h = cv2.boundingRect(outline)
        corner = np.array((2 * box.x + self._settings.left_px, 2 * box.y), np.int32)
        contour = np.asarray(2 * outline + (2 * outline > (2 * x + w, 2 * y + h)) + corner, np.int32)
        return Blob(Box(*cv2.boundingRect(contour)), float(cv2.contourArea(contour)), contour, touching)
