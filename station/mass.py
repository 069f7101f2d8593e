"""How heavy a piece is, as far as its class and its area tell: a mean and an honest spread.

A piece of known density is as heavy as its area times its *solid thickness*, the thickness it would have if it were a
flat solid sheet of the same outline; folds, hollows and round shapes are all in that number. Its logarithm is taken
as normal.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PRIORS = Path(__file__).resolve().parents[1] / "configs" / "mass-priors.csv"
REFERENCE_MM2 = 1000.0
_G_PER_KG_M3_MM3 = 1e-6


class PriorsRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The file with the mass priors cannot be used; the text says which line and why."""


class MassPrior(NamedTuple):
    """One class. ``thickness_mm`` is the median solid thickness of a piece of 1000 mm2 seen from above; it grows with
    the power ``growth`` of the area (0: sheet, 0.5: as bulky as wide); ``spread`` is the standard deviation of its
    logarithm. ``factor`` corrects all pieces of the class together, ``factor_sd`` is what is not known about it,
    relative to it.
    """

    density_kg_m3: float
    thickness_mm: float
    growth: float
    spread: float
    factor: float = 1.0
    factor_sd: float = 0.0


class Mass(NamedTuple):
    """Expected mass and its standard deviation."""

    mass_g: float
    sd_g: float


class ClassTotal(NamedTuple):
    """Pieces of one class summed: ``own_g2`` is the variance of what each piece has for itself."""

    mass_g: float
    own_g2: float


def read_priors(path: Path = PRIORS) -> Mapping[str, MassPrior]:
    """Priors by class id; raises PriorsRefused."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return {row["class_id"]: _prior(row) for row in csv.DictReader(lines)}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise PriorsRefused(f"{path}  is not a table of mass priors ({error!r}): restore or mend it") from error


def of_class(prior: MassPrior, area_mm2: float) -> Mass:
    """Mass of a piece that is surely of this class (moments of a lognormal; the factor is known as well as it is)."""
    thickness_mm = prior.thickness_mm * (max(area_mm2, 0.0) / REFERENCE_MM2) ** prior.growth
    median_g = prior.density_kg_m3 * area_mm2 * thickness_mm * _G_PER_KG_M3_MM3
    mean_g = prior.factor * median_g * math.exp(prior.spread**2 / 2)
    relative2 = (math.exp(prior.spread**2) - 1) * (1 + prior.factor_sd**2) + prior.factor_sd**2
    return Mass(mean_g, mean_g * math.sqrt(relative2))


def estimate(priors: Sequence[MassPrior | None], scores: Sequence[float], area_mm2: float) -> Mass | None:
    """Mass of a piece that is of each class with the probability ``scores``; not being sure makes it less certain.

    Classes without a prior are left out; None when they are more likely than the others.
    """
    known = [(score, of_class(prior, area_mm2)) for score, prior in zip(scores, priors, strict=True) if prior]
    weight = sum(score for score, _ in known)
    if weight <= sum(scores) / 2:
        return None
    mean_g = sum(score * mass.mass_g for score, mass in known) / weight
    square_g2 = sum(score * (mass.sd_g**2 + mass.mass_g**2) for score, mass in known) / weight
    return Mass(mean_g, math.sqrt(max(square_g2 - mean_g**2, 0.0)))


def total(by_class: Mapping[str, ClassTotal], factor_sd: Mapping[str, float]) -> Mass:
    """The sum of many pieces: what each has for itself averages out, what a class has in common does not."""
    own_g2 = sum(found.own_g2 for found in by_class.values())
    common_g2 = sum((found.mass_g * factor_sd.get(label, 0.0)) ** 2 for label, found in by_class.items())
    return Mass(sum(found.mass_g for found in by_class.values()), math.sqrt(own_g2 + common_g2))


def summed(masses: Iterable[Mass], factor_sd: float) -> ClassTotal:
    """Pieces of one class; their common uncertainty is taken out of each one's own."""
    mass_g = own_g2 = 0.0
    for mass in masses:
        mass_g += mass.mass_g
        own_g2 += max(mass.sd_g**2 - (mass.mass_g * factor_sd) ** 2, 0.0)
    return ClassTotal(mass_g, own_g2)


def _prior(row: Mapping[str, str]) -> MassPrior:
    prior = MassPrior(
        density_kg_m3=float(row["density_kg_m3"]),
        thickness_mm=float(row["thickness_mm"]),
        growth=float(row["growth"]),
        spread=float(row["spread"]),
        factor_sd=float(row["factor_sd"]),
    )
    if not (prior.density_kg_m3 > 0 and prior.thickness_mm > 0 and prior.spread >= 0 and prior.factor_sd >= 0):
        raise ValueError(f"{row['class_id']}: a number is out of bounds")
    return prior
