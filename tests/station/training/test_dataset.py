from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hil.look import View
from hil.sprites.atlas import FOLDER, Split, Sprite, read_index
from station.training.course import read_sprites
from station.training.dataset import Scene, objects_per_label, render_crops, sprites_of
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

LABELS = ("CU-NO2", "SS-304")
LABELS_OF_ALL = tuple({row["label"] for row in read_index(FOLDER)["sprites"]})
SMALL = Scene(view=View(320, 256, 2.5), columns=4, rows=3)


def made_sprite(label: str, number: int, split: Split = "train", light: str = "bars") -> Sprite:
    """A plate: copper red or grey."""
    image = np.full((30, 40, 4), 255, np.uint8)
    image[..., :3] = (40, 70, 200) if label == "CU-NO2" else (190, 190, 190)
    image[:4] = 0
    name = f"{label}-{number}"
    return Sprite(f"{name}-{light}", "plate", label, name, light, split, 0.0, 0.625, 5.0, 10.0, image)


SPRITES = tuple(made_sprite(label, n) for label in LABELS for n in range(3))


def test_as_many_pieces_as_asked_for_come_with_their_labels() -> None:
    made = render_crops(SPRITES, LABELS, CropSpec(), SMALL, pieces=25, seed=1)
    assert made.crops.shape == (25, 1, 96, 96, 3)
    assert all(name.startswith(made.labels[label]) for name, label in zip(made.sprites, made.truth, strict=True))


def test_the_crop_shows_the_piece_it_is_labelled_with() -> None:
    made = render_crops(SPRITES, LABELS, CropSpec(), SMALL, pieces=40, seed=2)
    middle = made.crops[:, 0, 44:52, 44:52].astype(float).mean(axis=(1, 2))
    redness = middle[:, 2] / middle[:, 0]
    assert redness[made.truth == 0].min() > redness[made.truth == 1].max()


def test_the_same_seed_paints_the_same_crops() -> None:
    first, second = (render_crops(SPRITES, LABELS, CropSpec(), SMALL, pieces=10, seed=3) for _ in range(2))
    other = render_crops(SPRITES, LABELS, CropSpec(), SMALL, pieces=10, seed=4)
    assert np.array_equal(first.crops, second.crops)
    assert not np.array_equal(first.crops, other.crops)


def test_several_looks_show_the_same_piece_in_different_noise() -> None:
    scene = Scene(view=SMALL.view, columns=4, rows=3, looks=3, travel_mm=60, box_shake_px=0.2, box_shadow_px=0)
    made = render_crops(SPRITES, LABELS, CropSpec(), scene, pieces=12, seed=5)
    assert made.crops.shape[1] == 3
    middles = made.crops[:, :, 44:52, 44:52].astype(float).mean(axis=(2, 3))
    assert np.abs(middles - middles.mean(axis=1, keepdims=True)).max() < 40
    assert not np.array_equal(made.crops[:, 0], made.crops[:, 1])


def test_splits_are_by_object_and_the_held_out_light_is_never_trained_on() -> None:
    every = (
        *SPRITES,
        made_sprite("CU-NO2", 7, "train", "slanted"),
        made_sprite("CU-NO2", 8, "test", "slanted"),
        made_sprite("CU-NO2", 8, "test", "bars"),
        made_sprite("CU-NO2", 9, "val", "bars"),
    )
    names = {split: {one.name for one in sprites_of(split, every)} for split in ("train", "val", "test")}
    assert not any("slanted" in name for name in set.union(*names.values()))
    assert names["train"] == {one.name for one in SPRITES}
    assert {one.name for one in sprites_of("held-out light", every)} == {"CU-NO2-8-slanted"}


def test_an_atlas_without_a_split_is_refused() -> None:
    with pytest.raises(TrainingRefused, match="nothing of split val"):
        sprites_of("val", SPRITES)


def test_a_label_without_sprites_is_refused() -> None:
    with pytest.raises(TrainingRefused, match="holds no PWB"):
        render_crops(SPRITES, (*LABELS, "PWB"), CropSpec(), SMALL, pieces=5, seed=1)


def test_objects_are_counted_once_however_often_they_are_rendered() -> None:
    every = (*SPRITES, made_sprite("CU-NO2", 0, light="dome"))
    assert objects_per_label(every) == {"CU-NO2": 3, "SS-304": 3}


def _part_of_the_atlas(folder: Path, split: Split | None = None) -> Path:
    """The first piece of the shipped atlas, in another split if one is named."""
    index = read_index(FOLDER)
    index["sprites"] = index["sprites"][:2]
    for row in index["sprites"]:
        row["split"] = split or row["split"]
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    shutil.copy(FOLDER / index["sprites"][0]["sheet"], folder)
    return folder


def test_sprites_of_several_atlases_are_joined_and_each_atlas_is_named(tmp_path: Path) -> None:
    first = _part_of_the_atlas(tmp_path / "first")
    sprites, names = read_sprites((first, FOLDER), LABELS_OF_ALL)
    assert [one.name for one in sprites[:2]] == [row["name"] for row in read_index(first)["sprites"]]
    assert len(sprites) == 2 + len(read_index(FOLDER)["sprites"])
    assert [name.split(",")[1] for name in names] == [" 2 sprites", f" {len(sprites) - 2} sprites"]


def test_a_piece_in_two_splits_is_refused_by_name(tmp_path: Path) -> None:
    row = read_index(FOLDER)["sprites"][0]
    other, name = _part_of_the_atlas(tmp_path / "other", "val" if row["split"] == "test" else "test"), row["object"]
    with pytest.raises(TrainingRefused, match=f"The piece {name} is in split .* with --after"):
        read_sprites((FOLDER, other), LABELS_OF_ALL)


def test_an_atlas_of_unknown_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="which the codebook does not know"):
        read_sprites((_part_of_the_atlas(tmp_path / "some"),), ("PWB",))
