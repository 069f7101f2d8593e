"""A model folder as small as can be: three labels, told by the mean colour of a crop."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from ruamel.yaml import YAML

LABELS = ("CU-NO2", "BRASS-YEL", "SS-304")
SIZE = 16
COLOURS_BGR = ((40, 60, 200), (30, 210, 180), (190, 60, 40))


def tiny_network(outputs: int = 3, batch: int | str = "batch", size: int = SIZE, spoil: bool = False) -> bytes:
    """Logits are the mean red, green and blue; ``spoil`` takes their logarithm, which black breaks."""
    weights = np.zeros((3, outputs), np.float32)
    np.fill_diagonal(weights, 4.0)
    nodes = [
        helper.make_node("GlobalAveragePool", ["crops"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["plain" if spoil else "logits"]),
    ]
    constants = [helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel().tolist())]
    if spoil:
        nodes.append(helper.make_node("Log", ["plain"], ["logits"]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, outputs])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def plain_crop(label: int) -> NDArray[np.uint8]:
    """A crop of one colour, (SIZE, SIZE, 3) BGR, that the tiny network calls LABELS[label]."""
    return np.full((SIZE, SIZE, 3), COLOURS_BGR[label], np.uint8)


def expected_scores(label: int, temperature: float = 1.0) -> list[float]:
    """What the tiny network must say about ``plain_crop(label)``, worked out by hand."""
    blue, green, red = COLOURS_BGR[label]
    logits = 4.0 * np.array([red, green, blue]) / 255 / temperature
    shares = np.exp(logits - logits.max())
    return [float(share) for share in shares / shares.sum()]


def write_model(folder: Path, network: bytes | None = None, **changes: object) -> Path:
    """A model folder with card and golden crops; ``changes`` replace top-level keys of the card."""
    (folder / "golden").mkdir(parents=True)
    network = tiny_network() if network is None else network
    (folder / "model.onnx").write_bytes(network)
    for n, label in enumerate(LABELS):
        cv2.imwrite(str(folder / f"golden/{label}.png"), plain_crop(n))
    card = _card(network) | changes
    YAML().dump(card, folder / "model.yaml")
    return folder


def _card(network: bytes) -> dict[str, object]:
    expected = [dict(zip(LABELS, expected_scores(n), strict=True)) for n in range(len(LABELS))]
    golden = [{"file": f"golden/{label}.png", "expected": expected[n]} for n, label in enumerate(LABELS)]
    return {
        "name": "tiny",
        "version": 1,
        "licence": "Apache-2.0",
        "labels": list(LABELS),
        "file": "model.onnx",
        "sha256": hashlib.sha256(network).hexdigest(),
        "input": {"colour": "rgb", "layout": "nchw", "mean": [0, 0, 0], "scale": [1 / 255, 1 / 255, 1 / 255]},
        "crop": {"size_px": SIZE, "margin": 1.2, "floor_mm": 10.0},
        "temperature": 1.0,
        "look_correlation": 0.5,
        "golden": {"tolerance": 0.01, "crops": golden},
        "training": {"data": ["three colours"], "crops": {"train": 3}, "objects": {"train": 3}, "seed": 1, "epochs": 1},
        "measured": [],
        "speed": {},
        "notes": ["tells plain colours apart and nothing else"],
    }
