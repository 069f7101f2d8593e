"""Recipes: files that may be changed for another while the line runs, each checked like a station's first one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from control.types import Cost, Recipe, Rule
from station.codebook import Material
from station.config import Config, ConfigError, read_recipe
from station.named_files import RecipeFile


def checked_recipe(
    file: RecipeFile, where: str, digest: str, labels: tuple[str, ...], materials: Mapping[str, Material]
) -> Recipe:
    """The recipe as the sorter gets it, with the codebook's hazards; raises ConfigError that lists every error.

    ``where`` names the file in complaints, ``digest`` goes into the version that every record carries.
    """
    errors = [
        *_unknown(file, labels),
        *_hazards(file, materials),
        *_shared(file, materials),
        *_wrong_costs(file, materials),
    ]
    if errors:
        raise ConfigError("\n".join(f"{where}  {error}" for error in errors))
    return Recipe(
        name=file.name,
        version=f"{file.name} {file.version} {digest[:12]}",
        rest_outlet=file.rest_outlet,
        rules=tuple(
            Rule(tuple(rule.labels), rule.outlet, rule.min_confidence, rule.purity, rule.max_confidence)
            for rule in file.rules
        ),
        stop_labels=tuple(label for label in labels if materials[label].stops),
        stop_confidence=file.stop_confidence,
        costs=tuple(_costs(file, labels, materials)),
        alarm_labels=tuple(label for label in labels if materials[label].action == "divert_alarm"),
    )


def recipes_beside(config: Config) -> tuple[str, ...]:
    """Names of the recipe files in the folder of the station's own, without ``.yaml``, in order."""
    return tuple(sorted(path.stem for path in config.resolve(config.file.recipe).parent.glob("*.yaml")))


def load_recipe(
    config: Config, name: str, labels: tuple[str, ...], materials: Mapping[str, Material]
) -> tuple[RecipeFile, Recipe]:
    """Another recipe of the same folder; raises ConfigError with everything that is wrong with it for this line."""
    if name not in recipes_beside(config):
        raise ConfigError(f"There is no recipe {name!r}; there are {', '.join(recipes_beside(config))}.")
    path = config.resolve(config.file.recipe).with_name(f"{name}.yaml")
    file = read_recipe(path, config)
    if file.rest_outlet != config.recipe.rest_outlet:
        raise ConfigError(f"{path}  rest_outlet  everything that passes falls into {config.recipe.rest_outlet!r} here")
    return file, checked_recipe(file, str(path), digest_of(path), labels, materials)


class RecipeShelf:
    """The recipes people may choose from, and which of them a restarted child has to sort by."""

    def __init__(
        self,
        config: Config,
        labels: tuple[str, ...],
        materials: Mapping[str, Material],
        taken: Callable[[Config], None],
    ) -> None:
        """``taken`` is told the station's settings with the recipe that counts from now on."""
        self._config = config
        self._labels = labels
        self._materials = materials
        self._taken = taken

    def names(self) -> tuple[str, ...]:
        return recipes_beside(self._config)

    def load(self, name: str) -> Recipe:
        """Raises ConfigError with everything that is wrong with it for this line."""
        return load_recipe(self._config, name, self._labels, self._materials)[1]

    def take(self, name: str) -> None:
        """The sorter sorts by it."""
        file, _ = load_recipe(self._config, name, self._labels, self._materials)
        where = Path(self._config.file.recipe).with_name(f"{name}.yaml")
        station = self._config.file.model_copy(update={"recipe": str(where)})
        self._config = self._config.model_copy(update={"file": station, "recipe": file})
        self._taken(self._config)


def digest_of(path: Path) -> str:
    """SHA-256 of a recipe file, as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unknown(file: RecipeFile, labels: tuple[str, ...]) -> Iterator[str]:
    unknown = sorted({label for rule in file.rules for label in rule.labels} - set(labels))
    if unknown:
        yield f"rules  the model does not know {', '.join(unknown)}; it knows {', '.join(labels)}"


def _hazards(file: RecipeFile, materials: Mapping[str, Material]) -> Iterator[str]:
    """What must never be ejected."""
    for n, rule in enumerate(file.rules):
        known = [materials[label] for label in rule.labels if label in materials]
        stops = [material.id for material in known if material.stops]
        if stops:
            yield f"rules.{n}  {', '.join(stops)} stop the line and are never ejected: take them out of the rule"
        if rule.purity is not None and rule.max_confidence < rule.min_confidence:
            yield f"rules.{n}.max_confidence  {rule.max_confidence:g} lies below min_confidence; raise it"


def _shared(file: RecipeFile, materials: Mapping[str, Material]) -> Iterator[str]:
    """A hazard that is diverted does not fall among goods."""
    kinds: dict[str, set[bool]] = {}
    for rule in file.rules:
        known = (materials[label] for label in rule.labels if label in materials)
        kinds.setdefault(rule.outlet, set()).update(material.action.startswith("divert") for material in known)
    for outlet, found in kinds.items():
        if len(found) > 1:
            yield f"rules  hazards and goods must not share the outlet {outlet!r}: give the hazards one of their own"


def _wrong_costs(file: RecipeFile, materials: Mapping[str, Material]) -> Iterator[str]:
    outlets = {rule.outlet for rule in file.rules} | {file.rest_outlet}
    names = set(materials) | {material.family for material in materials.values()}
    for outlet, prices in (file.costs.into if file.costs else {}).items():
        if outlet not in outlets:
            yield f"costs.into  no rule leads to {outlet!r}; outlets: {', '.join(sorted(outlets))}"
        for name, price in prices.items():
            if name not in names:
                yield f"costs.into.{outlet}  {name!r} is neither a class nor a family of the codebook"
            if not 0 <= price <= 1000:
                yield f"costs.into.{outlet}.{name}  {price:g} is not a cost from 0 to 1000"


def _costs(file: RecipeFile, labels: tuple[str, ...], materials: Mapping[str, Material]) -> Iterator[Cost]:
    """One per label that the table names itself or by its family; the class goes before the family."""
    for outlet, prices in (file.costs.into if file.costs else {}).items():
        for label in labels:
            price = prices.get(label, prices.get(materials[label].family))
            if price is not None:
                yield Cost(outlet, label, price)
