"""Shots that are decided but not cut yet: each is cut as late as the controller allows, as the belt runs then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from control.lane_book import LaneBook, Opening
from control.rules import expected_cost
from control.schedule import (
    BeltNow,
    ScheduleSettings,
    Shot,
    Surroundings,
    opens_about,
    outputs_of,
    plan,
    slack_ms,
)
from control.types import Decision, Ejection, Ejector, Recipe
from vision.types import Piece

_NEAR_MM = 150.0
_STEP_MS = 20.0
_SLOW_MM_S = 500.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another piece on the belt: what it may be by label, where it goes (None: it passes), and whether it is shot."""

    piece: Piece
    scores: dict[str, float]
    outlet: str | None
    is_shot: bool


class Shots:
    """Plans that are open, and what the lanes are already told to do."""

    def __init__(self, ejectors: tuple[Ejector, ...], settings: ScheduleSettings) -> None:
        self._book = LaneBook()
        self._open: dict[int, int] = {}
        self.change(ejectors, settings)

    def change(self, ejectors: tuple[Ejector, ...], settings: ScheduleSettings) -> None:
        """From the next cut on; plans stay open."""
        self._ejectors, self._settings = ejectors, settings
        self._distance_mm: dict[str, float] = {}
        for ejector in ejectors:
            known = self._distance_mm.get(ejector.outlet, ejector.distance_mm)
            self._distance_mm[ejector.outlet] = min(known, ejector.distance_mm)

    def __contains__(self, piece_id: int) -> bool:
        return piece_id in self._open

    def keep(self, piece: Piece, outlet: str, belt: BeltNow) -> None:
        """Its shot is to be cut when the time has come; at once where no ejector belongs to the outlet."""
        opens = opens_about(piece, outlet, self._ejectors, belt)
        self._open[piece.id] = belt.tick if opens is None else opens

    def due(self, belt: BeltNow) -> tuple[int, ...]:
        """Pieces whose shot cannot wait for the next step, the most urgent first."""
        patience = self._settings.cut_ms + _STEP_MS
        ready = [(tick, id_) for id_, tick in self._open.items() if slack_ms(tick, belt) <= patience]
        return tuple(id_ for _, id_ in sorted(ready))

    def cut(
        self,
        piece: Piece,
        decision: Decision,
        neighbours: Iterable[Neighbour],
        scores: dict[str, float],
        recipe: Recipe,
        belt: BeltNow,
        dead: int,
    ) -> Shot | None:
        """The shot as it will be fired, or why not; the plan is closed."""
        del self._open[piece.id]
        kept_s = 2 * self._settings.duty_window_ms / 1000.0
        self._book.forget(belt.tick - kept_s * max(_SLOW_MM_S, belt.speed_mm_s) * belt.ticks_per_mm)
        gain = expected_cost(scores, None, recipe) - expected_cost(scores, decision.outlet, recipe)
        others = tuple(
            (one.piece, self._harm(one, decision.outlet, recipe))
            for one in neighbours
            if one.piece.id != piece.id and is_near(one.piece, piece, belt.ticks_per_mm)
        )
        around = Surroundings(others, gain, dead)
        shot = plan(piece, decision, self._ejectors, belt, self._settings, around, self._book)
        if isinstance(shot, Ejection):
            self._book.note(outputs_of(shot.outputs), Opening(shot.open_tick, shot.close_tick))
        return shot

    def drop(self, piece_id: int) -> None:
        """No shot after all; unknown ids are ignored."""
        self._open.pop(piece_id, None)

    def clear(self) -> None:
        """Nothing will be fired any more."""
        self._open.clear()
        self._book.clear()

    def _harm(self, one: Neighbour, outlet: str | None, recipe: Recipe) -> float:
        """What it costs to blow this piece into the outlet; nothing when it is meant to go there or is gone by then."""
        if outlet is None or one.outlet == outlet:
            return 0.0
        if one.is_shot and one.outlet is not None and self._distance_mm[one.outlet] < self._distance_mm[outlet]:
            return 0.0
        return expected_cost(one.scores, outlet, recipe) - expected_cost(one.scores, one.outlet, recipe)


def is_near(one: Piece, other: Piece, ticks_per_mm: float) -> bool:
    """Near enough along the belt that a shot at one may have to do with the other."""
    return abs(one.at - other.at) < ticks_per_mm * ((one.length_mm + other.length_mm) / 2 + _NEAR_MM)
