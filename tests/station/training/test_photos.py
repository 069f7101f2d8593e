from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.training.photos import FAMILY_OF, read_photos
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

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


@pytest.mark.skipif("STATION_DATA" not in os.environ, reason="STATION_DATA does not name the development data")
def test_every_material_of_the_real_data_has_a_family_or_is_unsure() -> None:
    found = read_photos(Path(os.environ["STATION_DATA"]), "val", CropSpec())
    assert set(found.folders) == set(FAMILY_OF.values())
