"""A candidate model that sees what the running one saw and decides nothing, in time that nobody else needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from station.keeping.opinion import Opinion
from vision.evidence import add, no_evidence, posterior
from vision.eye import Looker
from vision.types import Look

_LONGEST_CREDIT_S = 1.0


class Shadow:
    """Judges pieces within ``share`` of one core, measured by the processor time of the thread that calls it."""

    def __init__(
        self, candidate: Looker, share: float, wall_s: Callable[[], float], spent_s: Callable[[], float]
    ) -> None:
        self._candidate = candidate
        self._share = share
        self._wall_s = wall_s
        self._spent_s = spent_s
        self._credit_s = 0.0
        self._asked_s: float | None = None

    @property
    def id(self) -> str:
        """The candidate's name, version and hash."""
        return self._candidate.card.id

    def judge(self, crops: Sequence[NDArray[np.uint8]]) -> Opinion | None:
        """What all looks at one piece add up to; None when there is no time to spare now."""
        now_s = self._wall_s()
        since_s = 0.0 if self._asked_s is None else now_s - self._asked_s
        self._credit_s = min(self._credit_s + self._share * since_s, self._share * _LONGEST_CREDIT_S)
        self._asked_s = now_s
        if self._credit_s <= 0 or not crops:
            return None
        begun_s = self._spent_s()
        opinion = self._opinion(np.stack(crops))
        self._credit_s -= self._spent_s() - begun_s
        return opinion

    def _opinion(self, crops: NDArray[np.uint8]) -> Opinion:
        card = self._candidate.card
        evidence = no_evidence(len(card.labels))
        for row in self._candidate.classify(crops):
            evidence = add(evidence, Look(0, tuple(map(float, row))))
        scores = posterior(evidence, card.look_correlation)
        best = max(range(len(scores)), key=scores.__getitem__)
        return Opinion(card.labels[best], scores[best])
