"""Teaches the network: the only place that needs PyTorch (the extra ``train``)."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from vision.model_card import InputSpec

WIDTHS = (16, 32, 64, 128)
INPUT = InputSpec("rgb", "nchw", (100.0, 100.0, 100.0), (1 / 60.0, 1 / 60.0, 1 / 60.0))
_OPSET = 17
EpochDone = Callable[[int, int, float, float], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the network is taught. It stops early after ``patience`` epochs that did not lower the validation loss.

    The first ``small_share`` of the epochs see the crops shrunk to ``small`` of their size: more rounds for the time.
    """

    seed: int = 1
    epochs: int = 10
    batch: int = 96
    rate: float = 3e-3
    decay: float = 0.02
    smoothing: float = 0.05
    patience: int = 4
    threads: int = 2
    small: float = 0.667
    small_share: float = 0.5


@dataclass(slots=True)
class _Pupil:
    """The network while it learns, with what is needed to go on after an interruption."""

    network: nn.Sequential
    optimiser: torch.optim.AdamW
    epoch: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    best: bytes = b""


def build(labels: int, dropout: float = 0.2) -> nn.Sequential:
    """Four steps down to a sixteenth of the picture, the last three with two more layers, then the mean of the map.

    Takes float (n, 3, s, s) of about unit range, gives logits (n, labels). Plain convolutions run fastest on one core.
    """
    layers: list[nn.Module] = list(_conv(3, WIDTHS[0], 2))
    for before, after in pairwise(WIDTHS):
        layers += [*_conv(before, after, 2), *_conv(after, after, 1), *_conv(after, after, 1)]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(WIDTHS[-1], labels)]
    return nn.Sequential(*layers)


