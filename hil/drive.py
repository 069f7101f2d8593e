"""The belt's drive and its encoder: ramps instead of jumps, a little wow, and a counter that wraps."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hil.types import BeltMotion, Hand, HandName


@dataclass(frozen=True, slots=True)
class DriveSettings:
    """``wow`` is the share by which the speed swings once per ``roller_mm``; by hand it goes ``by_hand_mm_s``.

    ``profile`` scales the speed: (seconds since start of the run, factor), in order, stepwise, factor 1 before it.
    """

    speed_mm_s: float = 1500.0
    ramp_mm_s2: float = 1000.0
    wow: float = 0.003
    roller_mm: float = 400.0
    by_hand_mm_s: float = 800.0
    profile: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """``start_count`` near the end of the counter makes it wrap early; the controller itself believes in
    ``nominal_ticks_per_mm``, None: in what is true."""

    ticks_per_mm: float = 10.0
    counter_bits: int = 32
    start_count: int = 0
    nominal_ticks_per_mm: float | None = None

    @property
    def said_ticks_per_mm(self) -> float:
        """What the controller says of it."""
        return self.nominal_ticks_per_mm or self.ticks_per_mm


class Drive:
    """The belt on its own clock: ``motion`` is where it was when last advanced, ``knob`` scales its speed."""

    def __init__(self, settings: DriveSettings, now_ns: int, pos_mm: float = 0.0) -> None:
        self._settings = settings
        self._ramped_mm_s = 0.0
        self._run_s = 0.0
        self._by_hand_mm = 0.0
        self.knob = 1.0
        self.motion = BeltMotion(now_ns, pos_mm, 0.0)

    def push(self, mm: float) -> None:
        """Somebody turns the belt by hand, as soon as it stands still."""
        self._by_hand_mm += mm

    def advance(self, now_ns: int, *, run: bool) -> BeltMotion:
        """Move on to ``now_ns`` with the run request as given; going back in time changes nothing."""
        seconds = (now_ns - self.motion.t_ns) * 1e-9
        if seconds <= 0:
            return self.motion
        self._run_s = self._run_s + seconds if run else 0.0
        before = self._ramped_mm_s
        self._ramped_mm_s = self._ramp(before, seconds, run)
        if self._by_hand_mm and not run and before == self._ramped_mm_s == 0:
            return self._turned(now_ns, seconds)
        mean = (before + self._ramped_mm_s) / 2
        wow = 1 + self._settings.wow * math.sin(2 * math.pi * self.motion.pos_mm / self._settings.roller_mm)
        self.motion = BeltMotion(now_ns, self.motion.pos_mm + mean * wow * seconds, self._ramped_mm_s * wow)
        return self.motion

    def _turned(self, now_ns: int, seconds: float) -> BeltMotion:
        """By hand, never further than was asked for."""
        reach = self._settings.by_hand_mm_s * seconds
        step = max(-reach, min(reach, self._by_hand_mm))
        self._by_hand_mm -= step
        self.motion = BeltMotion(now_ns, self.motion.pos_mm + step, step / seconds if self._by_hand_mm else 0.0)
        return self.motion

    def _ramp(self, speed: float, seconds: float, run: bool) -> float:
        target = self._settings.speed_mm_s * self._factor() * self.knob if run else 0.0
        step = self._settings.ramp_mm_s2 * seconds
        return min(target, speed + step) if target > speed else max(target, speed - step)

    def _factor(self) -> float:
        begun = [factor for since_s, factor in self._settings.profile if since_s <= self._run_s]
        return begun[-1] if begun else 1.0


class Belt(Protocol):
    """Seam: what moves under the encoder."""

    @property
    def motion(self) -> BeltMotion:
        """Where it was when last advanced."""

    def advance(self, now_ns: int, *, run: bool) -> BeltMotion:
        """Move on to ``now_ns``, with the run request as given until then."""

    def count(self, now_ns: int) -> int:
        """Raw encoder count at an instant no earlier than the last ``advance``."""

    def stick(self, *, stuck: bool) -> None:
        """Begin or end an encoder that stands still while the belt runs."""

    def recount(self, count: int) -> None:
        """Let the counter begin anew from this raw count."""

    def handle(self, hand: Hand) -> None:
        """Turn it by hand, or turn the knob of its drive; other deeds are ignored."""


class DrivenBelt:
    """A ``Belt`` that obeys its run request."""

    def __init__(self, drive: DriveSettings, encoder: EncoderSettings, now_ns: int, pos_mm: float = 0.0) -> None:
        """Standing still at ``pos_mm``."""
        self._drive = Drive(drive, now_ns, pos_mm)
        self._settings = encoder
        self._encoder = Encoder(encoder)

    @property
    def motion(self) -> BeltMotion:
        return self._drive.motion

    def advance(self, now_ns: int, *, run: bool) -> BeltMotion:
        return self._drive.advance(now_ns, run=run)

    def count(self, now_ns: int) -> int:
        return self._encoder.count(self.motion.at(max(now_ns, self.motion.t_ns)))

    def stick(self, *, stuck: bool) -> None:
        self._encoder.stick(self.motion.pos_mm, stuck=stuck)

    def handle(self, hand: Hand) -> None:
        match hand.name:
            case HandName.turn_belt:
                self._drive.push(hand.mm)
            case HandName.set_speed:
                self._drive.knob = hand.mm
            case HandName.feed:
                self._drive.knob = 1.0

    def recount(self, count: int) -> None:
        start = count - math.floor(self.motion.pos_mm * self._settings.ticks_per_mm)
        self._encoder = Encoder(replace(self._settings, start_count=start))


class TableBelt:
    """A ``Belt`` that ran once and is played again: it asks nobody, and stands still before and after its table."""

    def __init__(self, table: Sequence[tuple[int, int]], shift_ns: int, encoder: EncoderSettings) -> None:
        """``table`` holds (taken_ns, raw count) in order; ``shift_ns`` is added. Raises ValueError when empty."""
        if not table:
            raise ValueError("The tick table is empty.")
        self._settings = encoder
        self._times = [taken_ns + shift_ns for taken_ns, _count in table]
        self._ticks = _unwrapped([count for _taken_ns, count in table], encoder.counter_bits)
        self._origin = self._ticks[0]
        self._stuck_at: int | None = None
        self._offset = 0
        self.motion = self._motion(self._times[0])

    def advance(self, now_ns: int, *, run: bool) -> BeltMotion:
        self.motion = self._motion(now_ns)
        return self.motion

    def count(self, now_ns: int) -> int:
        ticks = self._between(now_ns) if self._stuck_at is None else self._stuck_at
        return (math.floor(ticks) + self._offset) % (1 << self._settings.counter_bits)

    def stick(self, *, stuck: bool) -> None:
        now = math.floor(self._between(self.motion.t_ns))
        if stuck and self._stuck_at is None:
            self._stuck_at = now
        elif not stuck and self._stuck_at is not None:
            self._offset += self._stuck_at - now
            self._stuck_at = None

    def handle(self, hand: Hand) -> None:
        """It has run already."""

    def recount(self, count: int) -> None:
        self._offset = count - math.floor(self._between(self.motion.t_ns))

    def _motion(self, now_ns: int) -> BeltMotion:
        scale = 1 / self._settings.ticks_per_mm
        step_ns = 5_000_000
        speed = (self._between(now_ns) - self._between(now_ns - step_ns)) * scale / (step_ns * 1e-9)
        return BeltMotion(now_ns, (self._between(now_ns) - self._origin) * scale, speed)

    def _between(self, now_ns: int) -> float:
        n = bisect_right(self._times, now_ns)
        if n in (0, len(self._times)):
            return float(self._ticks[0 if n == 0 else -1])
        share = (now_ns - self._times[n - 1]) / (self._times[n] - self._times[n - 1])
        return self._ticks[n - 1] + share * (self._ticks[n] - self._ticks[n - 1])


def _unwrapped(counts: Sequence[int], counter_bits: int) -> list[int]:
    half = 1 << counter_bits - 1
    ticks = [counts[0]]
    for count in counts[1:]:
        ticks.append(ticks[-1] + (count - ticks[-1] + half) % (2 * half) - half)
    return ticks


class Encoder:
    """Turns belt positions into raw counts; it can be stuck for a while and then has lost what passed."""

    def __init__(self, settings: EncoderSettings) -> None:
        self._settings = settings
        self._modulus = 1 << settings.counter_bits
        self._lost = 0
        self._stuck_at: int | None = None

    def count(self, pos_mm: float) -> int:
        """Raw count, 0 .. 2 ** counter_bits - 1."""
        ticks = self._ticks(pos_mm) if self._stuck_at is None else self._stuck_at
        return (self._settings.start_count + ticks - self._lost) % self._modulus

    def stick(self, pos_mm: float, *, stuck: bool) -> None:
        """Begin or end being stuck at this position."""
        if stuck and self._stuck_at is None:
            self._stuck_at = self._ticks(pos_mm)
        elif not stuck and self._stuck_at is not None:
            self._lost += self._ticks(pos_mm) - self._stuck_at
            self._stuck_at = None

    def _ticks(self, pos_mm: float) -> int:
        return math.floor(pos_mm * self._settings.ticks_per_mm)
