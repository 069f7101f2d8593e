"""How well the line to the controller carries, from what the control process counts: the fault of a noisy cable."""

from __future__ import annotations

from collections import deque

from control.modbus_answers import LineHealth
from control.process import ControlStatus

_WINDOW_NS = 10_000_000_000
_LIMIT = 0.01


class LineWatch:
    """Told every status of the control process; judges the answers of the last ten seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, LineHealth]] = deque()

    def note(self, status: ControlStatus) -> None:
        """A driver that begins to count anew begins a new window."""
        line = status.line
        if line is None or (self._seen and line.requests < self._seen[-1][1].requests):
            self._seen.clear()
        if line is not None:
            self._seen.append((status.now_ns, line))
        while len(self._seen) > 2 and status.now_ns - self._seen[1][0] >= _WINDOW_NS:
            self._seen.popleft()

    @property
    def trouble(self) -> str | None:
        """What was wrong with how many answers; None while at most one in a hundred is."""
        if len(self._seen) < 2:
            return None
        before, now = self._seen[0][1], self._seen[-1][1]
        earlier = dict(before.faults)
        faults = {name: count - earlier.get(name, 0) for name, count in now.faults}
        recent = LineHealth(now.requests - before.requests, tuple(faults.items()))
        if recent.share <= _LIMIT:
            return None
        words = ", ".join(f"{count} {name}" for name, count in recent.faults if count)
        return f"of the last {recent.requests} answers: {words}"
