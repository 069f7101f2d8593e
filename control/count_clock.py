"""When a count was true, by the clock with which the controller stamped it, however long it waited to be told.

A controller copies its counter into the registers once a cycle and answers when it comes to it, so neither the round
trip nor its middle says how old a count is. The stamp does: what is told cannot have been latched later than the
registers were read, so the station's clock at that moment less the stamp is never below the offset of both clocks, and
the least of many such differences is that of a count that was told at once.
"""

from __future__ import annotations

from collections import deque

CLOCK_BITS = 32

_PERIOD = 1 << CLOCK_BITS
_DRIFT = 100e-6
_TRIPS_KEPT = 100
_OLDEST_NS = 100_000_000


class CountClock:
    """The offset between the controller's clock and the station's, as small as any reading lately allows.

    It opens again by the drift of two quartz clocks, at most 100 ppm. A clock that was set back shows as no reading
    touching the least difference any more; one that began anew as a count older than any can be.
    """

    def __init__(self) -> None:
        self._clock_us: int | None = None
        self._trips_ns: deque[int] = deque(maxlen=_TRIPS_KEPT)
        self._least_ns = 0.0
        self._above_ns: list[float] = []
        self._seen_ns = 0

    def place(self, clock_us: int, first_ns: int, last_ns: int) -> int:
        """Monotonic nanoseconds of a stamp in microseconds, modulo 2 ** 32.

        Its registers were read after ``first_ns`` and before ``last_ns``; of the shortest such time lately one half is
        taken to be the way of the answer.
        """
        stamped_ns = self._unwrapped(clock_us) * 1000
        self._trips_ns.append(last_ns - first_ns)
        self._follow(float(last_ns - stamped_ns), last_ns)
        return stamped_ns + round(self._least_ns - min(self._trips_ns) / 2)

    @property
    def doubt_ns(self) -> int:
        """Half of the shortest time lately in which the registers were read."""
        return min(self._trips_ns, default=0) // 2

    def _follow(self, difference_ns: float, now_ns: int) -> None:
        self._least_ns += max(0, now_ns - self._seen_ns) * _DRIFT
        above_ns = difference_ns - self._least_ns
        if self._seen_ns == 0 or not 0 < above_ns < _OLDEST_NS:
            self._least_ns = difference_ns
            self._above_ns.clear()
        else:
            self._above_ns.append(above_ns)
        if len(self._above_ns) == _TRIPS_KEPT:
            self._least_ns += min(self._above_ns)
            self._above_ns.clear()
        self._seen_ns = now_ns

    def _unwrapped(self, clock_us: int) -> int:
        """The clock as if it never wrapped; it may have run up to 35 minutes since the last reading."""
        if self._clock_us is None:
            self._clock_us = clock_us
        self._clock_us += (clock_us - self._clock_us + _PERIOD // 2) % _PERIOD - _PERIOD // 2
        return self._clock_us
