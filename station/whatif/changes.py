"""What may be changed in a what-if: every key of recipe, sorting and vision, and the model."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from station import setup
from station.codebook import Material, load_codebook
from station.complaints import plain
from station.config import Config, ConfigError, contradictions
from station.named_files import RecipeFile
from station.sections import SortingSection, VisionSection
from station.sorter import SorterSettings
from vision.model_card import ModelCard

_SECTIONS: Mapping[str, type[BaseModel]] = {"recipe": RecipeFile, "sorting": SortingSection, "vision": VisionSection}
_MODEL = "model"
_SEEN_AGAIN = {"step_mm", "min_area_mm2"}
Values = dict[str, object]
Section = TypeVar("Section", bound=BaseModel)


class Change(NamedTuple):
    """``key`` as in ``rules.copper.min_confidence``; ``value`` is YAML."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Changed(NamedTuple):
    """Settings after the changes. ``model`` is another model's folder; ``needs_pictures`` when what the eye answered
    then is no answer now; ``searches`` when even the finder has to look again."""

    config: Config
    model: Path | None
    vision_keys: frozenset[str]

    @property
    def searches(self) -> bool:
        return bool(self.vision_keys & _SEEN_AGAIN)

    @property
    def needs_pictures(self) -> bool:
        return self.model is not None or self.searches


def parse_change(text: str) -> Change:
    """``key=value``; raises ConfigError with what is expected."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise ConfigError(f"--set {text}  expected key=value, such as rules.copper.min_confidence=0.9")
    return Change(key.strip(), value.strip())


def apply_changes(config: Config, changes: Sequence[Change]) -> Changed:
    """The settings with all changes; raises ConfigError that lists everything wrong with them."""
    trees: dict[str, Values] = {
        "recipe": config.recipe.model_dump(),
        "sorting": config.file.sorting.model_dump(),
        "vision": config.file.vision.model_dump(),
    }
    errors: list[str] = []
    model: Path | None = None
    for change in changes:
        if change.key == _MODEL:
            model = Path(change.value)
            continue
        try:
            _put(trees, change)
        except (LookupError, YAMLError, ValueError) as error:
            errors.append(f"--set {change}  {error.args[0] if error.args else error}")
    if errors:
        raise ConfigError("\n".join(errors))
    recipe, sorting, vision = (
        _checked(RecipeFile, "recipe", trees, changes, errors),
        _checked(SortingSection, "sorting", trees, changes, errors),
        _checked(VisionSection, "vision", trees, changes, errors),
    )
    if errors or recipe is None or sorting is None or vision is None:
        raise ConfigError("\n".join(errors))
    file = config.file.model_copy(update={"sorting": sorting, "vision": vision})
    found = config.model_copy(update={"file": file, "recipe": recipe})
    wrong = list(contradictions(file, config.calibration, recipe))
    if wrong:
        raise ConfigError("\n".join(f"--set  {text}" for text in wrong))
    changed_keys = (_path(change.key) for change in changes if change.key != _MODEL)
    return Changed(found, model, frozenset(path[1] for path in changed_keys if path[0] == "vision"))


def changed_settings(base: SorterSettings, config: Config, changed: Changed, card: ModelCard | None) -> SorterSettings:
    """The recorded sorter's settings with what was changed. ``card`` is the other model's, if there is one.

    Raises ConfigError when the model does not know the recipe's labels.
    """
    materials = load_codebook()
    labels = base.labels if card is None else card.labels
    recipe = setup.recipe(changed.config, labels, materials)
    if changed.config.recipe != config.recipe:
        recipe = dataclasses.replace(recipe, version=f"{base.recipe.version} changed")
    elif card is None:
        recipe = base.recipe
    found = dataclasses.replace(base, recipe=recipe, provenance=base.provenance._replace(recipe=recipe.version))
    for section, before in (("sorting", config.file.sorting), ("vision", config.file.vision)):
        after = getattr(changed.config.file, section).model_dump()
        for name, value in before.model_dump().items():
            if after[name] != value:
                found = _replaced(found, section, name, after[name])
    return found if card is None else _with_model(found, card, materials)


def _with_model(settings: SorterSettings, card: ModelCard, materials: Mapping[str, Material]) -> SorterSettings:
    return dataclasses.replace(
        settings,
        labels=card.labels,
        class_codes=tuple(materials[label].code for label in card.labels),
        correlation=card.look_correlation,
        tracker=dataclasses.replace(settings.tracker, labels=len(card.labels)),
        provenance=settings.provenance._replace(model=card.id),
    )


def _replaced(settings: SorterSettings, section: str, name: str, value: object) -> SorterSettings:
    """The field of that name, wherever in the sorter's settings it lies; some belong to the finder and lie in none."""
    found, is_there = _with(settings, name, value)
    if not is_there and name not in _SEEN_AGAIN:
        raise ConfigError(f"--set {section}.{name}  this cannot be tried on a recording")
    assert isinstance(found, SorterSettings)
    return found


