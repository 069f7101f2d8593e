"""Teaches the upper blocks of the network, on what the frozen lower ones said about every crop (needs PyTorch)."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from station.training.network import build_top

EpochDone = Callable[[int, int, float, float], None]
Maps = NDArray[np.float16]
MayBe = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the network is taught. It stops early after ``patience`` epochs that did not lower the validation loss.

    ``mixed`` is the strength of mixup (Zhang et al. 2017, arXiv 1710.09412); ``kept`` says how slowly the running mean
    of the weights follows, which is what is measured and shipped.
    """

    seed: int = 1
    epochs: int = 4
    batch: int = 64
    rate: float = 1.5e-3
    decay: float = 0.03
    smoothing: float = 0.05
    mixed: float = 0.2
    kept: float = 0.998
    patience: int = 3
    threads: int = 1


@dataclass(slots=True)
class _Pupil:
    """The network while it learns, with what is needed to go on after an interruption."""

    network: nn.Sequential
    mean: nn.Sequential
    optimiser: torch.optim.AdamW
    steps: int = 0
    epoch: int = 0
    best_loss: float = math.inf
    best_epoch: int = 0
    best: bytes = b""


def fit(
    train: tuple[Maps, MayBe],
    val: tuple[Maps, MayBe],
    schedule: Schedule,
    *,
    state: Path,
    on_epoch: EpochDone | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> tuple[nn.Sequential, int]:
    """Teach on maps (n, c, h, w) and what each may be (n, labels + 1); gives the best network and the epochs run.

    The state is kept in ``state`` after every epoch; a file that is there already is gone on from.
    ``on_epoch`` hears (epoch, epochs, validation loss, validation accuracy).
    """
    torch.manual_seed(schedule.seed)
    torch.set_num_threads(schedule.threads)
    network = build_top(train[1].shape[1] - 1).to(memory_format=torch.channels_last)
    pupil = _Pupil(network, copy.deepcopy(network), _optimiser(network, schedule))
    _resume(pupil, state)
    while pupil.epoch < schedule.epochs and pupil.epoch - pupil.best_epoch < schedule.patience:
        _one_epoch(pupil, train, schedule, on_step)
        loss, accuracy = _validated(pupil.mean, val)
        pupil.epoch += 1
        if loss < pupil.best_loss:
            pupil.best_loss, pupil.best_epoch, pupil.best = loss, pupil.epoch, _packed(pupil.mean)
        _keep(pupil, state)
        if on_epoch is not None:
            on_epoch(pupil.epoch, schedule.epochs, loss, accuracy)
    pupil.mean.load_state_dict(torch.load(io.BytesIO(pupil.best), weights_only=True))
    return pupil.mean.eval(), pupil.epoch


def answers(network: nn.Module, maps: Maps) -> NDArray[np.float32]:
    """Logits (n, labels + 1) of maps."""
    network.eval()
    with torch.no_grad():
        rows = [network(_tensor(maps[n : n + 256])) for n in range(0, len(maps), 256)]
    return np.asarray(torch.cat(rows).numpy(), np.float32)


def partial_loss(logits: torch.Tensor, may_be: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Per row: minus the log of the probability of all classes the crop may be together, smoothed."""
    logs = torch.log_softmax(logits, 1)
    right = torch.logsumexp(logs.masked_fill(~may_be, -math.inf), 1)
    return -(1 - smoothing) * right - smoothing * logs.mean(1)


def _optimiser(network: nn.Sequential, schedule: Schedule) -> torch.optim.AdamW:
    """Only matrices decay; what was published is changed more slowly than the new end."""
    new = {id(one) for one in network[-1].parameters()}
    groups = [
        {
            "params": [one for one in network.parameters() if (id(one) in new) is fresh and (one.ndim > 1) is matrix],
            "weight_decay": schedule.decay if matrix else 0.0,
            "share": 1.0 if fresh else 0.4,
        }
        for fresh in (False, True)
        for matrix in (False, True)
    ]
    return torch.optim.AdamW(groups, schedule.rate)


def _one_epoch(
    pupil: _Pupil, train: tuple[Maps, MayBe], schedule: Schedule, on_step: Callable[[int, int], None] | None
) -> None:
    maps, may_be = train
    chance = np.random.default_rng(schedule.seed * 1000 + pupil.epoch)
    order = chance.permutation(len(may_be))
    steps = len(order) // schedule.batch
    pupil.network.train()
    for step in range(steps):
        rate = schedule.rate * _rate(pupil.epoch + step / steps, schedule.epochs)
        for group in pupil.optimiser.param_groups:
            group["lr"] = rate * group["share"]
        rows = np.sort(order[step * schedule.batch : (step + 1) * schedule.batch])
        _one_step(pupil, _tensor(maps[rows]), torch.from_numpy(may_be[rows]), schedule, chance)
        if on_step is not None:
            on_step(pupil.epoch * steps + step + 1, schedule.epochs * steps)


def _one_step(
    pupil: _Pupil, seen: torch.Tensor, may_be: torch.Tensor, schedule: Schedule, chance: np.random.Generator
) -> None:
    share = float(chance.beta(schedule.mixed, schedule.mixed)) if schedule.mixed else 1.0
    other = torch.from_numpy(chance.permutation(len(seen)))
    pupil.optimiser.zero_grad()
    logits = pupil.network(share * seen + (1 - share) * seen[other])
    loss = share * partial_loss(logits, may_be, schedule.smoothing)
    loss = loss + (1 - share) * partial_loss(logits, may_be[other], schedule.smoothing)
    loss.mean().backward()
    nn.utils.clip_grad_norm_(pupil.network.parameters(), 5.0)
    pupil.optimiser.step()
    pupil.steps += 1
    kept = min(schedule.kept, pupil.steps / (10 + pupil.steps))
    with torch.no_grad():
        for mean, now in zip(pupil.mean.state_dict().values(), pupil.network.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - kept)
            else:
                mean.copy_(now)


def _rate(epoch: float, epochs: int) -> float:
    """Half an epoch of warming up, then a cosine to nothing."""
    return min(epoch / 0.5 + 0.02, 0.5 * (1 + math.cos(math.pi * epoch / epochs)))


def _tensor(maps: Maps) -> torch.Tensor:
    return torch.from_numpy(maps.astype(np.float32)).to(memory_format=torch.channels_last)


def _validated(network: nn.Sequential, val: tuple[Maps, MayBe]) -> tuple[float, float]:
    maps, may_be = val
    logits = torch.from_numpy(answers(network, maps))
    allowed = torch.from_numpy(may_be)
    right = allowed[torch.arange(len(logits)), logits.argmax(1)].float().mean()
    return float(partial_loss(logits, allowed, 0.0).mean()), float(right)


def _packed(network: nn.Sequential) -> bytes:
    written = io.BytesIO()
    torch.save(network.state_dict(), written)
    return written.getvalue()


def _keep(pupil: _Pupil, state: Path) -> None:
    partial = state.with_suffix(".partial")
    kept = {
        "network": pupil.network.state_dict(),
        "mean": pupil.mean.state_dict(),
        "optimiser": pupil.optimiser.state_dict(),
        "progress": [pupil.steps, pupil.epoch, pupil.best_epoch, pupil.best_loss],
        "best": torch.frombuffer(bytearray(pupil.best), dtype=torch.uint8),
    }
    torch.save(kept, partial)
    partial.replace(state)


def _resume(pupil: _Pupil, state: Path) -> None:
    if not state.exists():
        return
    kept = torch.load(state, weights_only=True)
    pupil.network.load_state_dict(kept["network"])
    pupil.mean.load_state_dict(kept["mean"])
    pupil.optimiser.load_state_dict(kept["optimiser"])
    pupil.steps, pupil.epoch, pupil.best_epoch, pupil.best_loss = kept["progress"]
    pupil.best = kept["best"].numpy().tobytes()
