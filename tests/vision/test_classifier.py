from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.tiny_model import LABELS, SIZE, expected_scores, plain_crop, tiny_network, write_model
from vision.classifier import Classifier, log_softmax, prepared
from vision.model_card import InputSpec, load_card
from vision.types import ModelRefused


def _classifier(folder: Path) -> Classifier:
    return Classifier(load_card(folder))


def _crops(*labels: int) -> NDArray[np.uint8]:
    return np.stack([plain_crop(label) for label in labels])


def test_scores_are_what_the_network_means_by_hand(tmp_path: Path) -> None:
    scores = np.exp(_classifier(write_model(tmp_path / "tiny")).classify(_crops(0, 2)))
    assert scores == pytest.approx(np.array([expected_scores(0), expected_scores(2)]), abs=1e-5)


def test_scores_come_as_float32_log_probabilities(tmp_path: Path) -> None:
    scores = _classifier(write_model(tmp_path / "tiny")).classify(_crops(1))
    assert scores.dtype == np.float32
    assert np.exp(scores).sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 11])
def test_any_number_of_crops_is_classified_in_order(tmp_path: Path, count: int) -> None:
    labels = [n % 3 for n in range(count)]
    crops = _crops(*labels) if labels else np.empty((0, SIZE, SIZE, 3), np.uint8)
    scores = _classifier(write_model(tmp_path / "tiny")).classify(crops)
    assert scores.shape == (count, 3)
    assert scores.argmax(axis=1).tolist() == labels


def test_the_temperature_of_the_card_is_applied(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny", temperature=2.5)
    scores = np.exp(_classifier(folder).classify(_crops(0)))[0]
    assert scores.tolist() == pytest.approx(expected_scores(0, temperature=2.5), abs=1e-5)


def test_a_crop_without_finite_numbers_says_nothing_and_is_counted(tmp_path: Path) -> None:
    classifier = _classifier(write_model(tmp_path / "tiny", tiny_network(spoil=True)))
    before = classifier.spoiled
    crops = _crops(0, 0)
    crops[1] = 0
    scores = np.exp(classifier.classify(crops))
    assert scores[1].tolist() == pytest.approx([1 / 3] * 3)
    assert scores[0, 0] > 0.5
    assert classifier.spoiled == before + 1


def test_a_good_model_passes_its_self_test(tmp_path: Path) -> None:
    _classifier(write_model(tmp_path / "tiny")).self_test()


def test_permuted_labels_are_caught_by_the_golden_crops(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny", labels=[LABELS[1], LABELS[0], LABELS[2]])
    classifier = _classifier(folder)
    with pytest.raises(ModelRefused, match=r"golden crop .*CU-NO2.png check .* expected CU-NO2 .*, found BRASS-YEL"):
        classifier.self_test()


def test_labels_that_differ_from_those_in_the_network_are_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load_model_from_string(tiny_network())
    onnx.helper.set_model_props(model, {"labels": "CU-NO2,SS-304,BRASS-YEL"})
    folder = write_model(tmp_path / "tiny", model.SerializeToString())
    with pytest.raises(ModelRefused, match="Model labels check"):
        _classifier(folder)


def test_a_changed_golden_crop_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    classifier = _classifier(folder)
    cv2.imwrite(str(folder / "golden/SS-304.png"), plain_crop(0))
    with pytest.raises(ModelRefused, match=r"golden crop golden/SS-304.png check .* expected SS-304"):
        classifier.self_test()


def test_a_missing_golden_crop_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    classifier = _classifier(folder)
    (folder / "golden/SS-304.png").unlink()
    with pytest.raises(ModelRefused, match="found none that can be read"):
        classifier.self_test()


def test_a_model_without_golden_crops_cannot_prove_itself(tmp_path: Path) -> None:
    classifier = _classifier(write_model(tmp_path / "tiny", golden={"tolerance": 0.01, "crops": []}))
    with pytest.raises(ModelRefused, match="at least one golden crop"):
        classifier.self_test()


def test_a_network_exchanged_after_loading_is_noticed(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny")
    classifier = _classifier(folder)
    (folder / "model.onnx").write_bytes(b"something else")
    with pytest.raises(ModelRefused, match="Model hash check"):
        classifier.self_test()


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (tiny_network(size=24), r"input shape check .* expected .*3, 16, 16.*, found batch, 3, 24, 24"),
        (tiny_network(outputs=5), r"output shape check .* expected \(batch, 3\), found \(batch, 5\)"),
        (tiny_network(batch=1), r"a fixed batch of 1"),
    ],
)
def test_a_network_of_another_shape_is_refused(tmp_path: Path, network: bytes, complaint: str) -> None:
    folder = write_model(tmp_path / "tiny", network)
    with pytest.raises(ModelRefused, match=complaint):
        _classifier(folder)


def test_a_file_that_is_no_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "tiny", b"not a network at all")
    with pytest.raises(ModelRefused, match="Model load check"):
        _classifier(folder)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_crops_are_ordered_and_scaled_as_the_card_says(colour: str, layout: str) -> None:
    crop = np.zeros((1, 2, 2, 3), np.uint8)
    crop[..., 0], crop[..., 2] = 10, 30
    found = prepared(crop, InputSpec(colour, layout, (1.0, 2.0, 3.0), (0.5, 0.5, 2.0)))
    first = found[0, 0, 0, :] if layout == "nhwc" else found[0, :, 0, 0]
    assert found.dtype == np.float32
    assert first.tolist() == ([14.5, -1.0, 14.0] if colour == "rgb" else [4.5, -1.0, 54.0])


def test_huge_logits_do_not_overflow() -> None:
    scores = log_softmax(np.array([[1e6, 0, -1e6]], np.float32))
    assert scores[0, 0] == 0
    assert np.isfinite(scores).all()
