"""Crops a plant exported are taught and measured by the splits of its own data set."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from station.training.laying import Laying
from station.training.own_crops import MOST, OWN, OWN_VAL, VIEWS, count_of, from_own, read_own
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

LABELS = ("CU-NO2", "AL-CAST", "AL-UBC")
FAMILIES = {"CU-NO2": "copper", "AL-CAST": "aluminium", "AL-UBC": "aluminium", "PB": "lead"}
SPEC = CropSpec(size_px=32)
ROWS = (
    ("train/CU-NO2/a.png", "one", "train", "CU-NO2"),
    ("train/aluminium/b.png", "two", "train", "aluminium"),
    ("val/unknown/c.png", "three", "val", "unknown"),
    ("test/CU-NO2/d.png", "four", "test", "CU-NO2"),
)


def _export(folder: Path, rows: tuple[tuple[str, str, str, str], ...] = ROWS) -> Path:
    for n, (file, *_rest) in enumerate(rows):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / file), np.full((40, 48, 3), 40 * n + 20, np.uint8))
    with (folder / "objects.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("file", "object", "split", "label"), *rows])
    return folder


def test_the_splits_of_the_export_are_kept_and_test_pictures_left_alone(tmp_path: Path) -> None:
    parts, name = read_own(_export(tmp_path), SPEC, LABELS, FAMILIES)
    found = dict(parts)
    assert [one.object_id for one in found[OWN]] == ["one", "two"]
    assert [one.labels for one in found[OWN]] == [("CU-NO2",), ("AL-CAST", "AL-UBC")]
    assert [one.family for one in found[OWN_VAL]] == ["unknown"]
    assert name.startswith("own crops, export ")


def test_taught_views_differ_and_measured_ones_are_as_they_are(tmp_path: Path) -> None:
    (_own, crops), (_val, held) = read_own(_export(tmp_path), SPEC, LABELS, FAMILIES)[0]
    taught = from_own(crops * 2, LABELS, Laying(), seed=1, as_they_are=False)
    measured = from_own(held, LABELS, Laying(), seed=1, as_they_are=True)
    assert not np.array_equal(taught.crops[0], taught.crops[2])
    assert np.array_equal(measured.crops[0], held[0].image)
    assert taught.may_be[1].tolist() == [False, True, True, False]
    assert measured.may_be[0].tolist() == [False, False, False, True]


def test_many_crops_are_taught_once_each_and_few_from_several_views(tmp_path: Path) -> None:
    crops = dict(read_own(_export(tmp_path), SPEC, LABELS, FAMILIES)[0])[OWN]
    assert count_of(OWN, crops) == VIEWS * len(crops)
    assert count_of(OWN, crops * MOST) == MOST * len(crops)
    assert count_of(OWN_VAL, crops) == len(crops)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((("val/CU-NO2/a.png", "one", "val", "CU-NO2"),), "holds no pictures of split train"),
        ((("train/PB/a.png", "one", "train", "PB"),), "holds PB, of which there are no rendered pieces"),
        ((), "lists no pictures"),
    ],
)
def test_an_export_nothing_can_be_learnt_from_is_refused(
    tmp_path: Path, rows: tuple[tuple[str, str, str, str], ...], sentence: str
) -> None:
    with pytest.raises(TrainingRefused, match=sentence):
        read_own(_export(tmp_path, rows), SPEC, LABELS, FAMILIES)


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="station dataset export"):
        read_own(tmp_path, SPEC, LABELS, FAMILIES)
