"""A detector made by hand that finds reddish pieces: a YOLOv8-shaped network over cells of the picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from ruamel.yaml import YAML

from vision.detector import Detector
from vision.model_card import load_card

WIDTH, HEIGHT, CELL, BOX = 320, 256, 8, 16.0
LABELS = ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC", "PWB", "BAT-OTHER", "RES-LIGHT")


def write_redness(folder: Path) -> Path:
    """The model's folder; its golden picture is a red square that it calls copper."""
    folder.mkdir(parents=True)
    network = _network()
    (folder / "model.onnx").write_bytes(network)
    cv2.imwrite(str(folder / "square.png"), red_square())
    card: dict[str, object] = {
        "name": "redness",
        "version": 1,
        "licence": "Apache-2.0",
        "kind": "yolov8",
        "labels": list(LABELS),
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"colour": "rgb", "layout": "nchw", "mean": [0, 0, 0], "scale": [1 / 255, 1 / 255, 1 / 255]},
        "detector": {"width_px": WIDTH, "height_px": HEIGHT, "min_score": 0.5, "iou": 0.1},
        "crop": {"size_px": 96, "margin": 1.15, "floor_mm": 60.0},
        "temperature": 1.0,
        "look_correlation": 0.5,
        "golden": {"tolerance": 0.02, "crops": []},
        "training": {"data": ["none"], "crops": {}, "objects": {}, "seed": 1, "epochs": 1},
        "measured": [],
        "speed": {},
        "notes": [],
    }
    yaml = YAML()
    yaml.dump(card, folder / "model.yaml")
    scores = np.exp(Detector(load_card(folder)).detect(red_square()).log_scores[0])
    expected = dict(zip(LABELS, map(float, scores), strict=True))
    card["golden"] = {"tolerance": 0.02, "crops": [{"file": "square.png", "expected": expected}]}
    yaml.dump(card, folder / "model.yaml")
    return folder


def red_square() -> NDArray[np.uint8]:
    """A picture (512, 640, 3) of belt with one copper-red square."""
    image = np.full((512, 640, 3), 60, np.uint8)
    image[200:264, 300:364] = (60, 90, 200)
    return image


def _network() -> bytes:
    """Each cell: how much more red than blue it is on average, as a score of copper."""
    rows, columns = HEIGHT // CELL, WIDTH // CELL
    cells = rows * columns
    kernel = np.zeros((1, 3, CELL, CELL), np.float32)
    kernel[0, 0], kernel[0, 2] = 1 / CELL**2, -1 / CELL**2
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1)
    size = np.full(cells, BOX)
    boxes = np.stack([(x + 0.5) * CELL, (y + 0.5) * CELL, size, size]).astype(np.float32)
    constants: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
        "kernel": kernel,
        "boxes": boxes[np.newaxis],
        "others": np.full((1, len(LABELS) - 1, cells), 0.01, np.float32),
        "threshold": np.array([0.06], np.float32),
        "steepness": np.array([60.0], np.float32),
        "list": np.array([1, 1, cells], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["red"], strides=[CELL, CELL]),
        helper.make_node("Sub", ["red", "threshold"], ["more"]),
        helper.make_node("Mul", ["more", "steepness"], ["steep"]),
        helper.make_node("Sigmoid", ["steep"], ["score"]),
        helper.make_node("Reshape", ["score", "list"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores", "others"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "redness",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + len(LABELS), cells])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
