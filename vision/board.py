"""The ChArUco board: what it looks like, where it is seen, and from that where every pixel lies on the belt.

The board lies on the belt twice, the belt having moved in between: the way from one place to the other shows the
direction of travel exactly, however crookedly the board was laid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.geometry import Geometry, Matrix

COLUMNS, ROWS = 8, 5
SQUARE_PX = 90
_MARKER_SHARE = 66 / SQUARE_PX
_FEWEST_CORNERS = 12
_ROUNDS = 30
_SHORTEST_MOVE_SQUARES = 0.8

Points = NDArray[np.float64]


class BoardRefused(Exception):  # noqa: N818 - refused things are named as facts
    """No geometry can be made of these pictures; the text says why and what to do."""


class BoardSeen(NamedTuple):
    """Inner corners of the board in one picture: numbers, and places in pixels (pixel (x, y) covers x to x + 1)."""

    ids: tuple[int, ...]
    corners_px: tuple[tuple[float, float], ...]


class Misfit(NamedTuple):
    """A corner in the picture, and by how much the geometry misses it, in millimetres on the belt."""

    x_px: float
    y_px: float
    across_mm: float
    downstream_mm: float


class BoardFit(NamedTuple):
    """``mm_per_px`` is the scale in the middle of the picture, ``scale_spread`` by what share it differs over the
    picture, ``turned_deg`` how crookedly the board lay, ``moved_mm`` how far the belt went between the pictures."""

    to_belt: Matrix
    mm_per_px: float
    scale_spread: float
    residual_mm: float
    worst_mm: float
    turned_deg: float
    moved_mm: float
    misfits: tuple[Misfit, ...]


def board_image() -> NDArray[np.uint8]:
    """The chequered field, uint8 (ROWS, COLUMNS) squares of SQUARE_PX, every module on whole pixels."""
    return np.asarray(_board().generateImage((COLUMNS * SQUARE_PX, ROWS * SQUARE_PX), None, 0, 1), np.uint8)


def find_board(image: NDArray[np.uint8]) -> BoardSeen | None:
    """The board in a picture (h, w, 3) BGR, None when too little of it is seen."""
    corners, ids, _, _ = cv2.aruco.CharucoDetector(_board()).detectBoard(image)
    if corners is None or ids is None or len(ids) < _FEWEST_CORNERS:
        return None
    places = np.asarray(corners, np.float64).reshape(-1, 2) + 0.5
    numbers = tuple(int(number) for number in np.asarray(ids).ravel())
    return BoardSeen(numbers, tuple((float(x), float(y)) for x, y in places))


def fit_belt(
    first: BoardSeen,
    second: BoardSeen,
    square_mm: float,
    left_mm: float,
    datum_px: tuple[float, float],
    size_px: tuple[int, int],
) -> BoardFit:
    """The geometry from two sights of a board with squares of ``square_mm``, the belt having moved on in between.

    The upper left corner of the chequered field lay ``left_mm`` from the belt's left edge; ``datum_px`` is a point of
    the datum line in a picture of ``size_px`` (width, height). Raises BoardRefused.
    """
    seen, targets = _corners(first), _targets(first, square_mm)
    later, later_targets = _corners(second), _targets(second, square_mm)
    matrix = _homography(seen, targets)
    moved = np.mean(_mapped(matrix, later) - later_targets, axis=0)
    if float(np.hypot(*moved)) < _SHORTEST_MOVE_SQUARES * square_mm:
        raise BoardRefused(
            "The board has hardly moved between the two pictures: turn the belt on by about a hand and take it again."
        )
    every = np.concatenate([seen, later])
    for _ in range(_ROUNDS):
        matrix = _homography(every, np.concatenate([targets, later_targets + moved]))
        moved = np.mean(_mapped(matrix, later) - later_targets, axis=0)
    misses = _mapped(matrix, every) - np.concatenate([targets, later_targets + moved])
    turned = math.atan2(moved[0], moved[1])
    placed = _placed(_rotation(turned) @ matrix, left_mm, datum_px)
    return _told(placed, every, misses @ _rotation(turned)[:2, :2].T, math.degrees(turned), moved, size_px)


def downstream_per_px(geometry: Geometry) -> tuple[float, float]:
    """How many millimetres downstream one pixel to the right and one pixel down is, in the middle of the picture."""
    x, y = geometry.width_px / 2, geometry.height_px / 2
    matrix = np.array(geometry.to_belt)
    places = _mapped(matrix, np.array([[x, y], [x + 1, y], [x, y + 1]]))
    return float(places[1, 1] - places[0, 1]), float(places[2, 1] - places[0, 1])


def _told(
    matrix: Points, every: Points, misses: Points, turned_deg: float, moved: Points, size_px: tuple[int, int]
) -> BoardFit:
    width, height = size_px
    places = [(width / 2, height / 2), (0, 0), (width, 0), (0, height), (width, height)]
    scales = [_mm_per_px(matrix, x, y) for x, y in places]
    lengths = np.hypot(misses[:, 0], misses[:, 1])
    (a, b, c), (d, e, f), (g, h, i) = (matrix / matrix[2, 2]).tolist()
    return BoardFit(
        to_belt=((a, b, c), (d, e, f), (g, h, i)),
        mm_per_px=scales[0],
        scale_spread=(max(scales) - min(scales)) / scales[0],
        residual_mm=float(np.sqrt(np.mean(lengths**2))),
        worst_mm=float(lengths.max()),
        turned_deg=turned_deg,
        moved_mm=float(np.hypot(*moved)),
        misfits=tuple(Misfit(*map(float, row)) for row in np.column_stack([every, misses])),
    )


@cache
def _board() -> cv2.aruco.CharucoBoard:
    words = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return cv2.aruco.CharucoBoard((COLUMNS, ROWS), 1.0, _MARKER_SHARE, words)


def _corners(seen: BoardSeen) -> Points:
    return np.array(seen.corners_px, np.float64)


def _targets(seen: BoardSeen, square_mm: float) -> Points:
    """Where these corners lie on the board, from its upper left corner, right and down."""
    every = np.asarray(_board().getChessboardCorners(), np.float64)
    return np.asarray(every[list(seen.ids), :2] * square_mm)


def _homography(seen: Points, targets: Points) -> Points:
    matrix, _ = cv2.findHomography(seen, targets)
    if matrix is None:
        raise BoardRefused("The board cannot be placed: lay it flat and wholly into the picture.")
    return np.asarray(matrix, np.float64)


def _mapped(matrix: Points, places: Points) -> Points:
    return np.asarray(cv2.perspectiveTransform(places.reshape(-1, 1, 2), matrix), np.float64).reshape(-1, 2)


def _rotation(angle: float) -> Points:
    """Turns the way (sin, cos) of the belt into (0, 1)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _placed(matrix: Points, left_mm: float, datum_px: tuple[float, float]) -> Points:
    """Shifted so that the board's corner lies at ``left_mm`` across and the datum line at 0 downstream."""
    datum_mm = _mapped(matrix, np.array([datum_px]))[0, 1]
    return np.array([[1.0, 0.0, left_mm], [0.0, 1.0, -datum_mm], [0.0, 0.0, 1.0]]) @ matrix


def _mm_per_px(matrix: Points, x: float, y: float) -> float:
    """Square root of the area of a pixel: the Jacobian of a homography is det / scale cubed."""
    scale = float(matrix[2] @ (x, y, 1.0))
    return math.sqrt(abs(float(np.linalg.det(matrix)) / scale**3))


def mean_corners(sights: Sequence[BoardSeen]) -> BoardSeen:
    """What several pictures of a board at rest show together: corners that all of them show, each at its mean."""
    common = set(sights[0].ids).intersection(*(sight.ids for sight in sights[1:]))
    found = [dict(zip(sight.ids, sight.corners_px, strict=True)) for sight in sights]
    ids = tuple(sorted(common))
    if len(ids) < _FEWEST_CORNERS:
        raise BoardRefused("The board is seen only now and then: light it evenly and keep it wholly in the picture.")
    means = [np.mean([places[number] for places in found], axis=0) for number in ids]
    return BoardSeen(ids, tuple((float(x), float(y)) for x, y in means))
