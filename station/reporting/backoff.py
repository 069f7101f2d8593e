"""How long to wait before the next try: longer each time, with chance in it, so that not all stations come at once."""

from __future__ import annotations

from random import Random

_REFUSED_S = 300.0


class Backoff:
    """From ``first_s``, doubling, to ``most_s``; each wait is drawn between that and its share ``least``."""

    def __init__(self, random: Random, first_s: float = 1.0, most_s: float = 300.0, least: float = 0.5) -> None:
        self._random = random
        self._least = least
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def failed(self) -> float:
        """Seconds until the next try."""
        whole, self._next_s = self._next_s, min(self._most_s, 2 * self._next_s)
        return whole * self._random.uniform(self._least, 1.0)

    def refused(self) -> float:
        """Seconds until the next try when the other side does not want us: never sooner than in five minutes."""
        return _REFUSED_S * self._random.uniform(1.0, 1.2)

    def succeeded(self) -> None:
        self._next_s = self._first_s
