"""Mishaps from a script: what begins and ends at which second, or when the belt has come to which place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.types import Mishap, MishapName


@dataclass(frozen=True, slots=True)
class ScriptedMishap:
    """Begins ``at_s`` after the start, or when the belt has run ``at_mm``; lasts ``for_s``, None for good."""

    name: MishapName
    at_s: float | None = None
    at_mm: float | None = None
    for_s: float | None = None
    output: int = 8


class MishapScript:
    """Asked again and again what is due; tells each beginning and each end once, in order."""

    def __init__(self, steps: Sequence[ScriptedMishap]) -> None:
        self._waiting = list(steps)
        self._going_on: list[tuple[float, ScriptedMishap]] = []

    def due(self, now_s: float, belt_mm: float) -> list[Mishap]:
        """What ends and what begins by now."""
        over = [step for end_s, step in self._going_on if end_s <= now_s]
        self._going_on = [(end_s, step) for end_s, step in self._going_on if end_s > now_s]
        begins = [step for step in self._waiting if _has_come(step, now_s, belt_mm)]
        self._waiting = [step for step in self._waiting if step not in begins]
        self._going_on += [(now_s + step.for_s, step) for step in begins if step.for_s is not None]
        ends = [Mishap(step.name, on=False, output=step.output) for step in over]
        return ends + [Mishap(step.name, on=True, output=step.output) for step in begins]


def _has_come(step: ScriptedMishap, now_s: float, belt_mm: float) -> bool:
    by_time = step.at_s is not None and now_s >= step.at_s
    return by_time or (step.at_mm is not None and belt_mm >= step.at_mm)
