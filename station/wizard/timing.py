"""Where a bank really is and how slow its valves really are, fitted from which shots hit and which missed.

A shot hits while it falls within some reach of the piece's middle. The middle of the hits over the offsets that were
tried is how far the settings are off; a wrong distance is off alike at every speed, a wrong delay in proportion to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_SOFT_MM = 2.5
_STEP_MM = 0.25
_REACHES_MM = tuple(range(3, 41))
_ALIKE = 0.12
_APART = 1.25
_DROP = 2.0
_LEAST_CHANCE = 0.01


class Shot(NamedTuple):
    """``offset_mm`` downstream of the piece's middle if the settings were right."""

    offset_mm: float
    speed_mm_s: float
    hit: bool


class Middle(NamedTuple):
    """Of the shots at about one speed: the offset that hits best, its standard deviation, how far hits reach, how many
    shots do not fit that."""

    offset_mm: float
    sd_mm: float
    reach_mm: float
    speed_mm_s: float
    shots: int
    odd: int


class TimingFit(NamedTuple):
    """What to add to distance and delay. ``has_both``: two speeds were tried, else everything is put onto the delay.
    ``residual_mm`` is the doubt in where a shot falls at these speeds."""

    distance_mm: float
    delay_ms: float
    residual_mm: float
    has_both: bool
    middles: tuple[Middle, ...]


def fit_timing(shots: Sequence[Shot]) -> TimingFit | None:
    """None while no group of shots of about one speed has hits with misses on both sides."""
    middles = [middle for group in _by_speed(shots) if (middle := fit_middle(group)) is not None]
    if not middles:
        return None
    slow, fast = min(middles, key=lambda m: m.speed_mm_s), max(middles, key=lambda m: m.speed_mm_s)
    residual = math.sqrt(sum(middle.sd_mm**2 for middle in middles) / len(middles))
    if fast.speed_mm_s < _APART * slow.speed_mm_s:
        best = min(middles, key=lambda middle: middle.sd_mm)
        return TimingFit(0.0, -1000 * best.offset_mm / best.speed_mm_s, residual, False, tuple(middles))
    slope = (fast.offset_mm - slow.offset_mm) / (fast.speed_mm_s - slow.speed_mm_s)
    distance = slow.offset_mm - slope * slow.speed_mm_s
    return TimingFit(distance, -1000 * slope, residual, True, tuple(middles))


def fit_middle(shots: Sequence[Shot]) -> Middle | None:
    """The likeliest middle and reach of the hits; soft edges, since pieces differ."""
    hits = [shot.offset_mm for shot in shots if shot.hit]
    misses = [shot.offset_mm for shot in shots if not shot.hit]
    if not hits or not any(m < min(hits) for m in misses) or not any(m > max(hits) for m in misses):
        return None
    low, high = min(misses), max(misses)
    places = [low + n * _STEP_MM for n in range(round((high - low) / _STEP_MM) + 1)]
    best = {place: max((_likelihood(shots, place, reach), reach) for reach in _REACHES_MM) for place in places}
    top = max(value for value, _ in best.values())
    good = [place for place, (value, _) in best.items() if value > top - _DROP]
    weights = [math.exp(best[place][0] - top) for place in good]
    middle = sum(p * w for p, w in zip(good, weights, strict=True)) / sum(weights)
    spread = sum(w * (p - middle) ** 2 for p, w in zip(good, weights, strict=True)) / sum(weights)
    reach = max(best.values())[1]
    odd = sum((abs(shot.offset_mm - middle) <= reach) is not shot.hit for shot in shots)
    speed = sum(shot.speed_mm_s for shot in shots) / len(shots)
    return Middle(middle, max(math.sqrt(spread), _STEP_MM), float(reach), speed, len(shots), odd)


def _likelihood(shots: Sequence[Shot], middle: float, reach: float) -> float:
    total = 0.0
    for shot in shots:
        inside = (reach - abs(shot.offset_mm - middle)) / _SOFT_MM
        chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, inside))))
        chance = _LEAST_CHANCE + (1 - 2 * _LEAST_CHANCE) * chance
        total += math.log(chance if shot.hit else 1 - chance)
    return total


def _by_speed(shots: Sequence[Shot]) -> list[list[Shot]]:
    groups: list[list[Shot]] = []
    for shot in sorted(shots, key=lambda one: one.speed_mm_s):
        if groups and shot.speed_mm_s < groups[-1][0].speed_mm_s * (1 + _ALIKE):
            groups[-1].append(shot)
        else:
            groups.append([shot])
    return groups
