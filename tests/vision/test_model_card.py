from __future__ import annotations

from pathlib import Path

import pytest

from tests.vision.tiny_model import LABELS, write_model
from vision.model_card import load_card
from vision.types import ModelRefused


def test_a_whole_folder_gives_a_card(tmp_path: Path) -> None:
    card = load_card(write_model(tmp_path / "tiny"))
    assert card.labels == LABELS
    assert card.crop.size_px == 16
    assert card.input.colour == "rgb"
    assert len(card.golden) == 3


def test_the_card_says_which_model_made_a_record(tmp_path: Path) -> None:
    card = load_card(write_model(tmp_path / "tiny"))
    assert card.id == f"tiny 1 {card.sha256[:12]}"


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"Model file check: expected .*model\.yaml, found none"):
        load_card(tmp_path)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelRefused, match=r"Model file check: expected .*model\.onnx, found none"):
        load_card(folder)


@pytest.mark.parametrize("place", [0, 100, -1])
def test_one_flipped_bit_in_the_network_is_refused(tmp_path: Path, place: int) -> None:
    folder = write_model(tmp_path / "tiny")
    network = bytearray((folder / "model.onnx").read_bytes())
    network[place] ^= 1
    (folder / "model.onnx").write_bytes(bytes(network))
    with pytest.raises(ModelRefused, match="Model hash check"):
        load_card(folder)


def test_a_truncated_network_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    network = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(network[: len(network) // 2])
    with pytest.raises(ModelRefused, match="Model hash check"):
        load_card(folder)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("labels", "CU-NO2", "a list at labels"),
        ("temperature", "warm", "float at temperature"),
        ("temperature", 0, "a number above 0 at temperature"),
        ("version", True, "int at version"),
        ("crop", {"size_px": 16, "margin": 1.2}, "float at crop.floor_mm, found nothing"),
        (
            "input",
            {"colour": "cmyk", "layout": "nchw", "mean": [0, 0, 0], "scale": [1, 1, 1]},
            "rgb or bgr at input.colour, found 'cmyk'",
        ),
    ],
)
def test_a_card_with_a_wrong_value_names_the_key(tmp_path: Path, key: str, value: object, complaint: str) -> None:
    folder = write_model(tmp_path / "tiny", None, **{key: value})
    with pytest.raises(ModelRefused) as refused:
        load_card(folder)
    assert complaint in str(refused.value)


def test_a_confusion_of_anything_but_counts_is_refused(tmp_path: Path) -> None:
    figures = {"split": "val", "n": 1, "accuracy": 1.0, "macro_f1": 1.0, "ece_before": 0.0, "ece_after": 0.0}
    wrong = figures | {"per_label": [], "confusion": [[1, "many"]]}
    folder = write_model(tmp_path / "tiny", None, measured=[wrong])
    with pytest.raises(ModelRefused, match=r"a list of lists of counts at measured\[0\].confusion"):
        load_card(folder)


def test_a_card_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    (folder / "model.yaml").write_text("name: [unclosed", encoding="utf-8")
    with pytest.raises(ModelRefused, match="not readable YAML"):
        load_card(folder)


def test_golden_scores_must_name_every_label(tmp_path: Path) -> None:
    golden = {"tolerance": 0.01, "crops": [{"file": "golden/CU-NO2.png", "expected": {"CU-NO2": 1.0}}]}
    folder = write_model(tmp_path / "tiny", golden=golden)
    with pytest.raises(ModelRefused, match=r"golden.crops\[0\].expected.BRASS-YEL"):
        load_card(folder)
