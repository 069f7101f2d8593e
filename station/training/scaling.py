"""What is added to each answer of the network, and by what all are divided, fitted to held-out pieces of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from station.training.calibration import fit_temperature, marginal_loss, spread_logs
from vision.classifier import log_softmax

Logs = NDArray[np.float32]
MayBe = NDArray[np.bool_]
WARY = 2.0
_ALARM, _FOUND, _STEP = 0.5, 0.95, 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network said: log probabilities (n, labels), what each crop may be (n, labels), the object it shows."""

    logs: Logs
    may_be: MayBe
    objects: NDArray[np.str_]

    def at(self, rows: NDArray[np.bool_]) -> Seen:
        """Some of the rows."""
        return Seen(self.logs[rows], self.may_be[rows], self.objects[rows])


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Logits (n, labels + 1) of pieces that were not taught: rendered, photographed, and made up to be no class.

    ``coins`` (photographs,) says which photographs show coins, ``floor`` (labels,) how "none of them" is spread,
    ``hazard`` which label stops the belt, None for none.
    """

    rendered: Seen
    photographed: Seen
    strange: Seen
    coins: NDArray[np.bool_]
    floor: Logs
    hazard: int | None = None

    def without(self, rows: NDArray[np.bool_]) -> HeldOut:
        """Some of the photographs left out."""
        return replace(self, photographed=self.photographed.at(~rows), coins=self.coins[~rows])


def fit_answers(held: HeldOut) -> tuple[Logs, float]:
    """Biases (labels + 1,) and the temperature; photographs of no class are never fitted to.

    Photographs other than coins count as much as coins and rendered pieces together: they are what a belt carries.
    """
    known = ~held.photographed.may_be[:, -1]
    coins, others = held.photographed.at(known & held.coins), held.photographed.at(known & ~held.coins)
    parts = [one for one in (held.rendered, coins, others, others, held.strange) if len(one.logs)]
    biases = _wary(fit_biases(parts))
    temperature = fit_shared_temperature(
        [spread_out(one, held.floor, biases) for one in (held.rendered, held.photographed.at(known))]
    )
    return _sparing(biases, temperature, held), temperature


def fit_shared_temperature(parts: Sequence[Seen]) -> float:
    """One temperature for several data sets, each counting the same, strangers left out."""
    known = [one.at(np.asarray(one.may_be.any(axis=1))) for one in parts]
    weights = np.concatenate([np.full(len(one.logs), 1 / len(one.logs)) for one in known])
    logs, may_be = np.concatenate([one.logs for one in known]), np.concatenate([one.may_be for one in known])
    return fit_temperature(lambda each: marginal_loss(logs / np.float32(each), may_be, weights))


def fit_biases(parts: Sequence[Seen], steps: int = 400, rate: float = 1.0, pull: float = 0.03) -> Logs:
    """What to add to each answer (labels + 1,) of logits (vector scaling, Guo et al. 2017); data sets count the same.

    It evens out that things were taught in other shares than they come; ``pull`` keeps answers few rows show near 0.
    """
    biases = np.zeros(parts[0].logs.shape[1], np.float32)
    for _step in range(steps):
        slope = pull * biases
        for one in parts:
            shares = np.exp(log_softmax(one.logs + biases))
            allowed = np.where(one.may_be, shares, 0)
            slope += (shares - allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1e-9)).mean(axis=0) / len(parts)
        biases -= np.float32(rate) * slope
    return np.asarray(biases - biases.mean(), np.float32)


def spread_out(one: Seen, floor: Logs, biases: Logs | None = None) -> Seen:
    """Logits (n, labels + 1) as the log probabilities (n, labels) that the network ships."""
    return Seen(spread_logs(one.logs, floor, biases), one.may_be[:, :-1], one.objects)


def cross_fitted(held: HeldOut, folds: int = 4) -> Logs:
    """Calibrated log probabilities (photographs, labels): biases and temperature fitted without each one's object."""
    names, place = np.unique(held.photographed.objects, return_inverse=True)
    fold = np.random.default_rng(1).permutation(len(names))[place] % folds
    calm = np.empty((len(fold), len(held.floor)), np.float32)
    for n in range(folds):
        biases, temperature = fit_answers(held.without(np.asarray(fold == n)))
        spread = spread_logs(held.photographed.logs[fold == n], held.floor, biases)
        calm[fold == n] = log_softmax(spread / np.float32(temperature))
    return calm


def _wary(biases: Logs) -> Logs:
    """The same leaning WARY towards "none of them": what is strange in a plant is less plain than what was invented."""
    return np.concatenate([biases[:-1], biases[-1:] + np.float32(WARY)])


def _sparing(biases: Logs, temperature: float, held: HeldOut) -> Logs:
    """With the hazard as unlikely as it may be while 0.95 of the held-out ones still reach what stops the belt.

    It is taught as often as everything else and comes far more seldom, and every false alarm stops a belt.
    """
    if held.hazard is None:
        return biases
    real = held.rendered.logs[held.rendered.may_be[:, held.hazard]]
    spared = biases
    while len(real):
        lower = spared.copy()
        lower[held.hazard] -= np.float32(_STEP)
        stated = np.exp(log_softmax(spread_logs(real, held.floor, lower) / np.float32(temperature)))[:, held.hazard]
        if (stated >= _ALARM).mean() < _FOUND:
            break
        spared = lower
    return spared
