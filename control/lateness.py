"""How far from their count shots were fired: the honest error curve of a machine."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 100_000


class ErrorCurve(NamedTuple):
    """Quantiles of the absolute error of ``shots`` openings, and the mean with its sign (positive: late)."""

    shots: int
    ms_mean: float
    ms_p50: float
    ms_p99: float
    ms_p999: float
    ms_max: float
    mm_p50: float
    mm_p99: float
    mm_p999: float
    mm_max: float

    def sentence(self) -> str:
        """One line for a person."""
        return (
            f"{self.shots} shots, off by p50 {self.ms_p50:.2f} ms ({self.mm_p50:.2f} mm), "
            f"p99 {self.ms_p99:.2f} ms ({self.mm_p99:.2f} mm), p99.9 {self.ms_p999:.2f} ms ({self.mm_p999:.2f} mm), "
            f"worst {self.ms_max:.2f} ms ({self.mm_max:.2f} mm), mean {self.ms_mean:+.3f} ms"
        )


class Lateness:
    """Collects errors; the newest are kept."""

    def __init__(self) -> None:
        self._errors: deque[tuple[float, float]] = deque(maxlen=_KEPT)

    def add(self, ms: float, mm: float) -> None:
        """One opening: this much after (positive) or before its count."""
        self._errors.append((ms, mm))

    def curve(self) -> ErrorCurve:
        """The curve so far; all zero before the first shot."""
        count = len(self._errors)
        if not count:
            return ErrorCurve(0, *(0.0,) * 9)
        ms = sorted(abs(error[0]) for error in self._errors)
        mm = sorted(abs(error[1]) for error in self._errors)
        places = [min(count - 1, int(share * count)) for share in (0.5, 0.99, 0.999, 1.0)]
        mean = sum(error[0] for error in self._errors) / count
        return ErrorCurve(count, mean, *(ms[n] for n in places), *(mm[n] for n in places))
