"""Which shift of the plan a moment falls into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Shift(NamedTuple):
    """Begins and ends by the plant's own clock on the wall; one that ends before it begins runs over midnight."""

    name: str
    begins: time
    ends: time


class ShiftPlan(NamedTuple):
    shifts: Sequence[Shift]
    zone: ZoneInfo

    def at(self, moment_ns: int) -> str | None:
        """The name of the first shift that fits (UTC nanoseconds); None outside of all."""
        local = datetime.fromtimestamp(moment_ns // 1_000_000_000, UTC).astimezone(self.zone).time()
        return next((shift.name for shift in self.shifts if _fits(shift, local)), None)


def _fits(shift: Shift, local: time) -> bool:
    if shift.begins < shift.ends:
        return shift.begins <= local < shift.ends
    return local >= shift.begins or local < shift.ends
