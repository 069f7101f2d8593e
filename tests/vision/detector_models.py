"""Detectors as small as can be: random numbers of every published shape that depend a little on the picture."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from ruamel.yaml import YAML

LABELS = ("CU-NO2", "BRASS-YEL", "SS-304")
WIDTH, HEIGHT = 160, 128
STRIDES, BINS = (16, 32), 8
KINDS = ("yolov5", "yolov8", "end-to-end", "nms", "nanodet", "nanodet-joined", "rt-detr")


class Output(NamedTuple):
    """What the network says of an empty picture, and how far a white one moves it."""

    base: NDArray[np.float32]
    sway: float


def network(outputs: list[Output], width: int = WIDTH, height: int = HEIGHT, batch: int | str = 1) -> bytes:
    """A network whose outputs are ``base + sway * random * mean colour``."""
    rng = np.random.default_rng(5)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
    ]
    constants, infos = [], []
    for n, (base, sway) in enumerate(outputs):
        weights = rng.uniform(-sway, sway, (3, base.size)).astype(np.float32)
        constants += [
            onnx.numpy_helper.from_array(weights, f"w{n}"),
            onnx.numpy_helper.from_array(base.reshape(1, -1), f"b{n}"),
            onnx.numpy_helper.from_array(np.array(base.shape, np.int64), f"s{n}"),
        ]
        nodes += [
            helper.make_node("MatMul", ["flat", f"w{n}"], [f"m{n}"]),
            helper.make_node("Add", [f"m{n}", f"b{n}"], [f"a{n}"]),
            helper.make_node("Reshape", [f"a{n}", f"s{n}"], [f"out{n}"]),
        ]
        infos.append(helper.make_tensor_value_info(f"out{n}", TensorProto.FLOAT, list(base.shape)))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])
    graph = helper.make_graph(nodes, "random", [images], infos, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def random_outputs(kind: str, seed: int = 1, labels: int = 3) -> list[Output]:
    """Forty boxes, most of them on a few pieces, in the shape of the kind."""
    rng = np.random.default_rng(seed)
    middles = _middles(rng)
    corners = np.concatenate([middles[:, :2] - middles[:, 2:] / 2, middles[:, :2] + middles[:, 2:] / 2], axis=1)
    scores = rng.uniform(0.02, 0.98, (len(middles), labels)) ** 2
    count = len(middles)
    best, top = scores.argmax(axis=1).astype(float), scores.max(axis=1)
    if kind == "yolov5":
        there = rng.uniform(0.3, 1, (count, 1))
        return [_out(np.concatenate([middles, there, scores], axis=1)[np.newaxis])]
    if kind == "yolov8":
        return [_out(np.concatenate([middles, scores], axis=1).T[np.newaxis])]
    if kind == "end-to-end":
        return [_out(np.column_stack([corners, top, best])[np.newaxis], 0.0)]
    if kind == "nms":
        best[5] = -1
        parts = (np.array([[count - 4.0]]), corners[np.newaxis], top[np.newaxis], best[np.newaxis])
        return [_out(part, 0.0) for part in parts]
    if kind == "rt-detr":
        shares = middles / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
        return [_out(shares[np.newaxis], 0.001), _out(np.log(scores / (1 - scores))[np.newaxis])]
    return _nanodet(rng, labels, joined=kind == "nanodet-joined")


def write_detector(folder: Path, kind: str, outputs: list[Output] | None = None, /, **changes: object) -> Path:
    """A detector's folder with card and one golden picture that the card was written from."""
    (folder / "golden").mkdir(parents=True)
    model = network(random_outputs(kind) if outputs is None else outputs)
    (folder / "model.onnx").write_bytes(model)
    cv2.imwrite(str(folder / "golden/belt.png"), picture(3))
    declared = "nanodet" if kind.startswith("nanodet") else kind
    grid = {"strides": list(STRIDES), "bins": BINS} if declared == "nanodet" else {}
    card: dict[str, object] = {
        "name": "random",
        "version": 1,
        "licence": "Apache-2.0",
        "kind": declared,
        "labels": list(LABELS),
        "file": "model.onnx",
        "sha256": hashlib.sha256(model).hexdigest(),
        "input": {"colour": "rgb", "layout": "nchw", "mean": [0, 0, 0], "scale": [1 / 255, 1 / 255, 1 / 255]},
        "detector": {"width_px": WIDTH, "height_px": HEIGHT, "min_score": 0.3, "iou": 0.5, "piece_iou": 0.8, **grid},
        "crop": {"size_px": 32, "margin": 1.2, "floor_mm": 20.0},
        "temperature": 1.3,
        "look_correlation": 0.5,
        "golden": {"tolerance": 0.01, "crops": []},
        "training": {"data": ["nothing"], "crops": {}, "objects": {}, "seed": 1, "epochs": 1},
        "measured": [],
        "speed": {},
        "notes": [],
    }
    YAML().dump(card | changes, folder / "model.yaml")
    return folder


def picture(seed: int, width: int = 240, height: int = 300) -> NDArray[np.uint8]:
    """A belt with a few coloured pieces."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 60, np.uint8)
    for _ in range(5):
        x, y = int(rng.integers(20, width - 20)), int(rng.integers(20, height - 20))
        cv2.circle(image, (x, y), 15, rng.integers(80, 255, 3).tolist(), -1)
    return image


def _middles(rng: np.random.Generator) -> NDArray[np.float64]:
    """Ten pieces, four shaken boxes on each: middle and size, pixels."""
    places = np.column_stack(
        [rng.uniform(20, WIDTH - 20, 10), rng.uniform(20, HEIGHT - 20, 10), rng.uniform(14, 40, (10, 2))]
    )
    return np.repeat(places, 4, axis=0) + rng.normal(0, 2, (40, 4))


def _nanodet(rng: np.random.Generator, labels: int, *, joined: bool) -> list[Output]:
    counts = [math.ceil(WIDTH / stride) * math.ceil(HEIGHT / stride) for stride in STRIDES]
    scores = [rng.uniform(0, 0.8, (1, n, labels)) ** 2 for n in counts]
    sides = [rng.normal(0, 2, (1, n, 4 * BINS)) for n in counts]
    if joined:
        return [_out(np.concatenate([np.concatenate(scores, 1), np.concatenate(sides, 1)], axis=2), 0.02)]
    return [_out(part, 0.02) for part in (*scores, *sides)]


def _out(base: NDArray[np.float64], sway: float = 0.05) -> Output:
    return Output(base.astype(np.float32), sway)
