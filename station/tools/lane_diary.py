"""How fast each lane answered, day by day, kept in the data folder so that a valve that wears shows before it fails."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from station.safe_mode.backups import write
from station.valves import ValveHealth

FILE = "lanes.jsonl"
_DAYS = 400
_EVERY_S = 600.0
_LEAST_DAYS = 14
_FIRST_DAYS = 7
_LAST_DAYS = 3
_LATER_MS = 3.0
_SLOWER = 1.2


class Day(NamedTuple):
    """``response_ms`` by output, the mean of its newest openings as it was last noted on that ``day``."""

    day: str
    response_ms: Mapping[int, float]


class LaneDiary:
    """One writer. A disk that does not take it loses a note, nothing else."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._noted_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """True every ten minutes, for whoever asks often; ``now_s`` of a steady clock."""
        if self._noted_s is not None and now_s - self._noted_s < _EVERY_S:
            return False
        was_noted, self._noted_s = self._noted_s is not None, now_s
        return was_noted

    def note(self, valves: Sequence[ValveHealth], day: str) -> None:
        """Today's figures; lanes that nothing felt keep what was noted today before."""
        felt = {valve.output: round(valve.response_ms, 2) for valve in valves if valve.response_ms is not None}
        if not felt:
            return
        days = {each.day: each for each in read_diary(self._path.parent)}
        before = days[day].response_ms if day in days else {}
        days[day] = Day(day, {**before, **felt})
        lines = [json.dumps({"day": each.day, "ms": dict(each.response_ms)}) for each in list(days.values())[-_DAYS:]]
        try:
            write(self._path, ("\n".join(lines) + "\n").encode())
        except OSError:
            return


def read_diary(folder: Path) -> tuple[Day, ...]:
    """The oldest day first; lines that cannot be read are left out."""
    found: list[Day] = []
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    for line in lines:
        try:
            told = json.loads(line)
            found.append(Day(str(told["day"]), {int(output): float(ms) for output, ms in told["ms"].items()}))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return tuple(found)


def slowing(days: Sequence[Day]) -> dict[int, tuple[float, float]]:
    """Lanes that answer clearly later than they did, output -> (ms then, ms now); none before two weeks are known."""
    if len(days) < _LEAST_DAYS:
        return {}
    found = {}
    for output in days[-1].response_ms:
        then, now = (_mean(output, part) for part in (days[:_FIRST_DAYS], days[-_LAST_DAYS:]))
        if then is not None and now is not None and now - then > _LATER_MS and now > _SLOWER * then:
            found[output] = (then, now)
    return found


def _mean(output: int, days: Sequence[Day]) -> float | None:
    known = [day.response_ms[output] for day in days if output in day.response_ms]
    return fmean(known) if known else None
