"""Where a bank really is and how slow its valves really are, fitted from which shots hit and which missed.

A shot hits while it falls within some reach of the piece's middle. The middle of the hits over the offsets that were
tried is how far the settings are off; a wrong distance is off alike at every speed, a wrong delay in proportion to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SOFT_MM = 2.5
_STEP_MM = 0.25
_REACHES_MM = np.arange(3.0, 41.0)
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
    places = np.arange(min(misses), max(misses) + _STEP_MM / 2, _STEP_MM)
    likelihood = _likelihood(shots, places)
    best = likelihood.max(axis=1)
    weights = np.where(best > best.max() - _DROP, np.exp(best - best.max()), 0.0)
    weights /= weights.sum()
    middle = float(weights @ places)
    sd = math.sqrt(float(weights @ (places - middle) ** 2))
    reach = float(_REACHES_MM[likelihood.max(axis=0).argmax()])
    odd = sum((abs(shot.offset_mm - middle) <= reach) is not shot.hit for shot in shots)
    speed = sum(shot.speed_mm_s for shot in shots) / len(shots)
    return Middle(middle, max(sd, _STEP_MM), reach, speed, len(shots), odd)


def _likelihood(shots: Sequence[Shot], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log likelihood (places, reaches) of these hits and misses."""
    offsets, hits = np.array([shot.offset_mm for shot in shots]), np.array([shot.hit for shot in shots])
    inside = (_REACHES_MM[None, :, None] - np.abs(offsets - places[:, None, None])) / _SOFT_MM
    chance = _LEAST_CHANCE + (1 - 2 * _LEAST_CHANCE) / (1 + np.exp(-np.clip(inside, -30, 30)))
    return np.asarray(np.log(np.where(hits, chance, 1 - chance)).sum(axis=2), np.float64)


def _by_speed(shots: Sequence[Shot]) -> list[list[Shot]]:
    groups: list[list[Shot]] = []
    for shot in sorted(shots, key=lambda one: one.speed_mm_s):
        if groups and shot.speed_mm_s < groups[-1][0].speed_mm_s * (1 + _ALIKE):
            groups[-1].append(shot)
        else:
            groups.append([shot])
    return groups
