"""The belt as a ruler: raw encoder counts become ticks that never jump, and instants become places."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from control.types import MachineSample

_REVERSED_TICKS = 20
_DOUBTS_KEPT = 50
_CERTAIN_NS = 100_000
_CURVE_NS = 300_000_000
_CURVE_WHOLE_NS = 240_000_000
_CURVE_HOLE_NS = 60_000_000
_CURVE_READINGS = 8


class BeltTrouble(StrEnum):
    """What is wrong with a reading: it cannot be, it runs backwards, or it is older than the one before."""

    jump = "jump"
    reversed = "reversed"
    disorder = "disorder"


class BeltNews(NamedTuple):
    """What one sample told. ``epoch``: the counter was set anew, every tick noted before it is worthless."""

    tick: int
    trouble: BeltTrouble | None
    epoch: bool


class BeltMotion(NamedTuple):
    """How the belt runs now, mm/s, and how much faster it gets, mm/s2; both negative backwards."""

    speed_mm_s: float
    acceleration_mm_s2: float


class _Reading(NamedTuple):
    taken_ns: int
    raw: int


class _Place(NamedTuple):
    taken_ns: int
    tick: int
    sharp: bool


class Belt:
    """Unwraps a counter of ``counter_bits`` bits; the first sample is tick 0 wherever the counter stands."""

    def __init__(
        self,
        ticks_per_mm: float,
        counter_bits: int,
        max_speed_mm_s: float,
        *,
        gap_ms: float = 100.0,
        speed_window_ms: float = 80.0,
        history_ms: float = 1000.0,
        jitter_ms: float = 5.0,
    ) -> None:
        """``gap_ms``: longest time between two readings to interpolate over; ``jitter_ms``: doubt in a time stamp."""
        self.ticks_per_mm = ticks_per_mm
        self._modulus = 1 << counter_bits
        self._max_ticks_per_ns = ticks_per_mm * max_speed_mm_s / 1e9
        self._gap_ns = gap_ms * 1e6
        self._window_ns = speed_window_ms * 1e6
        self._history_ns = history_ms * 1e6
        self._jitter_ns = jitter_ms * 1e6
        self._doubts: deque[int] = deque(maxlen=_DOUBTS_KEPT)
        self._history: deque[_Place] = deque()
        self._believed: _Reading | None = None
        self._doubted: _Reading | None = None
        self._must_restart = False
        self._reversed = False
        self._sharp = True
        self._extreme = 0
        self._offset = 0
        self._motion: BeltMotion | None = None
        self.tick = 0

    def take(self, sample: MachineSample) -> BeltNews:
        """Note one reading; the same reading told twice is no news."""
        reading = _Reading(sample.taken_ns, sample.encoder_count % self._modulus)
        self._sharp = self._is_sharp(sample.doubt_ns)
        if self._believed is None:
            return self._start(reading, trouble=None, epoch=False)
        if reading == self._believed:
            return BeltNews(self.tick, None, epoch=False)
        if reading.taken_ns <= (self._doubted or self._believed).taken_ns:
            return BeltNews(self.tick, BeltTrouble.disorder, epoch=False)
        if self._must_restart:
            return self._start(reading, trouble=None, epoch=True)
        if self._follows(self._believed, reading):
            return self._advance(self._believed, reading)
        return self._doubt(reading)

    def restart(self) -> None:
        """The controller was away and may have started anew: the next reading opens a new epoch, whatever it says."""
        self._must_restart = self._believed is not None

    def tick_at(self, captured_ns: int) -> int | None:
        """Tick at an instant between two readings of one epoch; None when no close enough pair encloses it.

        Readings with an uncertain instant are used only where no certain ones enclose it closely enough.
        """
        certain = (place for place in reversed(self._history) if place.sharp)
        tick = self._enclosed(certain, captured_ns)
        return self._enclosed(reversed(self._history), captured_ns) if tick is None else tick

    def motion(self) -> BeltMotion:
        """Speed of this moment and acceleration.

        The acceleration is that of a parabola through the last 0.3 s, as far as it is one and no roller's wobble; it
        carries the mean speed of that time up to now.
        """
        if self._motion is None:
            self._motion = self._fit_motion()
        return self._motion

    def _fit_motion(self) -> BeltMotion:
        newest = self._history[-1] if self._history else None
        if newest is None:
            return BeltMotion(0.0, 0.0)
        recent = [p for p in self._history if p.sharp and newest.taken_ns - p.taken_ns <= _CURVE_NS]
        if len(recent) < _CURVE_READINGS or recent[-1].taken_ns - recent[0].taken_ns < _CURVE_WHOLE_NS:
            return BeltMotion(self.speed_mm_s, 0.0)
        acceleration = 0.0 if _has_a_hole(recent) else _acceleration(recent) / self.ticks_per_mm
        seconds = (recent[-1].taken_ns - recent[0].taken_ns) / 1e9
        mean = (recent[-1].tick - recent[0].tick) / (seconds * self.ticks_per_mm)
        since_s = (newest.taken_ns - recent[-1].taken_ns) / 1e9 + seconds / 2
        return BeltMotion(mean + acceleration * since_s, acceleration)

    @property
    def latest_ns(self) -> int | None:
        """Instant of the latest believed reading: an instant after it cannot be placed *yet*. None before the first."""
        return self._believed.taken_ns if self._believed else None

    @property
    def speed_mm_s(self) -> float:
        """Mean speed over the window, negative when the belt runs backwards, 0 while there are not two readings."""
        if len(self._history) < 2:
            return 0.0
        newest = self._history[-1]
        oldest = self._history[-2]
        for place in reversed(self._history):
            if newest.taken_ns - place.taken_ns > self._window_ns:
                break
            if place is not newest:
                oldest = place
        return (newest.tick - oldest.tick) * 1e9 / ((newest.taken_ns - oldest.taken_ns) * self.ticks_per_mm)

    def count_of(self, tick: int) -> int:
        """Raw count of a tick of this epoch, modulo the counter's width."""
        return (tick + self._offset) % self._modulus

    def tick_of(self, count: int) -> int:
        """The tick nearest to the present one that has this raw count."""
        return self.tick + self._signed(count - self.count_of(self.tick))

    def _follows(self, earlier: _Reading, later: _Reading) -> bool:
        reach = self._max_ticks_per_ns * (later.taken_ns - earlier.taken_ns + self._jitter_ns)
        moved = abs(self._signed(later.raw - earlier.raw))
        return moved <= reach < self._modulus // 2

    def _doubt(self, reading: _Reading) -> BeltNews:
        doubted = self._doubted
        if doubted and self._follows(doubted, reading):
            return self._start(reading, trouble=BeltTrouble.jump, epoch=True)
        self._doubted = reading
        return BeltNews(self.tick, BeltTrouble.jump, epoch=False)

    def _start(self, reading: _Reading, *, trouble: BeltTrouble | None, epoch: bool) -> BeltNews:
        self._history.clear()
        self._motion = None
        self._reversed = self._must_restart = False
        self._extreme = self.tick
        self._offset = reading.raw - self.tick
        self._note(reading)
        return BeltNews(self.tick, trouble, epoch)

    def _advance(self, earlier: _Reading, reading: _Reading) -> BeltNews:
        self.tick += self._signed(reading.raw - earlier.raw)
        self._note(reading)
        self._watch_direction()
        return BeltNews(self.tick, BeltTrouble.reversed if self._reversed else None, epoch=False)

    def _is_sharp(self, doubt_ns: int) -> bool:
        """As certain as usual: a poll that took much longer than the others says less about when it was read."""
        self._doubts.append(doubt_ns)
        usual = sorted(self._doubts)[len(self._doubts) // 2]
        return doubt_ns <= max(_CERTAIN_NS, 1.3 * usual)

    def _note(self, reading: _Reading) -> None:
        self._believed, self._doubted, self._motion = reading, None, None
        self._history.append(_Place(reading.taken_ns, self.tick, self._sharp))
        while reading.taken_ns - self._history[0].taken_ns > self._history_ns:
            self._history.popleft()

    def _watch_direction(self) -> None:
        """Direction turns only after a distance: a belt that trembles at rest is not reversed."""
        sense = -1 if self._reversed else 1
        if (self._extreme - self.tick) * sense >= _REVERSED_TICKS:
            self._reversed = not self._reversed
            self._extreme = self.tick
        elif (self.tick - self._extreme) * sense > 0:
            self._extreme = self.tick

    def _enclosed(self, newest_first: Iterable[_Place], captured_ns: int) -> int | None:
        for after, before in pairwise(newest_first):
            if before.taken_ns <= captured_ns <= after.taken_ns:
                return self._between(before, after, captured_ns)
        return None

    def _between(self, before: _Place, after: _Place, captured_ns: int) -> int | None:
        gap_ns = after.taken_ns - before.taken_ns
        if gap_ns > self._gap_ns:
            return None
        return before.tick + round((after.tick - before.tick) * (captured_ns - before.taken_ns) / gap_ns)

    def _signed(self, counts: int) -> int:
        half = self._modulus // 2
        return (counts + half) % self._modulus - half


def _has_a_hole(places: Sequence[_Place]) -> bool:
    """Then nobody knows a ramp from a piece of a roller's wobble."""
    return any(later.taken_ns - earlier.taken_ns > _CURVE_HOLE_NS for earlier, later in pairwise(places))


def _acceleration(places: Sequence[_Place]) -> float:
    """Ticks/s2 of the parabola of least squares; about the means, so that large ticks and times cost no precision.

    Of what the places stray from a straight line the parabola explains nearly all while a belt speeds up, and little
    of a roller's wobble: what it explains less than 0.4 of is taken for none, what it explains 0.7 of for whole.
    """
    middle_ns, middle = (places[0].taken_ns + places[-1].taken_ns) / 2, places[len(places) // 2].tick
    times = [(p.taken_ns - middle_ns) / 1e9 for p in places]
    ticks = [float(p.tick - middle) for p in places]
    n = len(places)
    mean, mean2, mean3 = sum(times) / n, sum([t**2 for t in times]) / n, sum([t**3 for t in times]) / n
    slope = _slope(mean, mean2, mean3)
    curve = [t * t - mean2 - (t - mean) * slope for t in times]
    square = sum([c * c for c in curve]) / n
    if square == 0:
        return 0.0
    bend = sum([c * x for c, x in zip(curve, ticks, strict=True)]) / n / square
    return 2 * bend * min(1.0, max(0.0, (bend * bend * square / _stray(times, ticks, mean, mean2) - 0.4) / 0.3))


def _stray(times: Sequence[float], ticks: Sequence[float], mean: float, mean2: float) -> float:
    """Mean square of what the ticks are off the straight line of least squares; never nothing."""
    n, level = len(ticks), sum(ticks) / len(ticks)
    along = sum([(t - mean) * x for t, x in zip(times, ticks, strict=True)]) / n / (mean2 - mean**2)
    off = sum([(x - level - along * (t - mean)) ** 2 for t, x in zip(times, ticks, strict=True)]) / n
    return max(off, 1e-12)


def _slope(mean: float, mean2: float, mean3: float) -> float:
    """How much of t2 is a straight line in t, by the means of t, t2 and t3."""
    spread = mean2 - mean**2
    return (mean3 - mean * mean2) / spread if spread else 0.0
