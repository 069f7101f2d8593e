"""Recipes are checked against the codebook and the line before anything is sorted by them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from station.codebook import load_codebook
from station.config import Config, ConfigError, load_config
from station.named_files import RecipeFile
from station.recipes import RecipeShelf, checked_recipe, load_recipe, recipes_beside

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
LABELS = ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC", "FE-SHRED", "SS-304", "ZN-DIE", "PWB", "BAT-OTHER",
          "BAT-NICD", "BAT-LI")  # fmt: skip
MATERIALS = load_codebook()


def recipe_of(*rules: tuple[list[str], str], **more: object) -> RecipeFile:
    sections = [{"labels": labels, "outlet": outlet, "min_confidence": 0.6} for labels, outlet in rules]
    return RecipeFile.model_validate({"name": "r", "version": "1", "rest_outlet": "rest", "rules": sections, **more})


def complaint(file: RecipeFile) -> str:
    with pytest.raises(ConfigError) as refused:
        checked_recipe(file, "r.yaml", "d" * 64, LABELS, MATERIALS)
    return str(refused.value)


def test_a_family_stands_for_its_classes_and_a_class_goes_before_its_family() -> None:
    file = recipe_of((["CU-NO2"], "copper"), costs={"into": {"copper": {"aluminium": 4.0, "AL-UBC": 2.0}}})

    recipe = checked_recipe(file, "r.yaml", "d" * 64, LABELS, MATERIALS)

    assert {(c.outlet, c.label, c.cost) for c in recipe.costs} == {
        ("copper", "AL-WROUGHT", 4.0), ("copper", "AL-CAST", 4.0), ("copper", "AL-UBC", 2.0)
    }  # fmt: skip
    assert recipe.version == "r 1 dddddddddddd"
    assert recipe.stop_labels == ("BAT-LI",)
    assert recipe.alarm_labels == ("BAT-NICD",)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (recipe_of((["BAT-LI"], "quarantine")), "BAT-LI stop the line and are never ejected"),
        (recipe_of((["CU-NO2", "PWB"], "copper")), "must not share the outlet 'copper'"),
        (recipe_of((["CU-NO2"], "copper"), (["BAT-OTHER"], "copper")), "must not share the outlet 'copper'"),
        (recipe_of((["CU-NO1"], "copper")), "the model does not know CU-NO1"),
        (recipe_of((["CU-NO2"], "copper"), costs={"into": {"coper": {"ferrous": 1.0}}}), "no rule leads to 'coper'"),
        (recipe_of((["CU-NO2"], "copper"), costs={"into": {"copper": {"iron": 1.0}}}), "neither a class nor a family"),
        (recipe_of((["CU-NO2"], "copper"), costs={"into": {"copper": {"ferrous": -1.0}}}), "is not a cost"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(file: RecipeFile, words: str) -> None:
    assert words in complaint(file)


def test_no_operator_can_raise_the_confidence_that_stops_the_belt() -> None:
    with pytest.raises(ValueError, match=r"less than or equal to 0\.5"):
        recipe_of((["CU-NO2"], "copper"), stop_confidence=0.6)


@pytest.fixture
def station(tmp_path: Path) -> Config:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    return load_config(tmp_path / "configs" / "sim.yaml")


def test_every_recipe_that_is_shipped_fits_the_built_in_line(station: Config) -> None:
    names = recipes_beside(station)

    recipes = [load_recipe(station, name, (*LABELS, "CABLE-CU", "RES-LIGHT", "RES-MIN"), MATERIALS) for name in names]

    assert {"three-metals", "copper-to-grade"} <= set(names)
    assert len(recipes) == len(names)


def test_a_recipe_for_another_line_is_refused_with_its_reason(station: Config) -> None:
    folder = station.resolve(station.file.recipe).parent
    text = (folder / "three-metals.yaml").read_text(encoding="utf-8")
    (folder / "zinc.yaml").write_text(text.replace("outlet: brass", "outlet: zinc"), encoding="utf-8")
    (folder / "bin.yaml").write_text(text.replace("rest_outlet: rest", "rest_outlet: bin"), encoding="utf-8")

    for name, words in (("zinc", "no bank ejects there"), ("bin", "falls into 'rest' here"), ("no", "There is no")):
        with pytest.raises(ConfigError, match=words):
            load_recipe(station, name, LABELS, MATERIALS)


def test_what_was_taken_is_what_a_restarted_child_sorts_by(station: Config) -> None:
    told: list[Config] = []
    shelf = RecipeShelf(station, LABELS, MATERIALS, told.append)

    version = shelf.load("copper-to-grade").version
    shelf.take("copper-to-grade")

    assert version.startswith("copper-to-grade 1 ")
    assert told[0].recipe.name == "copper-to-grade"
    assert told[0].resolve(told[0].file.recipe).name == "copper-to-grade.yaml"
    assert shelf.load("three-metals").name == "three-metals"
