"""What a jet covers: pieces as spans of the belt, lanes as intervals across it, shares of area.

Along the belt everything is counted in ticks relative to the piece that is shot at, growing upstream, so that no result
depends on where the encoder stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from control.types import Ejector
from vision.types import Piece, Strip

_LARGE_PART = 0.25


class Span(NamedTuple):
    """Material between ``left_mm`` and ``right_mm`` that passes a line across the belt from ``first`` to ``last``."""

    left_mm: float
    right_mm: float
    first: float
    last: float

    @property
    def area(self) -> float:
        """In millimetres times ticks."""
        return max(0.0, self.right_mm - self.left_mm) * max(0.0, self.last - self.first)


class Jet(NamedTuple):
    """Air (or a pusher, a flap) of ``lanes`` that acts on the belt from ``first`` to ``last``."""

    lanes: tuple[Ejector, ...]
    first: float
    last: float


def spans_of(piece: Piece, ticks_per_mm: float, origin: int) -> tuple[Span, ...]:
    """The piece's true outline, or its box where no outline is known; ``origin`` is tick 0 of the result."""
    half_mm = piece.length_mm / 2
    strips = piece.outline or (Strip(piece.left_mm, piece.right_mm, -half_mm, half_mm),)
    centre = piece.at - origin
    return tuple(
        Span(s.left_mm, s.right_mm, centre - s.front_mm * ticks_per_mm, centre - s.rear_mm * ticks_per_mm)
        for s in strips
    )


def bounds(spans: Sequence[Span]) -> tuple[float, float]:
    """From the first to the last tick of any of them."""
    return min(span.first for span in spans), max(span.last for span in spans)


def lanes_under(
    spans: Sequence[Span], lanes: Iterable[Ejector], overlap_mm: float, share: float
) -> tuple[Ejector, ...]:
    """Lanes that the outline reaches into over ``overlap_mm`` across with at least ``share`` of its area.

    A quarter of its area is enough however narrow it is.
    Where no lane holds that much, the one that holds most; none when the piece lies beside them all.
    """
    whole = sum(span.area for span in spans)
    held = [(lane, _across(spans, lane), _area(spans, lane)) for lane in lanes]
    found = tuple(
        lane
        for lane, across, area in held
        if area > 0 and ((across >= overlap_mm and area >= share * whole) or area >= _LARGE_PART * whole)
    )
    if found:
        return found
    best = max(held, key=lambda one: (one[2], one[0].left_mm), default=None)
    return (best[0],) if best is not None and best[2] > 0 else ()


def under(spans: Sequence[Span], jet: Jet, spill_mm: float) -> tuple[Span, ...]:
    """The parts of the spans that lie across from the jet's lanes, wherever they are along the belt."""
    cut = (
        span._replace(left_mm=max(span.left_mm, left), right_mm=min(span.right_mm, right))
        for left, right in _joined(jet.lanes, spill_mm)
        for span in spans
    )
    return tuple(span for span in cut if span.right_mm > span.left_mm)


def share_hit(spans: Sequence[Span], jet: Jet, reach: float, spill_mm: float) -> float:
    """Share 0..1 of the outline's area that the jet covers, when it reaches so far beyond its edges."""
    whole = sum(span.area for span in spans)
    hit = sum(
        span._replace(first=max(span.first, jet.first - reach), last=min(span.last, jet.last + reach)).area
        for span in under(spans, jet, spill_mm)
    )
    return hit / whole if whole else 0.0


def _joined(lanes: Iterable[Ejector], spill_mm: float) -> list[tuple[float, float]]:
    """Intervals across the belt, none counted twice where neighbouring jets spill into each other."""
    joined: list[tuple[float, float]] = []
    for lane in sorted(lanes, key=lambda lane: lane.left_mm):
        left, right = lane.left_mm - spill_mm, lane.right_mm + spill_mm
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(right, joined[-1][1]))
        else:
            joined.append((left, right))
    return joined


def _across(spans: Iterable[Span], lane: Ejector) -> float:
    return sum(max(0.0, min(s.right_mm, lane.right_mm) - max(s.left_mm, lane.left_mm)) for s in spans)


def _area(spans: Iterable[Span], lane: Ejector) -> float:
    return sum(
        s._replace(left_mm=max(s.left_mm, lane.left_mm), right_mm=min(s.right_mm, lane.right_mm)).area for s in spans
    )
