"""What a wrong piece in an outlet costs: the recipe's own table when it has one, else one for every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from station.codebook import Material
from station.config import Config


class CostTable(NamedTuple):
    """``into`` holds outlet -> class or family of the codebook -> cost of such a piece in there; what is not listed
    costs 1 where it does not belong and nothing where it does."""

    into: Mapping[str, Mapping[str, float]]
    families: Mapping[str, str]

    def of(self, outlet: str, belongs: str, label: str) -> float:
        """Of one piece that went to ``outlet`` and belongs into another or the same."""
        listed = self.into.get(outlet, {})
        for name in (label, self.families.get(label, "")):
            if name in listed:
                return listed[name]
        return 0.0 if outlet == belongs else 1.0


def costs_of(config: Config, materials: Mapping[str, Material]) -> CostTable:
    """The table of the recipe, if recipes have one and this one does."""
    costs = config.recipe.model_dump().get("costs")
    into = costs.get("into", {}) if isinstance(costs, dict) else {}
    return CostTable(into, {label: material.family for label, material in materials.items()})
