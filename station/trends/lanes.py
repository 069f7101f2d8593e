"""How fast each lane answered, day by day, out of the trend book: a valve that wears shows before it fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from station.trends.book import BOOK, KEPT_S, Series, TrendBook

_DAY_S = 86_400
_LEAST_DAYS = 14
_FIRST_DAYS = 7
_LAST_DAYS = 3
_LATER_MS = 3.0
_SLOWER = 1.2


class Day(NamedTuple):
    """``response_ms`` by output, the mean of that ``day`` (UTC)."""

    day: str
    response_ms: Mapping[int, float]


def lane_days(folder: Path, now_s: float) -> tuple[Day, ...]:
    """The oldest day first, days on which nothing was felt left out; none where the trend book cannot be read."""
    first_s = int(now_s - KEPT_S) // _DAY_S * _DAY_S
    try:
        felt = TrendBook(folder / BOOK).read(Series.valve, first_s, int(now_s) + 1, _DAY_S)
    except sqlite3.Error:
        return ()
    days: dict[int, dict[int, float]] = {}
    for output, slots in felt.items():
        for number, slot in slots.items():
            days.setdefault(number, {})[int(output)] = round(slot.total / slot.n, 2)
    return tuple(Day(_named(first_s + number * _DAY_S), days[number]) for number in sorted(days))


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


def _named(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()
