"""What a belt scale teaches about the masses: one factor per class, with what is still not known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from station.mass import ClassTotal

_ROUNDS = 30
_LONGEST_STEP = 0.5
_STILL = 1e-10


class Weighing(NamedTuple):
    """What a scale said, with its standard deviation, and what was estimated for the same pieces, by class.

    The estimates are those of the priors alone, with every factor 1.
    """

    scale_g: float
    scale_sd_g: float
    estimated: Mapping[str, ClassTotal]


class Factor(NamedTuple):
    """Multiplies the mass of every piece of a class; ``sd`` is relative to it."""

    factor: float
    sd: float


def fit_factors(weighings: Sequence[Weighing], prior_sd: Mapping[str, float]) -> Mapping[str, Factor]:
    """The most likely factors after these weighings, for the classes of ``prior_sd``.

    The logarithm of a factor is normal with mean 0 and ``prior_sd`` before the first weighing; the posterior is taken
    as normal around its highest point, which Gauss-Newton steps find (Laplace's approximation; Bishop, Pattern
    Recognition and Machine Learning, 4.4). A class that was never weighed keeps factor 1 and its prior.
    """
    labels = sorted(label for label, sd in prior_sd.items() if sd > 0)
    fixed = {label: Factor(1.0, 0.0) for label, sd in prior_sd.items() if sd <= 0}
    if not labels:
        return fixed
    estimated = np.array([[_mass(weighing, label) for label in labels] for weighing in weighings]).reshape(
        -1, len(labels)
    )
    known_g = np.array([_sum(weighing, fixed) for weighing in weighings])
    scale_g = np.array([weighing.scale_g for weighing in weighings]) - known_g
    own_g2 = np.array([weighing.scale_sd_g**2 + _own(weighing) for weighing in weighings])
    prior = np.diag([1 / prior_sd[label] ** 2 for label in labels])
    logs, spread = _highest(estimated, scale_g, np.maximum(own_g2, 1e-9), prior)
    sds = np.sqrt(np.diag(spread))
    found = {label: Factor(float(np.exp(log)), float(sd)) for label, log, sd in zip(labels, logs, sds, strict=True)}
    return found | fixed


def _highest(
    estimated: NDArray[np.float64],
    scale_g: NDArray[np.float64],
    own_g2: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithms of the factors and their covariance."""
    logs = np.zeros(len(prior))
    for _ in range(_ROUNDS):
        slope = estimated * np.exp(logs)
        precision = prior + slope.T @ (slope / own_g2[:, np.newaxis])
        pull = slope.T @ ((scale_g - slope.sum(axis=1)) / own_g2) - prior @ logs
        step = np.clip(np.linalg.solve(precision, pull), -_LONGEST_STEP, _LONGEST_STEP)
        logs = logs + step
        if float(np.abs(step).max(initial=0.0)) < _STILL:
            break
    slope = estimated * np.exp(logs)
    return logs, _inverse(prior + slope.T @ (slope / own_g2[:, np.newaxis]))


def _inverse(precision: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.inv(precision), np.float64)


def _mass(weighing: Weighing, label: str) -> float:
    found = weighing.estimated.get(label)
    return found.mass_g if found is not None else 0.0


def _sum(weighing: Weighing, labels: Mapping[str, Factor]) -> float:
    return sum(found.mass_g for label, found in weighing.estimated.items() if label in labels)


def _own(weighing: Weighing) -> float:
    return sum(found.own_g2 for found in weighing.estimated.values())
