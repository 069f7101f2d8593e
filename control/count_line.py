"""The encoder count between two readings: a straight line through the newest ones."""

from __future__ import annotations

from collections import deque

_READINGS = 6
_LONGEST_NS = 120_000_000


class CountLine:
    """Raw counts modulo the counter's width in, raw counts at any instant close by out."""

    def __init__(self, counter_bits: int) -> None:
        self._modulus = 1 << counter_bits
        self._readings: deque[tuple[int, int]] = deque(maxlen=_READINGS)  # (instant, unwrapped count)

    def add(self, count: int, taken_ns: int) -> None:
        """A reading; one that is no later than the last is not used."""
        if not self._readings:
            self._readings.append((taken_ns, count))
            return
        last_ns, last = self._readings[-1]
        if taken_ns <= last_ns:
            return
        half = self._modulus >> 1
        if taken_ns - last_ns > _LONGEST_NS:
            self._readings.clear()
        self._readings.append((taken_ns, last + (count - last + half) % self._modulus - half))

    def clear(self) -> None:
        self._readings.clear()

    @property
    def read_ns(self) -> int:
        """Instant of the newest reading; 0 before the first."""
        return self._readings[-1][0] if self._readings else 0

    @property
    def counts_per_ns(self) -> float:
        """How fast it counts; 0 while that is not known or when it does not go forward."""
        return max(0.0, self._fit()[1])

    def at(self, now_ns: int) -> int:
        """Raw count at an instant; the newest count when the speed is not known."""
        if not self._readings:
            return 0
        mean_ns, rate, mean = self._fit()
        if rate <= 0:
            return self._readings[-1][1] % self._modulus
        return int(mean + rate * (now_ns - mean_ns)) % self._modulus

    def _fit(self) -> tuple[float, float, float]:
        """(mean instant, slope, mean count) of the least squares line."""
        n = len(self._readings)
        first_ns = self._readings[0][0] if n else 0
        times = [taken_ns - first_ns for taken_ns, _count in self._readings]
        mean_time = sum(times) / n if n else 0.0
        mean = sum(count for _taken_ns, count in self._readings) / n if n else 0.0
        spread = sum((time - mean_time) ** 2 for time in times)
        product = sum(
            (time - mean_time) * (count - mean) for time, (_taken_ns, count) in zip(times, self._readings, strict=True)
        )
        return first_ns + mean_time, product / spread if spread else 0.0, mean
