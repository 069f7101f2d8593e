"""What a station tells of itself while it runs, as one value: live state, rates, valves, running totals."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from station.reporting.lifetime import Backlog, Lifetime, Totals
from station.state import POWERS
from station.types import State, Status
from station.valves import ValveHealth

_RATE_S = 60.0
_NS_PER_S = 1_000_000_000


class About(NamedTuple):
    """What does not change while the station runs. ``outputs`` are those of all ejectors."""

    station: str
    name: str
    is_simulated: bool
    software: str
    model: str
    calibration: str
    labels: tuple[str, ...]
    outlets: tuple[str, ...]
    outputs: tuple[int, ...]


class LineNow(NamedTuple):
    """``pieces_per_min`` is None until a minute's worth is known; ``openings`` are by output, over its whole life."""

    state: State
    packml: int
    sentence: str
    faults: tuple[str, ...]
    recipe: str
    speed_mm_s: float
    pieces_per_min: float | None
    valves: tuple[ValveHealth, ...]
    openings: Mapping[int, int]
    totals: Totals
    backlog: Backlog


class View(Protocol):
    """What is asked of the desk; every answer comes at once, in any thread."""

    def status(self) -> Status | None: ...

    def openings(self) -> Mapping[int, int]: ...


class LineWatcher:
    """Looks at the line for one thread, which also closes it."""

    def __init__(self, view: View, lifetime: Lifetime) -> None:
        self._view = view
        self._lifetime = lifetime
        self._seen: deque[tuple[int, int]] = deque()

    def look(self) -> LineNow | None:
        """None until the station has said anything about itself, or while the records cannot be read."""
        status = self._view.status()
        if status is None:
            return None
        try:
            totals, backlog = self._lifetime.read()
        except sqlite3.Error:
            return None
        return LineNow(
            state=status.state,
            packml=POWERS[status.state].packml,
            sentence=status.sentence,
            faults=tuple(sorted(fault.code for fault in status.faults)),
            recipe=status.recipe,
            speed_mm_s=float(round(status.speed_mm_s)),
            pieces_per_min=self._pace(status.now_ns, totals.pieces),
            valves=status.valves,
            openings=dict(self._view.openings()),
            totals=totals,
            backlog=backlog,
        )

    def close(self) -> None:
        self._lifetime.close()

    def _pace(self, now_ns: int, pieces: int) -> float | None:
        """Over the last minute, whole pieces per minute."""
        self._seen.append((now_ns, pieces))
        while len(self._seen) > 2 and now_ns - self._seen[1][0] >= _RATE_S * _NS_PER_S:
            self._seen.popleft()
        then_ns, then = self._seen[0]
        lasted_s = (now_ns - then_ns) / _NS_PER_S
        return None if lasted_s < _RATE_S / 6 else float(round((pieces - then) * 60 / lasted_s))
