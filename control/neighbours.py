"""Neighbours that must not be hit: a shot is trimmed around them or not fired, whichever mistake is cheaper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from control.outline import Jet, Span, bounds, share_hit, under


@dataclass(frozen=True, slots=True)
class JetSettings:
    """What a jet does beyond its edges. It reaches ``reach_mm`` along the belt and ``spill_mm`` across.

    A neighbour is hit when more than ``graze`` of it lies in the jet (one that must never be hit: anything at all);
    the piece itself flies when at least ``enough`` of it does.
    """

    reach_mm: float = 7.0
    spill_mm: float = 2.0
    graze: float = 0.12
    enough: float = 0.75


class Bystander(NamedTuple):
    """Another piece on the belt; ``harm`` is what hitting it would cost, infinite when it must never happen."""

    spans: tuple[Span, ...]
    harm: float


class Reach(NamedTuple):
    """How far the jet works beyond its window, ticks: ``before`` its first, ``after`` its last; ``shortest`` window."""

    before: float
    after: float
    shortest: float


def spare(
    jet: Jet, own: Sequence[Span], bystanders: Iterable[Bystander], gain: float, reach: Reach, settings: JetSettings
) -> Jet | None:
    """The jet, trimmed so that nobody is hit whose harm exceeds what the shot gains; None when passing is cheaper."""
    threatened = sorted((b for b in bystanders if is_hit(b, jet, reach, settings)), key=lambda b: -b.harm)
    for spared in range(len(threatened), -1, -1):
        risk = sum(bystander.harm for bystander in threatened[spared:])
        if risk > 0 and risk >= gain:
            return None
        trimmed = _trim(jet, own, threatened[:spared], reach, settings)
        if trimmed is not None:
            return trimmed
    return None


def is_hit(bystander: Bystander, jet: Jet, reach: Reach, settings: JetSettings) -> bool:
    """True when the jet would move this neighbour."""
    widened = jet._replace(first=jet.first - reach.before, last=jet.last + reach.after)
    share = share_hit(bystander.spans, widened, 0.0, settings.spill_mm)
    return share > (0.0 if bystander.harm == math.inf else settings.graze)


def _trim(
    jet: Jet, own: Sequence[Span], threatened: Iterable[Bystander], reach: Reach, settings: JetSettings
) -> Jet | None:
    """Around one neighbour after the other, each time keeping most of the piece; None when too little is left."""
    for bystander in threatened:
        if not is_hit(bystander, jet, reach, settings):
            continue
        ways = _ways_around(bystander, jet, reach, settings)
        best = max(ways, key=lambda way: share_hit(own, way, 0.0, settings.spill_mm), default=None)
        if best is None or share_hit(own, best, 0.0, settings.spill_mm) < settings.enough:
            return None
        jet = best
    return jet


def _ways_around(bystander: Bystander, jet: Jet, reach: Reach, settings: JetSettings) -> list[Jet]:
    """Close before it, open after it, or leave out the lanes it lies under."""
    first, last = bounds(under(bystander.spans, jet, settings.spill_mm))
    lanes = tuple(
        lane for lane in jet.lanes if not under(bystander.spans, jet._replace(lanes=(lane,)), settings.spill_mm)
    )
    ways = [
        jet._replace(last=min(jet.last, first - reach.after - 1)),
        jet._replace(first=max(jet.first, last + reach.before + 1)),
        jet._replace(lanes=lanes),
    ]
    return [way for way in ways if way.lanes and way.last - way.first >= reach.shortest]
