"""The network: frozen published blocks, taught blocks, one answer per class and one for "none of them"."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
import torch
from numpy.typing import NDArray
from torch import nn

from station.training.lite import load_published, published_head, stem_and_blocks
from vision.classifier import prepared
from vision.model_card import InputSpec

INPUT = InputSpec("rgb", "nchw", (127.0, 127.0, 127.0), (1 / 128.0, 1 / 128.0, 1 / 128.0))
BLOCKS, FROZEN = 16, 5
_OPSET = 17


def build_body() -> nn.Sequential:
    """The frozen part: float (n, 3, s, s) as INPUT says to maps (n, 40, s/8, s/8)."""
    parts = stem_and_blocks(FROZEN)
    load_published(parts)
    body = nn.Sequential(*parts).eval()
    return body.requires_grad_(False)


def build_top(labels: int, dropout: float = 0.2) -> nn.Sequential:
    """The taught part, published weights where there are any: maps to logits (n, labels + 1), the last for "none"."""
    parts = stem_and_blocks(BLOCKS)
    load_published(parts)
    head = published_head()
    width = head[0].out_channels
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, labels + 1)]
    return nn.Sequential(*parts[FROZEN + 1 :], *head, *end)


class Calibrated(nn.Module):  # type: ignore[misc]  # PyTorch's own way to write a layer
    """Body and top, and what the network ships as logits: log probabilities in which "none of them" is spread out.

    So a piece that is no class comes out unsure of all of them, whatever adds up several looks.
    """

    def __init__(
        self, body: nn.Module, top: nn.Module, floor: NDArray[np.float32], biases: NDArray[np.float32]
    ) -> None:
        """``floor`` (labels,) is how "none of them" is spread; ``biases`` (labels + 1,) are added to the answers."""
        super().__init__()
        self.body, self.top = body, top
        self._floor, self._biases = torch.from_numpy(floor), torch.from_numpy(biases)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        """Float crops (n, 3, s, s) to log probabilities (n, labels)."""
        shares = torch.softmax(self.top(self.body(crops)) + self._biases, 1)
        return torch.log(shares[:, :-1] + shares[:, -1:] * self._floor + 1e-9)


def write_maps(crops_file: Path, maps_file: Path) -> None:
    """Keep what the frozen part says about the crops of one portion; for a process of its own."""
    with np.load(crops_file) as kept:
        maps = body_maps(kept["crops"])
    unfinished = maps_file.with_suffix(".partial")
    with unfinished.open("wb") as written:
        np.save(written, maps)
    unfinished.replace(maps_file)


def body_maps(crops: NDArray[np.uint8]) -> NDArray[np.float16]:
    """What the frozen part says about BGR crops (n, s, s, 3); onnxruntime is six times as fast as PyTorch here."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    network = as_onnx(build_body(), crops.shape[1], "maps")
    session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    rows = [
        session.run(None, {"crops": prepared(crops[n : n + 32], INPUT)})[0].astype(np.float16)
        for n in range(0, len(crops), 32)
    ]
    return np.concatenate(rows)


def as_onnx(network: nn.Module, size_px: int, answer: str, labels: tuple[str, ...] = ()) -> bytes:
    """A network on crops as ONNX with a free batch axis; ``labels`` are written inside."""
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(4, 3, size_px, size_px),),
            written,
            input_names=["crops"],
            output_names=[answer],
            dynamic_axes={"crops": {0: "batch"}, answer: {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(written.getvalue())
    if labels:
        onnx.helper.set_model_props(model, {"labels": ",".join(labels)})
    if labels:
        _halve(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _halve(model: onnx.ModelProto) -> None:
    """Keep large weights as float16, which halves the file; they are float32 again when the network is loaded."""
    casts = []
    for each in model.graph.initializer:
        if each.data_type == onnx.TensorProto.FLOAT and np.prod(each.dims) >= 1024:
            name, halved = each.name, onnx.numpy_helper.to_array(each).astype(np.float16)
            each.CopyFrom(onnx.numpy_helper.from_array(halved, f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
