"""Sorting to grade: an outlet's threshold rises until the purity that recent pieces promise meets the target."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from control.rules import candidate, confidence_in
from control.types import Recipe, Rule

_PIECES = 300
_FEWEST = 20


class Grade(NamedTuple):
    """One outlet's target and what it takes: pieces are ejected from confidence ``threshold`` on.

    ``estimated`` is the purity that the model's own calibrated probabilities promise; None while too few pieces were
    seen. It steers, it is never reported as a measured purity. ``met`` is False when even the highest threshold
    allowed does not reach the target.
    """

    outlet: str
    target: float
    threshold: float
    estimated: float | None
    met: bool


class Grader:
    """Remembers how sure it was of the newest pieces proposed for each outlet that has a target."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._rules = {rule.outlet: rule for rule in recipe.rules if rule.purity is not None}
        self._sure: dict[str, deque[float]] = {outlet: deque(maxlen=_PIECES) for outlet in self._rules}
        self._grades = {outlet: _grade(rule, ()) for outlet, rule in self._rules.items()}

    @property
    def grades(self) -> tuple[Grade, ...]:
        return tuple(self._grades.values())

    @property
    def thresholds(self) -> Mapping[str, float]:
        """By outlet, for ``rules.decide``."""
        return {outlet: grade.threshold for outlet, grade in self._grades.items()}

    def see(self, scores: Mapping[str, float]) -> None:
        """A piece was decided, ejected or not: what counts is where it was proposed, and how surely."""
        if not self._rules:
            return
        rule = candidate(scores, self._recipe)
        if rule is None or rule.outlet not in self._rules:
            return
        sure = self._sure[rule.outlet]
        sure.append(confidence_in(rule, scores, self._recipe))
        self._grades[rule.outlet] = _grade(self._rules[rule.outlet], tuple(sure))


def _grade(rule: Rule, sure: tuple[float, ...]) -> Grade:
    """The lowest threshold whose pieces are pure enough on average; the highest allowed when none is."""
    target = rule.purity or 0.0
    low, high = rule.min_confidence, max(rule.min_confidence, rule.max_confidence)
    if len(sure) < _FEWEST:
        return Grade(rule.outlet, target, low, None, met=True)
    threshold = min(high, _lowest_pure(sorted((v for v in sure if v >= low), reverse=True), target, low))
    above = [value for value in sure if value >= threshold]
    estimated = sum(above) / len(above) if above else None
    return Grade(rule.outlet, target, threshold, estimated, met=estimated is not None and estimated >= target)


def _lowest_pure(falling: list[float], target: float, low: float) -> float:
    """The smallest value down to which the mean meets the target; above 1 when not even the best piece does."""
    total, lowest = 0.0, 2.0
    for n, value in enumerate(falling):
        total += value
        is_last_of_its_kind = n + 1 == len(falling) or falling[n + 1] < value
        if total < target * (n + 1):
            return lowest
        lowest = value if is_last_of_its_kind else lowest
    return low
