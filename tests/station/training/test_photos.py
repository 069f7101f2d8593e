from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.training.photos import FAMILY_OF, objects_of, read_cutouts
from station.training.refusals import TrainingRefused

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


def test_photographs_come_with_their_family_and_what_they_may_be(tmp_path: Path) -> None:
    found = read_cutouts(_data(tmp_path), "val")
    assert [one.family for one in found] == ["copper", "ferrous", "unknown"]
    assert [one.labels for one in found] == [("CU-NO2",), ("FE-SHRED",), ()]
    assert [one.from_coin for one in found] == [True, False, True]
    assert found[0].image.shape == (20, 30, 4)


def test_large_photographs_are_shrunk(tmp_path: Path) -> None:
    data = _data(tmp_path)
    cv2.imwrite(str(data / "images/pieces/a.webp"), np.full((448, 112, 4), 200, np.uint8))
    assert read_cutouts(data, "val")[0].image.shape == (224, 56, 4)


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="No photographs"):
        read_cutouts(tmp_path, "val")


def test_objects_are_counted_once_however_often_they_were_photographed(tmp_path: Path) -> None:
    assert objects_of(read_cutouts(_data(tmp_path), "val") * 2) == {"copper": 1, "ferrous": 1, "unknown": 1}


@pytest.mark.skipif("STATION_DATA" not in os.environ, reason="STATION_DATA does not name the development data")
def test_every_material_of_the_real_data_has_a_family_or_is_unsure() -> None:
    found = read_cutouts(Path(os.environ["STATION_DATA"]), "val")
    assert {one.family for one in found} == set(FAMILY_OF.values())
