"""What a counter shows of the true counts: it can lose pulses, count backwards, and jump."""

from __future__ import annotations

import math

_LOST_SHARE = 0.02
_JUMP = 1_000_000


class FaultyCounter:
    """Between two changes it follows the true count along a straight line; told of each change with the true count."""

    def __init__(self, counter_bits: int) -> None:
        self._modulus = 1 << counter_bits
        self._raw = 0
        self._shown = 0.0
        self._rate = 1.0

    def shown(self, raw: int) -> int:
        """What it shows while the true count, modulo its width, is ``raw``."""
        return math.floor(self._exactly(raw))

    def slip(self, raw: int, *, on: bool) -> None:
        """From now on two pulses in a hundred are lost; or none any more."""
        self._go_on(raw, 1.0 - _LOST_SHARE if on else 1.0)

    def reverse(self, raw: int, *, on: bool) -> None:
        """From now on its wires are swapped; or no longer."""
        self._go_on(raw, -1.0 if on else 1.0)

    def jump(self, raw: int) -> None:
        """A burst of noise: a million counts at once."""
        self._go_on(raw, self._rate)
        self._shown = (self._shown + _JUMP) % self._modulus

    def follow(self, raw: int) -> None:
        """Seen often enough, the line never grows longer than the counter is wide."""
        if self._rate != 1.0:
            self._go_on(raw, self._rate)

    def _go_on(self, raw: int, rate: float) -> None:
        self._shown, self._raw, self._rate = self._exactly(raw), raw, rate

    def _exactly(self, raw: int) -> float:
        half = self._modulus >> 1
        ran = (raw - self._raw + half) % self._modulus - half
        return (self._shown + self._rate * ran) % self._modulus