def _with(part: object, name: str, value: object) -> tuple[object, bool]:
    """A settings dataclass with every field of that name replaced, also in those inside it, and whether any was."""
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return part, False
    changes: dict[str, object] = {}
    for field in dataclasses.fields(part):
        inner, is_there = _with(getattr(part, field.name), name, value)
        if field.name == name:
            changes[name] = value
        elif is_there:
            changes[field.name] = inner
    return (dataclasses.replace(part, **changes), True) if changes else (part, False)


def _path(key: str) -> tuple[str, ...]:
    """``rules.copper.x`` is short for ``recipe.rules.copper.x``, and so is every other key of the recipe."""
    parts = tuple(key.split("."))
    return parts if parts[0] in _SECTIONS else ("recipe", *parts)


def _put(trees: Mapping[str, Values], change: Change) -> None:
    """Set one value in its section; raises LookupError with what there is instead."""
    section, *steps = _path(change.key)
    if not steps:
        raise LookupError(f"is a section; give one of its keys: {', '.join(_SECTIONS[section].model_fields)}")
    value = plain(YAML(typ="safe").load(change.value))
    here: object = trees[section]
    for step in steps[:-1]:
        here = _inside(here, step)
    last = steps[-1]
    if isinstance(here, dict):
        if here is trees[section] and last not in _SECTIONS[section].model_fields:
            raise LookupError(_near(last, _all_keys()))
        here[last] = _like(value, here.get(last))
    elif isinstance(here, list):
        where = here.index(_inside(here, last))
        here[where] = value
    else:
        raise LookupError(f"{steps[-2]} holds a single value")


def _inside(here: object, step: str) -> object:
    """A key of a section, or the rule of an outlet (or of a number, from 0)."""
    if isinstance(here, dict):
        if step not in here:
            raise LookupError(_near(step, [*here, *_all_keys()]))
        return here[step]
    if isinstance(here, list):
        named = {str(item.get("outlet", n)): item for n, item in enumerate(here) if isinstance(item, dict)}
        if step in named:
            return named[step]
        if step.isdigit() and int(step) < len(here):
            return here[int(step)]
        raise LookupError(_near(step, named))
    raise LookupError(f"{step!r} lies in a single value")


def _like(value: object, before: object) -> object:
    """A whole number where a number with a point stood is that number: 6 is 6.0."""
    return float(value) if isinstance(value, int) and isinstance(before, float) else value


def _all_keys() -> list[str]:
    """Every key a change may begin with."""
    inner = [
        f"{section}.{name}"
        for section, model in _SECTIONS.items()
        if section != "recipe"
        for name in model.model_fields
    ]
    return [*RecipeFile.model_fields, *inner, _MODEL]


def _near(step: str, known: Iterable[str]) -> str:
    """Unknown, and what may have been meant."""
    names = {name.rsplit(".", 1)[-1]: name for name in known}
    near = difflib.get_close_matches(step, names, n=3, cutoff=0.5) or sorted(names)[:12]
    return f"unknown key {step!r}; near ones: {', '.join(names[name] for name in near)}"


def _checked(
    model: type[Section], section: str, trees: Mapping[str, Values], changes: Sequence[Change], errors: list[str]
) -> Section | None:
    """One section through its own rules; what is wrong is told with the change that did it."""
    try:
        return model.model_validate(trees[section])
    except ValidationError as error:
        mine = [change for change in changes if change.key != _MODEL and _path(change.key)[0] == section]
        for item in error.errors():
            name = str(item["loc"][-1]) if item["loc"] else section
            guilty = next((str(change) for change in mine if change.key.split(".")[-1] == name), section)
            near = _near(name, [*model.model_fields, *_rule_keys()])
            told = near if item["type"] == "extra_forbidden" else f"{item['msg']}, found {item['input']!r}"
            errors.append(f"--set {guilty}  {told}")
        return None


def _rule_keys() -> list[str]:
    from station.named_files import RuleSection

    return list(RuleSection.model_fields)