def fit(
    train: tuple[NDArray[np.uint8], NDArray[np.int64]],
    val: tuple[NDArray[np.uint8], NDArray[np.int64]],
    labels: int,
    schedule: Schedule,
    *,
    state: Path,
    on_epoch: EpochDone | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[bytes, int]:
    """Teach on BGR crops (n, s, s, 3) with their label indices; returns the best network's weights and the epochs run.

    The state is kept in ``state`` after every epoch; a file that is there already is gone on from.
    ``on_epoch`` hears (epoch, epochs, validation loss, validation accuracy).
    """
    torch.manual_seed(schedule.seed)
    torch.set_num_threads(schedule.threads)
    network = build(labels).to(memory_format=torch.channels_last)
    pupil = _Pupil(network, torch.optim.AdamW(network.parameters(), schedule.rate, weight_decay=schedule.decay))
    _resume(pupil, state)
    while pupil.epoch < schedule.epochs and not _tired(pupil, schedule):
        _one_epoch(pupil, train, schedule, on_step)
        loss, accuracy = _validated(pupil.network, val)
        pupil.epoch += 1
        if loss < pupil.best_loss:
            pupil.best_loss, pupil.best_epoch, pupil.best = loss, pupil.epoch, _packed(pupil.network)
        _keep(pupil, state)
        if on_epoch is not None:
            on_epoch(pupil.epoch, schedule.epochs, loss, accuracy)
    return pupil.best, pupil.epoch


def as_onnx(weights: bytes, labels: tuple[str, ...], size_px: int) -> bytes:
    """The network as ONNX with a free batch axis and its labels written inside."""
    network = build(len(labels))
    network.load_state_dict(torch.load(io.BytesIO(weights), weights_only=True))
    network.eval()
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(4, 3, size_px, size_px),),
            written,
            input_names=["crops"],
            output_names=["logits"],
            dynamic_axes={"crops": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(written.getvalue())
    onnx.helper.set_model_props(model, {"labels": ",".join(labels)})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _conv(before: int, after: int, stride: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(before, after, 3, stride, 1, bias=False)
    yield nn.BatchNorm2d(after)
    yield nn.ReLU(inplace=True)


def _one_epoch(
    pupil: _Pupil,
    train: tuple[NDArray[np.uint8], NDArray[np.int64]],
    schedule: Schedule,
    on_step: Callable[[int, int], None] | None,
) -> None:
    crops, truth = train
    chance = torch.Generator().manual_seed(schedule.seed * 1000 + pupil.epoch)
    order = torch.randperm(len(truth), generator=chance).numpy()
    steps = len(order) // schedule.batch
    loss_of = nn.CrossEntropyLoss(label_smoothing=schedule.smoothing)
    pupil.network.train()
    for step in range(steps):
        for group in pupil.optimiser.param_groups:
            group["lr"] = schedule.rate * _rate(pupil.epoch + step / steps, schedule.epochs)
        rows = order[step * schedule.batch : (step + 1) * schedule.batch]
        pupil.optimiser.zero_grad()
        seen = _varied(_tensor(crops[rows]), chance)
        if pupil.epoch < schedule.small_share * schedule.epochs:
            seen = nn.functional.interpolate(seen, scale_factor=schedule.small, mode="bilinear")
        loss = loss_of(pupil.network(seen), torch.from_numpy(truth[rows]))
        loss.backward()
        pupil.optimiser.step()
        if on_step is not None:
            on_step(pupil.epoch * steps + step + 1, schedule.epochs * steps)


def _tired(pupil: _Pupil, schedule: Schedule) -> bool:
    """Nothing improved for long; the rounds with shrunk crops do not count, for they are measured at full size."""
    since = max(pupil.best_epoch, math.ceil(schedule.small_share * schedule.epochs))
    return pupil.epoch - since >= schedule.patience


def _rate(epoch: float, epochs: int) -> float:
    """Half an epoch of warming up, then a cosine to nothing."""
    return min(epoch / 0.5 + 0.02, 0.5 * (1 + math.cos(math.pi * epoch / epochs)))


def _tensor(crops: NDArray[np.uint8]) -> torch.Tensor:
    """BGR crops as the network wants them; the same sums as ``vision.classifier.prepared``."""
    pixels = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).permute(0, 3, 1, 2).float()
    return (pixels - INPUT.mean[0]) * INPUT.scale[0]


def _varied(crops: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Mirrored and turned by quarters as a batch, each crop a little lighter, darker or tinted."""
    flip, turn = torch.randint(0, 2, (1,), generator=chance).item(), torch.randint(0, 4, (1,), generator=chance).item()
    crops = torch.rot90(crops.flip(3) if flip else crops, int(turn), (2, 3))
    tint = torch.exp(0.03 * torch.randn(len(crops), 3, 1, 1, generator=chance))
    light = torch.exp(0.10 * torch.randn(len(crops), 1, 1, 1, generator=chance))
    black = -INPUT.mean[0] * INPUT.scale[0]
    return ((crops - black) * tint * light + black).contiguous(memory_format=torch.channels_last)


def _validated(network: nn.Sequential, val: tuple[NDArray[np.uint8], NDArray[np.int64]]) -> tuple[float, float]:
    network.eval()
    crops, truth = val
    with torch.no_grad():
        logits = torch.cat([network(_tensor(crops[n : n + 256])) for n in range(0, len(crops), 256)])
    wanted = torch.from_numpy(truth)
    right = (logits.argmax(1) == wanted).float().mean()
    return float(nn.functional.cross_entropy(logits, wanted)), float(right)


def _packed(network: nn.Sequential) -> bytes:
    written = io.BytesIO()
    torch.save(network.state_dict(), written)
    return written.getvalue()


def _keep(pupil: _Pupil, state: Path) -> None:
    partial = state.with_suffix(".partial")
    kept = {
        "network": pupil.network.state_dict(),
        "optimiser": pupil.optimiser.state_dict(),
        "progress": [pupil.epoch, pupil.best_epoch, pupil.best_loss],
        "best": torch.frombuffer(bytearray(pupil.best), dtype=torch.uint8),
    }
    torch.save(kept, partial)
    partial.replace(state)


def _resume(pupil: _Pupil, state: Path) -> None:
    if not state.exists():
        return
    kept = torch.load(state, weights_only=True)
    pupil.network.load_state_dict(kept["network"])
    pupil.optimiser.load_state_dict(kept["optimiser"])
    pupil.epoch, pupil.best_epoch, pupil.best_loss = kept["progress"]
    pupil.best = kept["best"].numpy().tobytes()
