"""What each lane is already told to do: overlapping openings become one, none is too long or too soon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Opening(NamedTuple):
    """A lane is on from ``open_tick`` until ``close_tick``."""

    open_tick: int
    close_tick: int


class LaneLimits(NamedTuple):
    """In ticks at the present speed: shortest pause, longest opening, and most ticks open within ``window``."""

    rest: float
    longest: float
    window: float
    most: float


class LaneBook:
    """Openings by output, each list in order and without overlaps."""

    def __init__(self) -> None:
        self._openings: dict[int, list[Opening]] = {}

    def fit(self, outputs: Sequence[int], wanted: Opening, limits: LaneLimits) -> Opening | None:
        """The opening widened to join those it would touch, for all these lanes at once; None when a limit forbids it.

        A job has one opening for all its lanes, so widening for one lane may touch another opening on the next.
        """
        fitted = wanted
        while (wider := self._widened(outputs, fitted, limits.rest)) != fitted:
            fitted = wider
        return fitted if all(self._is_allowed(output, fitted, limits) for output in outputs) else None

    def busy_until(self, outputs: Iterable[int], wanted: Opening) -> int | None:
        """The last tick of the openings that reach into the beginning of this one; None when there are none."""
        ends = (
            known.close_tick
            for output in outputs
            for known in self._openings.get(output, ())
            if known.open_tick <= wanted.open_tick <= known.close_tick
        )
        return max(ends, default=None)

    def note(self, outputs: Iterable[int], opening: Opening) -> None:
        """This will be done."""
        for output in outputs:
            self._openings[output] = _joined([*self._openings.get(output, ()), opening])

    def openings(self, output: int) -> tuple[Opening, ...]:
        """What is known of one lane, in order."""
        return tuple(self._openings.get(output, ()))

    def forget(self, before: float) -> None:
        """Openings that ended before this tick do not matter any more."""
        for output, known in self._openings.items():
            if known and known[0].close_tick < before:
                self._openings[output] = [opening for opening in known if opening.close_tick >= before]

    def clear(self) -> None:
        """The machine was stopped, or counts anew."""
        self._openings.clear()

    def _widened(self, outputs: Iterable[int], opening: Opening, rest: float) -> Opening:
        for output in outputs:
            for known in self._openings.get(output, ()):
                if known.close_tick < opening.open_tick < known.close_tick + rest:
                    opening = opening._replace(open_tick=known.close_tick)
                elif opening.close_tick < known.open_tick < opening.close_tick + rest:
                    opening = opening._replace(close_tick=known.open_tick)
        return opening

    def _is_allowed(self, output: int, opening: Opening, limits: LaneLimits) -> bool:
        known = _joined([*self._openings.get(output, ()), opening])
        if any(one.close_tick - one.open_tick > limits.longest for one in known if _meets(one, opening)):
            return False
        starts = [one.open_tick for one in known] + [one.close_tick - limits.window for one in known]
        return all(_open_within(known, start, start + limits.window) <= limits.most for start in starts)


def _meets(one: Opening, other: Opening) -> bool:
    return one.open_tick <= other.close_tick and other.open_tick <= one.close_tick


def _joined(openings: Iterable[Opening]) -> list[Opening]:
    joined: list[Opening] = []
    for opening in sorted(openings):
        if joined and opening.open_tick <= joined[-1].close_tick:
            joined[-1] = Opening(joined[-1].open_tick, max(joined[-1].close_tick, opening.close_tick))
        else:
            joined.append(opening)
    return joined


def _open_within(openings: Iterable[Opening], start: float, end: float) -> float:
    return sum(max(0.0, min(one.close_tick, end) - max(one.open_tick, start)) for one in openings)
