"""Fits the mass priors to rendered pieces, whose masses are known; classes without any keep what the table says."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from hil.sprites.atlas import Sprite, load_atlas
from station.mass import PRIORS, REFERENCE_MM2, MassPrior, PriorsRefused, read_priors
from station.plain_errors import plain_errors

_GROWTHS = (0.0, 0.25, 0.5)
_LEAST_SPREAD = 0.25
_COVERED = 127


def mass_priors(
    table: Annotated[Path, typer.Option(help="Table of priors; the rows of rendered classes are replaced.")] = PRIORS,
    atlas: Annotated[Path | None, typer.Option(help="Sprite atlas; the shipped one if left out.")] = None,
) -> None:
    """Fit thickness, growth and spread of every rendered class to the sprites that are not kept for testing."""
    with plain_errors(PriorsRefused):
        before = read_priors(table)
    sprites = [sprite for sprite in load_atlas(atlas).sprites if sprite.split != "test" and sprite.label in before]
    by_label: dict[str, list[Sprite]] = defaultdict(list)
    for sprite in sprites:
        by_label[sprite.label].append(sprite)
    fitted = {label: fit_prior(found, before[label]) for label, found in by_label.items()}
    _rewrite(table, fitted, {label: len(found) for label, found in by_label.items()})
    for label, prior in sorted(fitted.items()):
        thickness = f"{prior.thickness_mm:g} mm, growth {prior.growth:g}, spread {prior.spread:g}"
        Console().print(f"{label}: {thickness} from {len(by_label[label])} sprites")


def fit_prior(sprites: Sequence[Sprite], before: MassPrior) -> MassPrior:
    """Density and common uncertainty stay; the sum over all sprites comes out right."""
    mass_g = np.array([sprite.mass_g for sprite in sprites])
    area_mm2 = np.array([float((s.image[..., 3] > _COVERED).sum()) * s.mm_per_px**2 for s in sprites])
    size = area_mm2 / REFERENCE_MM2
    thickness_mm = mass_g / (before.density_kg_m3 * area_mm2 * 1e-6)
    growth = _growth(np.log(size), np.log(thickness_mm))
    spread = max(_LEAST_SPREAD, round(float((np.log(thickness_mm) - growth * np.log(size)).std()), 2))
    expected_g = before.density_kg_m3 * area_mm2 * size**growth * 1e-6 * np.exp(spread**2 / 2)
    median_mm = round(float(mass_g.sum() / expected_g.sum()), 2)
    return before._replace(thickness_mm=median_mm, growth=growth, spread=spread)


def _growth(log_size: NDArray[np.float64], log_thickness: NDArray[np.float64]) -> float:
    """The allowed one nearest to the slope of the regression; more than that a few sprites cannot tell."""
    slope = float(np.polyfit(log_size, log_thickness, 1)[0])
    return min(_GROWTHS, key=lambda growth: abs(growth - slope))


def _rewrite(table: Path, fitted: Mapping[str, MassPrior], sprites: Mapping[str, int]) -> None:
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        prior = fitted.get(row["class_id"])
        if prior is not None:
            row |= {"thickness_mm": f"{prior.thickness_mm:g}", "growth": f"{prior.growth:g}"}
            row["spread"] = f"{prior.spread:g}"
            density = row["source"].partition("; ")[2]
            rendered = f"solid thickness of {sprites[row['class_id']]} rendered sprites (train and val objects)"
            row["source"] = f"{rendered}, not measured on real scrap; {density}"
    draft = table.with_name(table.name + ".part")
    with draft.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    draft.replace(table)
