"""Estimated masses against true ones, where a simulated line knows them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

_REACH_MM = 25.0


class Weighed(NamedTuple):
    """A piece: the tick at which it passed the datum line, its place across, its mass as estimated or as it truly is.

    ``sd_g`` is 0 for a true mass.
    """

    at: int
    across_mm: float
    mass_g: float
    sd_g: float = 0.0


class MassErrors(NamedTuple):
    """``matched`` pieces were found in both lists. ``sum_error`` is their estimated over their true sum less 1;
    ``median_error`` the middle of the relative errors, each without its sign; ``within_1_sd``, ``within_2_sd``: the
    share of pieces whose truth lies so near. All None where nothing matched.
    """

    matched: int
    true_kg: float
    estimated_kg: float
    sum_error: float | None
    median_error: float | None
    within_1_sd: float | None
    within_2_sd: float | None


def compare(estimated: Sequence[Weighed], true: Sequence[Weighed], ticks_per_mm: float) -> MassErrors:
    """Match by place on the belt, one to one, nearest first."""
    pairs = _matched(estimated, true, ticks_per_mm)
    true_g = sum(truth.mass_g for _, truth in pairs)
    said_g = sum(said.mass_g for said, _ in pairs)
    if not pairs or true_g <= 0:
        return MassErrors(len(pairs), 0.0, 0.0, None, None, None, None)
    errors = sorted(abs(said.mass_g / truth.mass_g - 1) for said, truth in pairs if truth.mass_g > 0)
    strays = [abs(said.mass_g - truth.mass_g) / max(said.sd_g, 1e-9) for said, truth in pairs]
    return MassErrors(
        matched=len(pairs),
        true_kg=round(true_g / 1000, 4),
        estimated_kg=round(said_g / 1000, 4),
        sum_error=round(said_g / true_g - 1, 4),
        median_error=round(errors[len(errors) // 2], 4),
        within_1_sd=round(sum(stray <= 1 for stray in strays) / len(strays), 4),
        within_2_sd=round(sum(stray <= 2 for stray in strays) / len(strays), 4),
    )


def _matched(
    estimated: Sequence[Weighed], true: Sequence[Weighed], ticks_per_mm: float
) -> list[tuple[Weighed, Weighed]]:
    ordered = sorted(true, key=lambda piece: piece.at)
    places = [piece.at for piece in ordered]
    reach = round(_REACH_MM * ticks_per_mm)
    pairs = []
    for n, said in enumerate(estimated):
        at = said.at
        for m in range(bisect_left(places, at - reach), len(places)):
            if places[m] > at + reach:
                break
            apart = math.hypot((places[m] - at) / ticks_per_mm, ordered[m].across_mm - said.across_mm)
            if apart <= _REACH_MM:
                pairs.append((apart, n, m))
    taken: set[int] = set()
    given: set[int] = set()
    found = []
    for _, n, m in sorted(pairs):
        if n not in taken and m not in given:
            taken.add(n)
            given.add(m)
            found.append((estimated[n], ordered[m]))
    return found
