"""Valve health: which outputs open, which stay on, which lanes do nothing or answer slowly, as far as is wired."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import NamedTuple

from control.schedule import BeltNow, outputs_of
from control.types import Ejection, Ejector, MachineSample, ShotReport, ShotResult

_DEAD_AFTER = 3
_RESPONSES = 50
_SLOW_MS = 10.0
_FELT_LIMIT_MS = 100.0
_STUCK_MARGIN_MS = 20.0
_PLAN_SLACK_MS = 40.0
_KEPT_JOBS = 512


class ValveHealth(NamedTuple):
    """One lane of this run; ``response_ms`` is the mean of its newest openings, None where no sensor feels them."""

    output: int
    openings: int
    response_ms: float | None
    is_dead: bool
    is_slow: bool


class _Valve:
    """``waiting`` are openings (instants) that its sensor has not confirmed yet; ``closes`` is when it is told to.

    ``response_ms`` is the mean of the newest openings that its sensor felt.
    """

    def __init__(self, ejector: Ejector) -> None:
        self.ejector = ejector
        self.openings = 0
        self.closes_tick: int | None = None
        self.waiting: deque[int] = deque()
        self.on_since_ns: int | None = None
        self.response_ms: float | None = None
        self._failures = 0
        self._responses: deque[float] = deque(maxlen=_RESPONSES)
        self._health: ValveHealth | None = None

    @property
    def is_used(self) -> bool:
        return bool(self.openings or self._failures)

    @property
    def is_dead(self) -> bool:
        return self._failures >= _DEAD_AFTER

    @property
    def excess_ms(self) -> float | None:
        """How much later than its delay it answers, where that is too much; None while too few openings were felt."""
        if self.response_ms is None or len(self._responses) < _RESPONSES:
            return None
        excess = self.response_ms - self.ejector.delay_ms
        return excess if excess > _SLOW_MS else None

    @property
    def health(self) -> ValveHealth:
        """The same object until something about it changes, for it is asked for in every step."""
        if self._health is None:
            is_slow = self.excess_ms is not None
            self._health = ValveHealth(self.ejector.output, self.openings, self.response_ms, self.is_dead, is_slow)
        return self._health

    def open(self) -> None:
        self._health = None
        self.openings += 1

    def answer(self, response_ms: float | None) -> None:
        """It did what it should; ``response_ms`` is None where nothing says how fast."""
        self._health, self._failures = None, 0
        if response_ms is not None:
            self._responses.append(response_ms)
            self.response_ms = fmean(self._responses)

    def fail(self) -> None:
        """It did nothing."""
        self._health = None
        self._failures += 1

    def forgive(self) -> None:
        """Whatever it failed to do is forgotten."""
        self._health, self._failures, self.response_ms = None, 0, None
        self.waiting.clear()
        self._responses.clear()


class Valves:
    """Told what was planned, what the controller reported, and what its inputs show."""

    def __init__(self, ejectors: tuple[Ejector, ...], longest_ms: float) -> None:
        """``longest_ms`` is the longest opening of outputs that have no limit of their own."""
        self._valves = {ejector.output: _Valve(ejector) for ejector in ejectors}
        self._longest_ms = longest_ms
        self._planned: dict[int, Ejection] = {}
        self._felt: int | None = None
        self._taken_ns: int | None = None
        self._stray: dict[str, str] = {}

    @property
    def dead(self) -> int:
        """Mask of outputs that did nothing when they should have, several times in a row."""
        return sum(1 << output for output, valve in self._valves.items() if valve.is_dead)

    @property
    def health(self) -> tuple[ValveHealth, ...]:
        """Every lane that was opened in this run."""
        return tuple([valve.health for valve in self._valves.values() if valve.is_used])

    def expect(self, ejection: Ejection) -> None:
        """This shot was sent."""
        self._planned[ejection.piece_id] = ejection
        while len(self._planned) > _KEPT_JOBS:
            del self._planned[next(iter(self._planned))]

    def forgive(self) -> None:
        """A person has started the line anew: dead lanes get another chance."""
        for valve in self._valves.values():
            valve.forgive()

    def hear(self, sample: MachineSample, belt: BeltNow) -> None:
        """One poll of the controller; ``belt`` is where the belt stood at it."""
        for report in sample.reports:
            self._hear_report(report, sample, belt)
        if sample.felt is not None:
            self._feel(sample.felt, sample.taken_ns)
        self._stray = {}
        if sample.outputs is not None:
            self._read_back(sample.outputs, sample.taken_ns, belt)
        self._taken_ns = sample.taken_ns

    def conditions(self) -> Mapping[str, str]:
        """Fault codes with details, all that is wrong now."""
        dead = [self._name(valve) for valve in self._valves.values() if valve.is_dead]
        slow = [
            f"{self._name(valve)} by {excess_ms:.0f} ms"
            for valve in self._valves.values()
            if (excess_ms := valve.excess_ms) is not None
        ]
        stuck = list(self._stuck())
        found = {"lane-dead": "; ".join(dead), "lane-slow": "; ".join(slow), "output-stuck": "; ".join(stuck)}
        return {code: detail for code, detail in found.items() if detail} | self._stray

    def _hear_report(self, report: ShotReport, sample: MachineSample, belt: BeltNow) -> None:
        shot = self._planned.get(report.job_id)
        if shot is None:
            return
        per_ms = max(1e-6, belt.speed_mm_s * belt.ticks_per_mm / 1000.0)
        opened_ns = sample.taken_ns - round(1e6 * max(0, belt.tick - shot.open_tick) / per_ms)
        for output in outputs_of(shot.outputs):
            valve = self._valves.get(output)
            if valve is not None and report.result is ShotResult.faulted:
                valve.fail()
            elif valve is not None and report.result is ShotResult.fired:
                self._open(valve, shot, opened_ns, sample.felt is not None)

    def _open(self, valve: _Valve, shot: Ejection, opened_ns: int, has_sensor: bool) -> None:
        """A shot that joins the one before opens nothing anew."""
        is_joined = valve.closes_tick is not None and shot.open_tick <= valve.closes_tick
        valve.closes_tick = max(shot.close_tick, valve.closes_tick or shot.close_tick)
        if is_joined:
            return
        valve.open()
        if has_sensor:
            valve.waiting.append(opened_ns)
        else:
            valve.answer(None)

    def _feel(self, felt: int, taken_ns: int) -> None:
        """Bits that flipped since the last poll answer the oldest opening; the flip lay somewhere between the two."""
        flipped = 0 if self._felt is None else felt ^ self._felt
        self._felt = felt
        half_ns = 0 if self._taken_ns is None else (taken_ns - self._taken_ns) // 2
        for output, valve in self._valves.items():
            if valve.waiting and flipped >> output & 1:
                valve.answer((taken_ns - half_ns - valve.waiting.popleft()) / 1e6)
            while valve.waiting and (taken_ns - valve.waiting[0]) / 1e6 > valve.ejector.delay_ms + _FELT_LIMIT_MS:
                valve.waiting.popleft()
                valve.fail()

    def _read_back(self, outputs: int, taken_ns: int, belt: BeltNow) -> None:
        for output in outputs_of(outputs):
            valve = self._valves.get(output)
            if valve is not None and valve.on_since_ns is None:
                valve.on_since_ns = taken_ns
                if not self._is_planned(output, belt):
                    self._stray = {"other-master": self._name(valve)}
        for output, valve in self._valves.items():
            if not outputs >> output & 1:
                valve.on_since_ns = None

    def _is_planned(self, output: int, belt: BeltNow) -> bool:
        slack = _PLAN_SLACK_MS * max(0.0, belt.speed_mm_s) * belt.ticks_per_mm / 1000.0 + belt.ticks_per_mm
        earliest, latest = belt.tick - slack, belt.tick + slack
        return any(
            shot.outputs >> output & 1 and shot.open_tick <= latest and earliest <= shot.close_tick
            for shot in reversed(self._planned.values())
        )

    def _stuck(self) -> Iterator[str]:
        for valve in self._valves.values():
            limit = valve.ejector.longest_ms or self._longest_ms
            if valve.on_since_ns is not None and self._taken_ns is not None:
                on_ms = (self._taken_ns - valve.on_since_ns) / 1e6
                if on_ms > limit + _STUCK_MARGIN_MS:
                    yield f"{self._name(valve)} on for {on_ms:.0f} ms"

    @staticmethod
    def _name(valve: _Valve) -> str:
        ejector = valve.ejector
        return f"{ejector.outlet} output {ejector.output} ({ejector.left_mm:.0f}-{ejector.right_mm:.0f} mm)"
