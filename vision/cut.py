"""Cuts an outline that is several pieces lying against each other, from dent to dent.

Two pieces that touch leave a dent at either end of the line along which they touch. Bent shreds have dents too, so
every possible cut is weighed: how short it is, how sharp its dents are, how much of their convex hulls the parts fill,
and whether the picture shows two colours or a dark line along all of it. The weights were fitted to outlines that the
finder drew around single pieces and around several, rendered and real, and to bent strips and plates of one colour.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import atan2, hypot, log, pi, tau
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Contour = NDArray[np.int32]
Picture = NDArray[np.uint8]
Point = tuple[int, int]
Colour = Sequence[int]

_SMOOTH = 0.015
_SMOOTH_LONG = 0.004
_MOST_DENTS = 8
_FAR_CORNERS = 3
_ALONE_DENTS = 3
_SMALLEST = 0.15
_INSIDE = (0.2, 0.35, 0.5, 0.65, 0.8)
_LINES = 5
_LINE_PX = 0.75
_COLUMNS = 16
_QUARTERS = 4
_FROM_END = 0.15
_LEAST_LEVELS = 20.0
_UNSEEN = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class CutWeights:
    """What a cut's score is the weighted sum of, each between bounds.

    ``length``: log of its length over the root of the smaller part's area. ``sharp``: the smaller of the angles that
    the outline leaves open at its ends, radians. ``solid``: share of its convex hull that the whole fills. ``gain``:
    share of their convex hulls that the parts fill in addition. ``small``: log of the smaller part over the whole.
    ``step``: brightness changes across the cut, in three of its four quarters, over the brightness; ``colour``: so
    does the share of one colour. ``dark``: by how much the middle is darker than either side.
    """

    length: float = -1.94
    sharp: float = -2.69
    solid: float = 11.3
    gain: float = 25.6
    small: float = 2.92
    step: float = 4.07
    colour: float = 5.4
    dark: float = 2.6
    constant: float = -3.45


@dataclass(frozen=True, slots=True)
class CutLimits:
    """When a cut is made.

    ``score`` above which it is, ``doubt`` above which it might be. ``dent``: least depth of a dent over the root of the
    area. ``least``: smallest part over the whole. ``long``: longest cut over the smaller part's root of area.
    ``most_parts`` of one outline, ``tries``: how many cuts of one part are looked at closely.
    """

    score: float = 0.85
    doubt: float = -0.3
    dent: float = 0.03
    least: float = 0.04
    long: float = 1.3
    most_parts: int = 6
    tries: int = 5
    weights: CutWeights = field(default_factory=CutWeights)


class _Cut(NamedTuple):
    score: float
    parts: tuple[Contour, Contour]


class Parts(NamedTuple):
    """What an outline falls into; ``doubted`` where a further cut is nearly as likely."""

    outlines: list[Contour]
    doubted: list[bool]


class _Way(NamedTuple):
    """Where a cut may go, from corner to corner: its score so far, and the area on one side."""

    score: float
    first: int
    second: int
    inner_px: float


class _Shape(NamedTuple):
    """A smooth outline: its corners, twice the area swept up to each, the corners of dents, the deepest first."""

    outline: Contour
    corners: list[Point]
    swept: list[int]
    dents: list[int]
    area: float
    solid: float


def cut_apart(outline: Contour, picture: Picture | None, least_px: float, limits: CutLimits) -> Parts:
    """The pieces in an outline, int32 (n, 1, 2) in pixels of the BGR picture, each at least ``least_px`` large; the
    outline alone where no cut is worth it. Without a picture only the shape counts."""
    coarse_px = max(_SMOOTH * cv2.contourArea(outline) ** 0.5, _SMOOTH_LONG * cv2.arcLength(outline, closed=True))
    smooth = cv2.approxPolyDP(outline, coarse_px, closed=True)
    open_, done = [np.asarray(smooth, np.int32)], Parts([], [])
    while open_:
        one = open_.pop()
        cut = _best_cut(one, picture, least_px, limits)
        may = len(open_) + len(done.outlines) + 1 < limits.most_parts
        if cut is not None and cut.score >= limits.score and may:
            open_.extend(cut.parts)
        else:
            done.outlines.append(one)
            done.doubted.append(cut is not None and cut.score >= limits.doubt)
    return done if len(done.outlines) > 1 else Parts([outline], done.doubted)


def _best_cut(outline: Contour, picture: Picture | None, least_px: float, limits: CutLimits) -> _Cut | None:
    shape = _shape(outline, limits.dent)
    if not shape.dents:
        return None
    likely = heapq.nlargest(limits.tries, _ways(shape, least_px, limits))
    cuts = (_cut(shape, way, picture, limits.weights) for way in likely)
    return max((cut for cut in cuts if cut is not None), key=lambda cut: cut.score, default=None)


def _shape(outline: Contour, dent: float) -> _Shape:
    corners: list[Point] = [(int(x), int(y)) for x, y in outline[:, 0].tolist()]
    swept = [0]
    for here, following in zip(corners, corners[1:] + corners[:1], strict=True):
        swept.append(swept[-1] + _cross(here, following))
    area = max(abs(swept[-1]) / 2, 1.0)
    hull = cv2.convexHull(outline, returnPoints=False)
    return _Shape(outline, corners, swept, _dents(outline, hull, dent * area**0.5), area, area / _hull_px(outline))


def _dents(outline: Contour, hull: NDArray[np.int32] | cv2.typing.MatLike, least_px: float) -> list[int]:
    """Corners at the bottom of the deepest dents."""
    if len(outline) <= len(hull):
        return []
    try:
        dents = cv2.convexityDefects(outline, hull)
    except cv2.error:
        return []
    rows = [] if dents is None else dents.reshape(-1, 4).tolist()
    deep = sorted((row for row in rows if row[3] / 256 >= least_px), key=lambda row: -row[3])
    return [int(row[2]) for row in deep[:_MOST_DENTS]]


def _ends(shape: _Shape) -> Iterator[tuple[int, int]]:
    """Between which corners a cut may go: from dent to dent, and from the deepest to the corners nearest to
    them."""
    corners, many = shape.corners, len(shape.corners)
    yield from combinations(sorted(shape.dents), 2)
    for dent in shape.dents[:_ALONE_DENTS]:
        x, y = corners[dent]
        across = sorted(
            ((u - x) ** 2 + (v - y) ** 2, k)
            for k, (u, v) in enumerate(corners)
            if 2 <= abs(k - dent) <= many - 2 and k not in shape.dents
        )
        for _apart_px, corner in across[:_FAR_CORNERS]:
            yield min(dent, corner), max(dent, corner)


def _ways(shape: _Shape, least_px: float, limits: CutLimits) -> Iterator[_Way]:
    """All cuts that are short enough and leave enough, with what speaks for them before anything costly is asked."""
    weights = limits.weights
    always = weights.constant + weights.solid * shape.solid
    least_px = max(limits.least * shape.area, least_px)
    for first, second in _ends(shape):
        start, end = shape.corners[first], shape.corners[second]
        inner_px = abs(shape.swept[second] - shape.swept[first] + _cross(end, start)) / 2
        small_px, length = min(inner_px, shape.area - inner_px), _apart(start, end)
        if small_px < least_px or not 1 <= length <= limits.long * small_px**0.5:
            continue
        score = weights.length * log(length / small_px**0.5)
        score += weights.small * log(min(_SMALLEST, small_px / shape.area))
        score += weights.sharp * min(pi, _opening(shape, first), _opening(shape, second))
        yield _Way(always + score, first, second, inner_px)


def _opening(shape: _Shape, corner: int) -> float:
    """How wide the outline is open at a corner, seen from outside: less than half a turn in a dent, radians."""
    (x, y), (u, v) = shape.corners[corner], shape.corners[corner - 1]
    s, t = shape.corners[(corner + 1) % len(shape.corners)]
    turned = atan2(t - y, s - x) - atan2(v - y, u - x)
    return (turned if shape.swept[-1] > 0 else -turned) % tau


def _cut(shape: _Shape, way: _Way, picture: Picture | None, weights: CutWeights) -> _Cut | None:
    """The cut between two corners, weighed; None where it leaves the outline."""
    start, end = shape.corners[way.first], shape.corners[way.second]
    if not _lies_inside(shape.outline, start, end):
        return None
    inner = shape.outline[way.first : way.second + 1]
    outer = np.concatenate((shape.outline[way.second :], shape.outline[: way.first + 1]))
    step, colour, dark = _UNSEEN if picture is None else _seen(picture, start, end)
    gain = shape.area / (_hull_px(inner) + _hull_px(outer)) - shape.solid
    score = (
        way.score
        + weights.gain * _between(-0.2, gain, 0.2)
        + weights.step * _between(-0.5, step, 0.6)
        + weights.colour * _between(0.0, colour, 0.3)
        + weights.dark * _between(-0.2, dark, 0.6)
    )
    return _Cut(score, (inner, outer))


def _seen(picture: Picture, start: Point, end: Point) -> tuple[float, float, float]:
    """What the picture shows along a cut: the step, the change of colour and the dark line of ``CutWeights``."""
    along = end[0] - start[0], end[1] - start[1]
    length = hypot(*along)
    right, down = -along[1] / length * _LINE_PX, along[0] / length * _LINE_PX
    pace, lines = (1 - 2 * _FROM_END) / (_COLUMNS - 1), 3 * _LINES
    x = start[0] + _FROM_END * along[0] - (lines - 1) / 2 * right
    y = start[1] + _FROM_END * along[1] - (lines - 1) / 2 * down
    turn = np.array([[along[0] * pace, right, x], [along[1] * pace, down, y]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(picture, turn, (_COLUMNS, lines), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    one, middle, other = cv2.resize(strip, (_QUARTERS, 3), interpolation=cv2.INTER_AREA).tolist()
    return _compared(one, middle, other)


def _compared(one: list[Colour], middle: list[Colour], other: list[Colour]) -> tuple[float, float, float]:
    """From the colours in each quarter of a cut, on one side, in the middle, and on the other side."""
    sums = [[sum(quarter[channel] for quarter in side) for channel in range(3)] for side in (one, other)]
    change = [b - a for a, b in zip(*sums, strict=True)]
    size = max(hypot(*change), 1e-6)
    steps = sorted(
        sum((b - a) * c for a, b, c in zip(*pair, change, strict=True)) / size for pair in zip(one, other, strict=True)
    )
    darker = sorted(min(sum(a), sum(b)) - sum(m) for a, m, b in zip(one, middle, other, strict=True))
    totals = [max(sum(side), 1) for side in sums]
    levels = max(*totals, 3 * _QUARTERS * _LEAST_LEVELS) / (3 * _QUARTERS)
    colour = max(abs(a / totals[0] - b / totals[1]) for a, b in zip(*sums, strict=True))
    return steps[1] / levels, 3 * colour, darker[1] / (3 * levels)


def _lies_inside(outline: Contour, start: Point, end: Point) -> bool:
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    return all(
        cv2.pointPolygonTest(outline, (x + share * dx, y + share * dy), measureDist=False) >= 0 for share in _INSIDE
    )


def _hull_px(outline: Contour) -> float:
    return max(cv2.contourArea(cv2.convexHull(outline)), 1.0)


def _cross(one: Point, other: Point) -> int:
    return one[0] * other[1] - one[1] * other[0]


def _apart(one: Point, other: Point) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])


def _between(least: float, value: float, most: float) -> float:
    return min(most, max(least, value))
