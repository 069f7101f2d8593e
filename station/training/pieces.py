"""What is right per piece, after several looks at it: that is what the belt acts on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from station.training import metrics
from station.training.calibration import combined


@dataclass(frozen=True, slots=True)
class PieceFigures:
    """``right`` of ``n`` pieces were called by their label; ``ece`` is the calibration error of their posterior.

    ``families`` holds (n, precision, recall) of each rule family by the surest label; ``false_alarms`` the share of
    pieces that are no ``hazard`` but reach the posterior it is keyed by, with its 95 % interval; ``caught`` the
    share of hazards that reach it.
    """

    n: int
    accuracy: float
    ece: float
    families: dict[str, tuple[int, float, float]]
    hazard: str | None
    hazards: int
    false_alarms: dict[float, tuple[float, float, float]]
    caught: dict[float, float]


def piece_figures(
    looks: NDArray[np.float32],
    truth: NDArray[np.int64],
    labels: Sequence[str],
    correlation: float,
    *,
    families: Mapping[str, Sequence[str]],
    hazard: str | None,
    limits: Sequence[float] = (0.5, 0.8, 0.95),
) -> PieceFigures:
    """Figures from log probabilities (pieces, looks, labels)."""
    posterior = np.exp(combined(looks, correlation))
    said, sure = posterior.argmax(axis=1), posterior.max(axis=1)
    is_hazard, stated = np.zeros(len(truth), bool), np.zeros(len(truth))
    if hazard is not None:
        is_hazard, stated = truth == labels.index(hazard), posterior[:, labels.index(hazard)]
    return PieceFigures(
        n=len(truth),
        accuracy=float((said == truth).mean()),
        ece=metrics.calibration_error(sure, said == truth),
        families={name: _family(said, truth, [labels.index(one) for one in ids]) for name, ids in families.items()},
        hazard=hazard,
        hazards=int(is_hazard.sum()),
        false_alarms={limit: _share(stated[~is_hazard] >= limit) for limit in limits},
        caught={limit: _share(stated[is_hazard] >= limit)[0] for limit in limits},
    )


def _family(said: NDArray[np.int64], truth: NDArray[np.int64], ids: list[int]) -> tuple[int, float, float]:
    called, real = np.isin(said, ids), np.isin(truth, ids)
    hits = int((called & real).sum())
    return int(real.sum()), hits / max(1, int(called.sum())), hits / max(1, int(real.sum()))


def _share(hits: NDArray[np.bool_]) -> tuple[float, float, float]:
    low, high = metrics.wilson(int(hits.sum()), len(hits))
    return float(hits.mean()) if len(hits) else 0.0, low, high
