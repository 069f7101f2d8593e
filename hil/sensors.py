"""What is wired beside the outputs: a sensor behind each valve that flips its bit when it feels the air."""

from __future__ import annotations

_DELAY_NS = 12_000_000
_SLOW_NS = 15_000_000


class Sensors:
    """``felt`` is the mask of bits; a dead valve is never felt, a slow one later."""

    def __init__(self) -> None:
        self.felt = 0
        self.dead: set[int] = set()
        self.slow: set[int] = set()
        self._due: list[tuple[int, int]] = []

    def open(self, output: int, now_ns: int) -> None:
        """An output was switched on."""
        if output not in self.dead:
            self._due.append((now_ns + _DELAY_NS + _SLOW_NS * (output in self.slow), output))

    def advance(self, now_ns: int) -> None:
        """Feel everything whose time has come."""
        for due_ns, output in [due for due in self._due if due[0] <= now_ns]:
            self.felt ^= 1 << output
            self._due.remove((due_ns, output))
