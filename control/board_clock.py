"""The board's clock on the station's: every exchange says that the board's reading lies between question and answer."""

from __future__ import annotations

from control.board_wire import CLOCK_BITS

_PERIOD = 1 << CLOCK_BITS
_DRIFT = 200e-6
_TICK_NS = 1000


class BoardClock:
    """Narrows down the offset between both clocks by intersecting what all exchanges allow.

    A single exchange leaves its whole round trip open, and the middle of it is the best guess. A quick exchange closes
    the range for the slow ones after it; it opens again by the drift of two quartz clocks, at most 200 ppm. So a
    reading that came back slowly is still placed well, and jitter of the wire does not become jitter of the belt.
    """

    def __init__(self) -> None:
        self._clock_us: int | None = None
        self._low_ns = self._high_ns = 0.0
        self._seen_ns = 0

    def place(self, clock_us: int, asked_ns: int, answered_ns: int) -> int:
        """Monotonic nanoseconds of a reading of the board's clock (30-bit microseconds).

        It was read after ``asked_ns`` and before ``answered_ns``. An exchange that contradicts all before it (a board
        that started anew, a computer that slept) begins afresh.
        """
        board_ns = self._unwrap(clock_us) * 1000
        low, high = float(asked_ns - board_ns - _TICK_NS), float(answered_ns - board_ns + _TICK_NS)
        drift = max(0, answered_ns - self._seen_ns) * _DRIFT
        narrowed = (max(low, self._low_ns - drift), min(high, self._high_ns + drift))
        is_known = self._seen_ns > 0 and narrowed[0] <= narrowed[1]
        self._low_ns, self._high_ns = narrowed if is_known else (low, high)
        self._seen_ns = answered_ns
        return board_ns + round((self._low_ns + self._high_ns) / 2)

    @property
    def doubt_ns(self) -> int:
        """Half the range that is still open."""
        return round((self._high_ns - self._low_ns) / 2)

    def _unwrap(self, clock_us: int) -> int:
        """The clock as if it never wrapped; it may have run up to nine minutes since the last reading."""
        if self._clock_us is None:
            self._clock_us = clock_us
        self._clock_us += (clock_us - self._clock_us + _PERIOD // 2) % _PERIOD - _PERIOD // 2
        return self._clock_us
