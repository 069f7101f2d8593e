"""Whether the line is at rest, so that a technician may do what needs it."""

from __future__ import annotations

from station.marked import marked
from station.types import State, Status

_AT_REST = frozenset({State.idle, State.fault, State.estop})
_STANDS_MM_S = 1.0


def not_at_rest(status: Status | None) -> str | None:
    """Why not, None when it is."""
    if status is None or (status.state in _AT_REST and abs(status.speed_mm_s) < _STANDS_MM_S):
        return None
    return marked("The line is not at rest. Stop it first.")
