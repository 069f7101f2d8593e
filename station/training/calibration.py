"""Makes a stated 95 % right about 95 % of the time: temperature for one look, correlation for several."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vision.classifier import log_softmax

_GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(loss_of: Callable[[float], float]) -> float:
    """Temperature in 0.2..10 with the least loss (golden section; Guo et al. 2017, arXiv 1706.04599)."""
    low, high = math.log(0.2), math.log(10.0)
    while high - low > 1e-4:
        step = _GOLDEN * (high - low)
        left, right = high - step, low + step
        if loss_of(math.exp(left)) < loss_of(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def floor_of(labels: Sequence[str], families: Mapping[str, str]) -> NDArray[np.float32]:
    """How "none of them" is spread over the labels (n,): every family gets the same, a family's labels share it."""
    size = Counter(families[label] for label in labels)
    return np.array([1 / (len(size) * size[families[label]]) for label in labels], np.float32)


def spread_logs(
    logits: NDArray[np.floating], floor: NDArray[np.float32], biases: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Logits (n, labels + 1) plus ``biases`` to log probabilities (n, labels), the last's share spread by ``floor``."""
    shares = np.exp(log_softmax(np.asarray(logits if biases is None else logits + biases, np.float32)))
    return np.asarray(np.log(shares[:, :-1] + shares[:, -1:] * floor + 1e-9), np.float32)


def marginal_loss(
    logits: NDArray[np.floating], may_be: NDArray[np.bool_], weights: NDArray[np.floating] | None = None
) -> float:
    """Mean of minus the log of the probability of all classes together that a row ``may_be`` (n, labels)."""
    shares = np.where(may_be, np.exp(log_softmax(np.asarray(logits, np.float32))), 0).sum(axis=1)
    return -float(np.average(np.log(np.maximum(shares, 1e-12)), weights=weights))


def combined(looks: NDArray[np.float32], correlation: float) -> NDArray[np.float32]:
    """Log posterior (pieces, labels) of several looks (pieces, looks, labels) at the same pieces.

    n looks of which each repeats the others by ``correlation`` are worth n / (1 + (n - 1) correlation) independent
    ones (Kish's design effect), so the summed log probabilities are divided by that term.
    """
    count = looks.shape[1]
    return log_softmax(looks.sum(axis=1) / np.float32(1 + (count - 1) * correlation))


def fit_look_correlation(looks: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Correlation in 0..1 with the least negative log likelihood of the combined looks, in steps of 0.01."""
    steps = np.linspace(0, 1, 101)
    may_be = truth[:, np.newaxis] == np.arange(looks.shape[2])
    losses = [marginal_loss(combined(looks, float(step)), may_be) for step in steps]
    return float(steps[int(np.argmin(losses))])
