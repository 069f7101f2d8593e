"""Makes a stated 95 % right about 95 % of the time: temperature for one look, correlation for several."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vision.classifier import log_softmax

_GOLDEN = (math.sqrt(5) - 1) / 2


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Temperature in 0.2..10 with the least negative log likelihood (Guo et al. 2017, arXiv 1706.04599)."""
    low, high = math.log(0.2), math.log(10.0)
    while high - low > 1e-4:
        step = _GOLDEN * (high - low)
        left, right = high - step, low + step
        if _loss(logits / math.exp(left), truth) < _loss(logits / math.exp(right), truth):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def cautious_temperature(
    logits: NDArray[np.float32],
    truth: NDArray[np.int64],
    objects: NDArray[np.str_],
    *,
    quantile: float = 0.9,
    draws: int = 40,
    seed: int = 1,
) -> float:
    """Temperature that is not too low for ``quantile`` of the sets of objects that could have been held out.

    ``objects`` (n,) names the object each row shows. Whole objects are drawn with replacement (bootstrap): with few of
    them a plain fit is surer of itself on new objects than it should be.
    """
    rng = np.random.default_rng(seed)
    names, place = np.unique(objects, return_inverse=True)
    rows_of = [np.flatnonzero(place == n) for n in range(len(names))]
    found = []
    for _ in range(draws):
        rows = np.concatenate([rows_of[n] for n in rng.integers(len(names), size=len(names))])
        found.append(fit_temperature(logits[rows], truth[rows]))
    return float(np.quantile(found, quantile))


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
    losses = [_loss(combined(looks, float(step)), truth) for step in steps]
    return float(steps[int(np.argmin(losses))])


def _loss(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    return -float(log_softmax(logits)[np.arange(len(truth)), truth].mean())
