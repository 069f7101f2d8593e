from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from station.training.evaluate import LabelledCrops, Report, evaluate, write_report
from station.training.folders import as_crop, folder_names, laid_on_belt, read_crops
from station.training.page import page
from station.training.refusals import TrainingRefused
from station.training.rollup import roll_up
from tests.vision.tiny_model import LABELS, SIZE, plain_crop, write_model
from vision.classifier import Classifier
from vision.crop import CropSpec
from vision.model_card import load_card

FAMILIES = {"CU-NO2": "copper", "BRASS-YEL": "copper-alloy", "SS-304": "stainless"}


@pytest.fixture
def classifier(tmp_path: Path) -> Classifier:
    return Classifier(load_card(write_model(tmp_path / "tiny")))


def _data(*rows: tuple[str, int]) -> LabelledCrops:
    """Crops of the colour of a label, each in a folder that may be the wrong one."""
    crops = np.stack([plain_crop(label) for _folder, label in rows])
    return LabelledCrops(crops, tuple(folder for folder, _label in rows), tuple(f"{n}.png" for n in range(len(rows))))


def _report(classifier: Classifier, *rows: tuple[str, int]) -> Report:
    data = _data(*rows)
    folders = sorted(set(data.folders) - {"unknown"})
    return evaluate(classifier, data, roll_up(LABELS, folders, FAMILIES), "three colours")


def test_right_and_wrong_crops_are_counted_by_hand(classifier: Classifier) -> None:
    found = _report(classifier, ("CU-NO2", 0), ("CU-NO2", 0), ("CU-NO2", 2), ("SS-304", 2))
    assert found.n == 4
    assert found.accuracy == pytest.approx(3 / 4)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert found.per_class["CU-NO2"].recall == pytest.approx(2 / 3)
    assert found.per_class["SS-304"].precision == pytest.approx(1 / 2)


def test_folders_may_be_families(classifier: Classifier) -> None:
    found = _report(classifier, ("copper", 0), ("copper-alloy", 1), ("copper-alloy", 0))
    assert found.accuracy == pytest.approx(2 / 3)
    assert set(found.per_class) == {"copper", "copper-alloy"}


def test_unknown_crops_are_scored_apart_and_not_as_mistakes(classifier: Classifier) -> None:
    data = _data(("CU-NO2", 0), ("SS-304", 2))
    grey = np.full((1, SIZE, SIZE, 3), 128, np.uint8)
    data = LabelledCrops(np.concatenate([data.crops, grey]), (*data.folders, "unknown"), (*data.sources, "grey.png"))
    found = evaluate(classifier, data, roll_up(LABELS, ["CU-NO2", "SS-304"], FAMILIES), "with grey")
    assert (found.n, found.unknown_n, found.accuracy) == (2, 1, 1.0)
    assert found.unknown_auroc == 1.0
    assert found.unknown_false_accept == 0.0


def test_a_folder_the_model_cannot_name_counts_as_wrong(classifier: Classifier) -> None:
    families = FAMILIES | {"PB-METAL": "lead"}
    data = _data(("lead", 2), ("copper", 0))
    found = evaluate(classifier, data, roll_up(LABELS, ["copper", "lead"], families), "with lead")
    assert found.accuracy == pytest.approx(1 / 2)
    assert found.unreachable == ("lead",)


def test_the_surest_mistake_comes_first(classifier: Classifier) -> None:
    found = _report(classifier, ("SS-304", 0), ("SS-304", 1), ("CU-NO2", 0))
    assert [mistake.source for mistake in found.worst][:1] == ["0.png"]
    assert found.worst[0].confidence >= found.worst[1].confidence
    assert len(found.worst) == 2


def test_the_json_holds_the_agreed_keys(classifier: Classifier, tmp_path: Path) -> None:
    write_report(_report(classifier, ("CU-NO2", 0), ("SS-304", 2)), tmp_path / "report.json", None)
    read = json.loads((tmp_path / "report.json").read_text())
    agreed = {"accuracy", "balanced_accuracy", "macro_f1", "ece", "accuracy_at_coverage", "per_class", "confusion", "n"}
    assert agreed | {"unknown_auroc"} <= set(read)
    assert read["accuracy_at_coverage"] == {"0.9": 1.0, "0.8": 1.0}
    assert read["unknown_auroc"] is None


def test_the_page_is_self_contained_and_escapes_names(classifier: Classifier) -> None:
    data = _data(("SS-304", 0))
    data = LabelledCrops(data.crops, data.folders, ("<script>alert(1)</script>.png",))
    html = page(evaluate(classifier, data, roll_up(LABELS, ["SS-304"], FAMILIES), "a trick"))
    assert "<script>" not in html
    assert "http" not in html
    assert "data:image/jpeg;base64," in html
    assert "<svg" in html


def test_crops_are_read_from_folders_at_the_models_size(tmp_path: Path) -> None:
    for folder, kind in (("copper", "png"), ("copper", "jpg"), ("e-waste", "webp"), ("unknown", "png")):
        (tmp_path / folder).mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / folder / f"one.{kind}"), np.full((50, 40, 3), 90, np.uint8))
    data = read_crops(tmp_path, CropSpec(size_px=32))
    assert data.crops.shape == (4, 32, 32, 3)
    assert sorted(data.folders) == ["copper", "copper", "e-waste", "unknown"]
    assert folder_names(tmp_path) == ("copper", "e-waste")


def test_a_narrow_picture_is_filled_up_and_not_squeezed() -> None:
    picture = np.full((40, 20, 3), 50, np.uint8)
    picture[10:30, 5:15] = 200
    found = as_crop(picture, np.zeros((60, 60, 3), np.uint8), CropSpec(size_px=40), seed=1)
    bright = np.argwhere(found[..., 0] > 125)
    assert (bright.max(axis=0) - bright.min(axis=0) + 1).tolist() == [20, 10]
    assert found[0, 0].tolist() == [50, 50, 50]


def _cutout() -> NDArray[np.uint8]:
    cutout = np.zeros((40, 20, 4), np.uint8)
    cutout[5:35, 5:15] = (10, 20, 200, 255)
    return cutout


def test_a_cut_out_lies_on_the_belt() -> None:
    belt = np.full((300, 300, 3), 77, np.uint8)
    found = laid_on_belt(_cutout(), belt, 1.5, seed=1)
    assert found.shape == (60, 60, 3)
    assert found[30, 30].tolist() == [10, 20, 200]
    assert found[2, 2].tolist() == [77, 77, 77]
    assert found[12, 30].tolist() == [77, 77, 77]


def test_the_same_cut_out_lies_on_the_same_belt_every_time(tmp_path: Path) -> None:
    (tmp_path / "copper").mkdir()
    cv2.imwrite(str(tmp_path / "copper/one.png"), _cutout())
    first, second = (read_crops(tmp_path, CropSpec()).crops for _ in range(2))
    assert np.array_equal(first, second)
    assert first[0, 48, 48, 2] > 150


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "copper").mkdir()
    (tmp_path / "copper/broken.jpg").write_bytes(b"no picture")
    with pytest.raises(TrainingRefused, match=r"broken\.jpg is not a picture"):
        read_crops(tmp_path, CropSpec())


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="holds no pictures"):
        read_crops(tmp_path, CropSpec())
