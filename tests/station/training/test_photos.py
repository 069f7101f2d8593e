from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.training.photos import FAMILY_OF, read_photos, with_photo_notes
from station.training.refusals import TrainingRefused
from tests.vision.tiny_model import write_model
from vision.crop import CropSpec
from vision.model_card import load_card

HEAD = "file,source,class,material,object_group,split,w,h,border_touch,solidity,vetted\n"


def _data(folder: Path) -> Path:
    (folder / "images/pieces").mkdir(parents=True)
    rows = [
        ("a", "coins", "5c", "copper", "val"),
        ("b", "trashnet", "metal", "steel", "val"),
        ("c", "trashnet", "metal", "unsure", "val"),
        ("d", "coins", "1e", "bimetal", "val"),
        ("e", "trashnet", "glass", "glass", "train"),
    ]
    lines = [f"pieces/{n}.webp,{source},{kind},{stuff},o,{split},9,9,0,1,\n" for n, source, kind, stuff, split in rows]
    (folder / "images/pieces.csv").write_text(HEAD + "".join(lines), encoding="utf-8")
    for n, *_rest in rows:
        cv2.imwrite(str(folder / f"images/pieces/{n}.webp"), np.full((20, 30, 4), 200, np.uint8))
    return folder


def test_photographs_come_as_families_of_their_split(tmp_path: Path) -> None:
    found = read_photos(_data(tmp_path), "val", CropSpec())
    assert found.folders == ("copper", "ferrous", "unknown")
    assert found.crops.shape == (3, 96, 96, 3)


def test_coins_can_be_left_out(tmp_path: Path) -> None:
    assert read_photos(_data(tmp_path), "val", CropSpec(), coins=False).folders == ("ferrous",)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="No photographs"):
        read_photos(tmp_path, "val", CropSpec())


def test_the_card_says_how_the_model_does_on_photographs(tmp_path: Path) -> None:
    families = {"CU-NO2": "copper", "BRASS-YEL": "copper-alloy", "SS-304": "stainless", "FE-SHRED": "ferrous"}
    folder = write_model(tmp_path / "tiny", crop={"size_px": 16, "margin": 1.2, "floor_mm": 10.0})
    card = with_photo_notes(load_card(folder), _data(tmp_path / "data"), families)
    assert "with the coins: 2 crops" in card.notes[-2]
    assert "unknown (bimetal coins) AUROC" in card.notes[-2]
    assert "without the coins: 1 crops, accuracy 0.000" in card.notes[-1]
    assert load_card(folder).notes == card.notes


@pytest.mark.skipif("STATION_DATA" not in os.environ, reason="STATION_DATA does not name the development data")
def test_every_material_of_the_real_data_has_a_family_or_is_unsure() -> None:
    found = read_photos(Path(os.environ["STATION_DATA"]), "val", CropSpec())
    assert set(found.folders) == set(FAMILY_OF.values())
