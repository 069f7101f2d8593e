"""Indicative avoided emissions: always a range, from mass in product outlets corrected by their purity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from station.reporting.estimates import Share
from station.reporting.factors import Factor


class KgRange(NamedTuple):
    """Kilograms, lower and upper end."""

    low: float
    high: float


class OutletClass(NamedTuple):
    """Estimated mass of one class in one outlet."""

    outlet: str
    class_id: str
    kg: KgRange


class Avoided(NamedTuple):
    """``co2e_kg`` None: nothing can be claimed. ``unsampled`` outlets and classes ``without_factor`` are left out."""

    co2e_kg: KgRange | None
    unsampled: tuple[str, ...]
    without_factor: tuple[str, ...]


def avoided(
    masses: Iterable[OutletClass], purity: Mapping[str, Share | None], factors: Mapping[str, Factor | None]
) -> Avoided:
    """Sum of mass times purity times factor, with the lower ends of all three and with the upper ends.

    ``purity`` has product outlets only: what lies elsewhere (residue, hazards) counts nothing. An outlet without a hand
    sample has no purity to correct by and counts nothing either.
    """
    low = high = 0.0
    counted = False
    unsampled, without = set(), set()
    for outlet, class_id, kg in masses:
        if outlet not in purity:
            continue
        found, factor = purity[outlet], factors.get(class_id)
        if factor is None:
            without.add(class_id)
        elif found is None:
            unsampled.add(outlet)
        else:
            counted = True
            low += kg.low * found.low * factor.low_kg_per_t / 1000
            high += kg.high * found.high * factor.high_kg_per_t / 1000
    total = KgRange(low, high) if counted else None
    return Avoided(total, tuple(sorted(unsampled)), tuple(sorted(without)))
