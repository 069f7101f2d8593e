"""Every published shape of detector is read as a slow decoder, written apart from it, reads it."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from ruamel.yaml import YAML

from tests.vision.detector_models import (
    BINS,
    HEIGHT,
    KINDS,
    LABELS,
    STRIDES,
    WIDTH,
    Output,
    network,
    picture,
    random_outputs,
    write_detector,
)
from tests.vision.tiny_model import write_model
from vision.classifier import Classifier
from vision.detector import Detector
from vision.detectors.candidates import Candidates, strong, thinned
from vision.model_card import load_card
from vision.types import ModelRefused

TEMPERATURE, MIN_SCORE, IOU, PIECE_IOU = 1.3, 0.3, 0.5, 0.8


class Found(NamedTuple):
    score: float
    box: tuple[float, float, float, float]
    logits: list[float]


def detector(folder: Path) -> Detector:
    return Detector(load_card(folder))


def logit(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def around(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def winner(row: NDArray[np.float32], score: float, label: int) -> Found:
    logits = [math.log((1 - score) / 2)] * 3
    logits[label] = math.log(score)
    return Found(score, (float(row[0]), float(row[1]), float(row[2]), float(row[3])), logits)


def slowly(kind: str, raw: list[NDArray[np.float32]]) -> list[Found]:
    """Every box of the network one by one, in input pixels."""
    found: list[Found] = []
    if kind == "yolov5":
        for row in raw[0][0]:
            scores = [float(row[4] * s) for s in row[5:]]
            found.append(Found(max(scores), around(*map(float, row[:4])), [logit(s) for s in scores]))
    elif kind == "yolov8":
        for n in range(raw[0].shape[2]):
            row = [float(value) for value in raw[0][0, :, n]]
            found.append(Found(max(row[4:]), around(row[0], row[1], row[2], row[3]), [logit(s) for s in row[4:]]))
    elif kind == "end-to-end":
        found.extend(winner(row, float(row[4]), int(row[5])) for row in raw[0][0])
    elif kind == "nms":
        for n in range(int(raw[0][0, 0])):
            if raw[3][0, n] >= 0:
                found.append(winner(raw[1][0, n], float(raw[2][0, n]), int(raw[3][0, n])))
    elif kind == "rt-detr":
        for box, logits in zip(raw[0][0], raw[1][0], strict=True):
            score = 1 / (1 + math.exp(-max(logits)))
            x, y, w, h = map(float, box)
            found.append(Found(score, around(x * WIDTH, y * HEIGHT, w * WIDTH, h * HEIGHT), list(map(float, logits))))
    else:
        found.extend(cells(raw, joined=kind == "nanodet-joined"))
    return found


def cells(raw: list[NDArray[np.float32]], *, joined: bool) -> list[Found]:
    found = []
    start = 0
    for level, stride in enumerate(STRIDES):
        columns, rows = math.ceil(WIDTH / stride), math.ceil(HEIGHT / stride)
        for n in range(columns * rows):
            whole = raw[0][0, start + n] if joined else np.concatenate([raw[level][0, n], raw[2 + level][0, n]])
            sides = []
            for side in range(4):
                weights = [math.exp(w) for w in whole[3 + side * BINS : 3 + (side + 1) * BINS]]
                sides.append(stride * sum(k * w for k, w in enumerate(weights)) / sum(weights))
            x, y = (n % columns + 0.5) * stride, (n // columns + 0.5) * stride
            box = (max(x - sides[0], 0), max(y - sides[1], 0), min(x + sides[2], WIDTH), min(y + sides[3], HEIGHT))
            scores = [float(s) for s in whole[:3]]
            found.append(Found(max(scores), box, [logit(s) for s in scores]))
        start += columns * rows
    return found


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def label(found: Found) -> int:
    return max(range(3), key=found.logits.__getitem__)


def best_first(found: list[Found], iou: float, *, by_class: bool) -> list[Found]:
    kept: list[Found] = []
    for one in sorted(found, key=lambda f: -f.score):
        rivals = [k for k in kept if not by_class or label(k) == label(one)]
        if all(overlap(one.box, k.box) <= iou for k in rivals):
            kept.append(one)
    return kept


def reference(folder: Path, kind: str, image: NDArray[np.uint8]) -> tuple[list[list[float]], list[list[float]]]:
    """Boxes in the picture and probabilities, strongest first."""
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    w, h = round(image.shape[1] * scale), round(image.shape[0] * scale)
    left, top = (WIDTH - w) // 2, (HEIGHT - h) // 2
    canvas = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    canvas[top : top + h, left : left + w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    batch = canvas[..., ::-1].transpose(2, 0, 1)[np.newaxis].astype(np.float32) / 255
    raw = ort.InferenceSession((folder / "model.onnx").read_bytes(), providers=["CPUExecutionProvider"]).run(
        None, {"images": batch}
    )
    found = [one for one in slowly(kind, raw) if one.score >= MIN_SCORE]
    if kind not in ("end-to-end", "nms", "rt-detr"):
        found = best_first(found, IOU, by_class=True)
    boxes, shares = [], []
    for one in best_first(found, PIECE_IOU, by_class=False):
        x0, x1 = ((x - left) / (w / image.shape[1]) for x in (one.box[0], one.box[2]))
        y0, y1 = ((y - top) / (h / image.shape[0]) for y in (one.box[1], one.box[3]))
        boxes.append([*_cut((x0, y0), image), *_cut((x1, y1), image)])
        weights = [math.exp(value / TEMPERATURE) for value in one.logits]
        shares.append([weight / sum(weights) for weight in weights])
    return boxes, shares


def _cut(point: tuple[float, float], image: NDArray[np.uint8]) -> tuple[float, float]:
    return min(max(point[0], 0), image.shape[1]), min(max(point[1], 0), image.shape[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_boxes_and_scores_are_those_of_the_slow_decoder(tmp_path: Path, kind: str, seed: int) -> None:
    folder = write_detector(tmp_path / "d", kind, random_outputs(kind, seed))
    image = picture(seed)
    boxes, shares = reference(folder, kind, image)
    found = detector(folder).detect(image)
    assert len(boxes) > 3
    assert found.boxes.tolist() == [pytest.approx(box, abs=0.01) for box in boxes]
    assert np.exp(found.log_scores).tolist() == [pytest.approx(share, abs=1e-4) for share in shares]


@pytest.mark.parametrize("declared", ["yolov5", "yolov8", "end-to-end", "nms", "rt-detr"])
@pytest.mark.parametrize("kind", ["yolov5", "yolov8", "end-to-end", "nms", "nanodet", "rt-detr"])
def test_outputs_of_another_kind_than_the_card_says_are_refused(tmp_path: Path, kind: str, declared: str) -> None:
    if kind == declared:
        return
    folder = write_detector(tmp_path / "d", kind, kind=declared)
    with pytest.raises(ModelRefused, match=rf"output shape check .* expected {declared} with 3 labels") as refusal:
        detector(folder)
    if kind != "nanodet":
        assert f"that is the shape of kind {kind}" in str(refusal.value)


def test_a_network_for_another_number_of_labels_is_refused_with_both_shapes(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "d", "yolov8", random_outputs("yolov8", labels=5))
    with pytest.raises(ModelRefused, match=r"expected yolov8 with 3 labels: \(1, 7, any\), found \(1, 9, 40\)"):
        detector(folder)


def test_a_network_for_another_picture_size_is_refused(tmp_path: Path) -> None:
    changed = {"width_px": 320, "height_px": HEIGHT, "min_score": 0.3}
    folder = write_detector(tmp_path / "d", "yolov8", detector=changed)
    with pytest.raises(ModelRefused, match=r"input shape check .*\(1, 3, 128, 320\), found .*1, 3, 128, 160"):
        detector(folder)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": "ssd"}, "kind"),
        ({"detector": {"width_px": 160, "height_px": 128, "min_score": 0}}, "min_score"),
        ({"detector": {"width_px": 160, "height_px": 128, "min_score": 0.3, "fit": "crop"}}, "fit"),
        ({"detector": {"width_px": 16, "height_px": 128, "min_score": 0.3}}, "width_px"),
    ],
)
def test_a_card_that_cannot_be_is_refused_with_its_key(tmp_path: Path, changes: dict[str, object], key: str) -> None:
    folder = write_detector(tmp_path / "d", "yolov8", None, **changes)
    with pytest.raises(ModelRefused, match=rf"Model card check: .* at \S*{key}"):
        load_card(folder)


def test_a_golden_picture_proves_the_detector_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "d", "yolov5")
    shares = np.exp(detector(folder).detect(picture(3)).log_scores[0])
    expected = dict(zip(LABELS, map(float, shares), strict=True))
    golden = {"tolerance": 0.01, "crops": [{"file": "golden/belt.png", "expected": expected}]}
    proven = write_detector(tmp_path / "proven", "yolov5", golden=golden)
    detector(proven).self_test()
    swapped = expected | {LABELS[0]: expected[LABELS[1]], LABELS[1]: expected[LABELS[0]]}
    golden["crops"] = [{"file": "golden/belt.png", "expected": swapped}]
    with pytest.raises(ModelRefused, match=r"golden picture golden/belt\.png check"):
        detector(write_detector(tmp_path / "swapped", "yolov5", golden=golden)).self_test()
    with pytest.raises(ModelRefused, match="at least one golden picture"):
        detector(folder).self_test()


def test_a_classifier_does_not_take_a_detector_nor_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"kind check .* found a detector of kind yolov8"):
        Classifier(load_card(write_detector(tmp_path / "d", "yolov8")))
    with pytest.raises(ModelRefused, match="expected a detector, found a classifier"):
        detector(write_model(tmp_path / "c"))


def test_a_picture_with_nothing_in_it_has_no_boxes(tmp_path: Path) -> None:
    faint = Output(np.zeros((1, 7, 40), np.float32), 0.0)
    found = detector(write_detector(tmp_path / "d", "yolov8", [faint])).detect(picture(1))
    assert found.boxes.shape == (0, 4)
    assert len(found.log_scores) == 0


def test_a_network_that_spits_numbers_that_are_none_finds_nothing(tmp_path: Path) -> None:
    broken = Output(np.full((1, 8, 8), np.nan, np.float32), 0.0)
    assert len(detector(write_detector(tmp_path / "d", "yolov5", [broken])).detect(picture(1)).boxes) == 0


@pytest.mark.parametrize("fit", ["corner", "stretch"])
def test_a_box_comes_back_to_where_it_was_whatever_way_the_picture_was_fitted(tmp_path: Path, fit: str) -> None:
    size = {"width_px": WIDTH, "height_px": HEIGHT, "min_score": 0.3, "fit": fit}
    scale_x, scale_y = (WIDTH / 240, HEIGHT / 300) if fit == "stretch" else (HEIGHT / 300, HEIGHT / 300)
    row = [60 * scale_x, 150 * scale_y, 40 * scale_x, 90 * scale_y, 0.1, 0.9, 0.2]
    base = np.array([row]).T[np.newaxis].astype(np.float32)
    found = detector(write_detector(tmp_path / "d", "yolov8", [Output(base, 0.0)], detector=size)).detect(picture(1))
    assert found.boxes[0].tolist() == pytest.approx([40, 105, 80, 195], abs=0.5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9), st.booleans())
def test_thinning_keeps_what_opencv_keeps(seed: int, iou: float, by_class: bool) -> None:
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (30, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (30, 2))], axis=1).astype(np.float32)
    strength = rng.permutation(np.linspace(0.2, 0.9, 30)).astype(np.float32)
    labels = rng.integers(0, 3, 30)
    some = strong(Candidates(boxes, np.zeros((30, 3), np.float32), strength, labels), 0.1)
    mine = thinned(some, iou, by_class=by_class)
    shift = labels[:, np.newaxis] * 1000.0 if by_class else 0.0
    sized = np.concatenate([boxes[:, :2] + shift, boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(sized.tolist(), strength.tolist(), 0.1, iou)
    assert sorted(mine.strength.tolist()) == pytest.approx(sorted(strength[np.asarray(kept).ravel()].tolist()))


def test_the_hash_of_the_network_is_checked(tmp_path: Path) -> None:
    folder = write_detector(tmp_path / "d", "yolov8")
    found = detector(folder)
    (folder / "model.onnx").write_bytes(network(random_outputs("yolov8", 9)))
    with pytest.raises(ModelRefused, match="hash check"):
        found.self_test()
    card = YAML(typ="safe").load(folder / "model.yaml")
    assert card["sha256"] != hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
