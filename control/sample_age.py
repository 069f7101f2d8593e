"""How old a count already is when the controller tells it, found from the counts themselves while the line runs.

A controller copies its counter into the registers once a cycle, so what is read has waited between nothing and a whole
cycle. The belt is the clock that shows it: on a smooth run counts lie on a curve, and a reading that waited lies behind
it. The freshest reading of many waited next to nothing; the mean lag behind it is the mean age. What is the same for
every reading (a delay inside the counter card) cannot be seen so; that is for the calibration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from control.types import MachineSample

_TOGETHER = 40
_GAP_NS = 100_000_000
_DOUBTS = 200
_TOLERANCE_NS = 100_000
_RUNS_KEPT = 25
_FEWEST_RUNS = 5
_FEWEST_COUNTS = 400
_LONGEST_NS = 20_000_000
_SLEW_NS = 20_000


class _Reading(NamedTuple):
    instant_ns: int
    at: int


class SampleAge:
    """Told every reading; only those whose round trip was about as short as any lately are used."""

    def __init__(self, counter_bits: int) -> None:
        self._half = 1 << counter_bits - 1
        self._doubts: deque[int] = deque(maxlen=_DOUBTS)
        self._run: list[_Reading] = []
        self._ages_ns: deque[float] = deque(maxlen=_RUNS_KEPT)

    def note(self, count: int, instant_ns: int, doubt_ns: int) -> None:
        """A raw count, the instant it was read at as far as the round trip tells, and the doubt in that."""
        self._doubts.append(doubt_ns)
        if doubt_ns > min(self._doubts) + _TOLERANCE_NS:
            return
        if self._run and not 0 < instant_ns - self._run[-1].instant_ns < _GAP_NS:
            self._run.clear()
        self._run.append(_Reading(instant_ns, self._unwrapped(count)))
        if len(self._run) == _TOGETHER:
            lag_ns = _mean_lag_ns(self._run)
            if lag_ns is not None:
                self._ages_ns.append(lag_ns)
            self._run.clear()

    @property
    def mean_ns(self) -> int | None:
        """The mean age of the last seconds of running; None before enough was seen.

        What round trips of slightly different length make up by themselves is taken off: rather too young than too old.
        """
        if len(self._ages_ns) < _FEWEST_RUNS:
            return None
        return max(0, round(median(self._ages_ns)) - 2 * _TOLERANCE_NS)

    def _unwrapped(self, count: int) -> int:
        if not self._run:
            return count
        last = self._run[-1].at
        return last + (count - last + self._half) % (2 * self._half) - self._half


class AgeAllowance:
    """Puts readings at the instant their counts were true: earlier by what is calibrated, or by more if that is seen.

    The allowance follows what is seen slowly, so that a belt at an even speed does not seem to jerk.
    """

    def __init__(self, counter_bits: int, calibrated_ms: float) -> None:
        self._seen = SampleAge(counter_bits)
        self._calibrated_ns = round(calibrated_ms * 1e6)
        self._allowed_ns = self._calibrated_ns

    @property
    def allowed_ns(self) -> int:
        """What is taken off at present."""
        return self._allowed_ns

    def place(self, sample: MachineSample) -> int:
        """The instant at which the sample's count was true; of a stamped one only what is calibrated is taken off."""
        if sample.stamped:
            self._allowed_ns = self._calibrated_ns
            return sample.taken_ns - self._allowed_ns
        return self.place_count(sample.encoder_count, sample.taken_ns, sample.doubt_ns)

    def place_count(self, count: int, read_ns: int, doubt_ns: int) -> int:
        """The instant of a raw count without a stamp that was read at ``read_ns``, give or take ``doubt_ns``."""
        self._seen.note(count, read_ns, doubt_ns)
        wanted_ns = max(self._calibrated_ns, self._seen.mean_ns or 0)
        self._allowed_ns += max(-_SLEW_NS, min(_SLEW_NS, wanted_ns - self._allowed_ns))
        return read_ns - self._allowed_ns


def _mean_lag_ns(run: Sequence[_Reading]) -> float | None:
    """How far the readings lie behind the freshest of them in the mean; None where the belt did not run evenly."""
    counts = [reading.at - run[0].at for reading in run]
    if counts[-1] < _FEWEST_COUNTS or any(later < earlier for earlier, later in pairwise(counts)):
        return None
    times = [float(reading.instant_ns - run[0].instant_ns) for reading in run]
    lags = _off_curve(counts, times)
    age = -min(lags)
    return age if age < _LONGEST_NS else None


def _off_curve(counts: Sequence[int], times: Sequence[float]) -> list[float]:
    """Residuals of the times over the parabola in the counts that fits best: a belt may speed up evenly meanwhile.

    Gram and Schmidt make 1, u and u squared independent of each other on these counts; no matrix is needed.
    """
    n = len(counts)
    mean = sum(counts) / n
    line = [(count - mean) / counts[-1] for count in counts]
    squares = [u * u for u in line]
    level, slope = sum(squares) / n, _along(squares, line)
    bend = [square - level - slope * u for square, u in zip(squares, line, strict=True)]
    mean_time = sum(times) / n
    a, b = _along(times, line), _along(times, bend)
    return [time - mean_time - a * u - b * w for time, u, w in zip(times, line, bend, strict=True)]


def _along(values: Sequence[float], base: Sequence[float]) -> float:
    """How much of ``base`` is in the values."""
    weight = sum(u * u for u in base)
    return sum(value * u for value, u in zip(values, base, strict=True)) / weight if weight else 0.0
