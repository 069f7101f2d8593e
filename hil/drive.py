"""The belt's drive and its encoder: ramps instead of jumps, a little wow, and a counter that wraps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hil.types import BeltMotion


@dataclass(frozen=True, slots=True)
class DriveSettings:
    """``wow`` is the share by which the speed swings once per ``roller_mm``.

    ``profile`` scales the speed: (seconds since start of the run, factor), in order, stepwise, factor 1 before it.
    """

    speed_mm_s: float = 1500.0
    ramp_mm_s2: float = 1000.0
    wow: float = 0.003
    roller_mm: float = 400.0
    profile: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """``start_count`` near the end of the counter makes it wrap early."""

    ticks_per_mm: float = 10.0
    counter_bits: int = 32
    start_count: int = 0


class Drive:
    """The belt on its own clock: ``motion`` is where it was when last advanced."""

    def __init__(self, settings: DriveSettings, now_ns: int) -> None:
        self._settings = settings
        self._ramped_mm_s = 0.0
        self._run_s = 0.0
        self.motion = BeltMotion(now_ns, 0.0, 0.0)

    def advance(self, now_ns: int, *, run: bool) -> BeltMotion:
        """Move on to ``now_ns`` with the run request as given; going back in time changes nothing."""
        seconds = (now_ns - self.motion.t_ns) * 1e-9
        if seconds <= 0:
            return self.motion
        self._run_s = self._run_s + seconds if run else 0.0
        before = self._ramped_mm_s
        self._ramped_mm_s = self._ramp(before, seconds, run)
        mean = (before + self._ramped_mm_s) / 2
        wow = 1 + self._settings.wow * math.sin(2 * math.pi * self.motion.pos_mm / self._settings.roller_mm)
        self.motion = BeltMotion(now_ns, self.motion.pos_mm + mean * wow * seconds, self._ramped_mm_s * wow)
        return self.motion

    def _ramp(self, speed: float, seconds: float, run: bool) -> float:
        target = self._settings.speed_mm_s * self._factor() if run else 0.0
        step = self._settings.ramp_mm_s2 * seconds
        return min(target, speed + step) if target > speed else max(target, speed - step)

    def _factor(self) -> float:
        begun = [factor for since_s, factor in self._settings.profile if since_s <= self._run_s]
        return begun[-1] if begun else 1.0


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
