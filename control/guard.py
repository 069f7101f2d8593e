"""The last word before outputs: what of a command may reach the machine, whatever the sorter believes.

Pure: instants arrive as arguments. After every stop the guard holds everything until the command has shown neither run
nor armed once, so that only a fresh human order, which comes through the sorter, starts anything again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from control.types import Command, Job, MachineSample


class Refusal(StrEnum):
    """Why something was not let through."""

    estop = "estop"
    guard_open = "guard open"
    air_low = "air low"
    vision_late = "vision late"
    vision_silent = "vision silent"
    machine_lost = "machine lost"
    machine_stopped = "machine stopped by itself"
    fresh_order_needed = "fresh order needed"
    not_armed = "not armed"
    pulse_length = "pulse length"
    unknown_output = "unknown output"
    duplicate = "duplicate"
    rate = "rate"
    old_picture = "old picture"
    too_far = "too far ahead"


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """``outputs`` is the mask of outputs that exist; per output and window at most so many shots and open counts.

    Vision that has said nothing for ``late_ms`` fires nothing, until it has disarmed once; after ``silence_ms`` its
    silence is a stop. ``longer`` holds outputs (pushers, flaps) that may be open longer than ``max_length_counts``. A
    command whose newest picture is older than ``max_picture_ms`` fires nothing, nor does a job that would open more
    than ``max_ahead_counts`` from now; ``counter_bits`` is the counter's width.
    """

    outputs: int
    max_length_counts: int
    window_ms: float = 1000.0
    max_shots: int = 40
    max_open_counts: int = 12_000
    late_ms: float = 200.0
    silence_ms: float = 1000.0
    remembered_ids: int = 4096
    longer: tuple[tuple[int, int], ...] = ()
    max_picture_ms: float = 200.0
    max_ahead_counts: int = 1 << 30
    counter_bits: int = 32


class Admission(NamedTuple):
    """What may be requested of the machine now. ``held`` is why not everything may; None when nothing holds it."""

    run: bool
    armed: bool
    jobs: tuple[Job, ...]
    refused: tuple[tuple[Job, Refusal], ...]
    held: Refusal | None


class _Powers(NamedTuple):
    """Belt running, jobs allowed to fire."""

    run: bool
    armed: bool


class _Shot(NamedTuple):
    admitted_ns: int
    outputs: int
    length_counts: int


class Guard:
    """Starts held: nothing moves by itself."""

    def __init__(self, limits: GuardLimits) -> None:
        self._limits = limits
        self._latched = self._paused = True
        self._asked = self._granted = _Powers(run=False, armed=False)
        self._shots: deque[_Shot] = deque()
        self._ids: dict[int, None] = {}

    def admit(
        self, command: Command, sample: MachineSample | None, now_ns: int, last_command_ns: int | None
    ) -> Admission:
        """Judge the newest command against the newest sample (None: the machine is lost).

        ``last_command_ns`` is when vision last spoke, None for never. A computer that is overloaded for a moment costs
        the shots of that moment; a long silence is a stop.
        """
        admission = self._admit(command, sample, now_ns, last_command_ns)
        self._asked = _Powers(admission.run, admission.armed)
        return admission

    def _admit(
        self, command: Command, sample: MachineSample | None, now_ns: int, last_command_ns: int | None
    ) -> Admission:
        stopped = self._stop(sample, now_ns, last_command_ns)
        self._latched = self._latched if stopped is None else True
        if stopped is None and not (command.run or command.armed):
            self._latched = False
        held = stopped or (Refusal.fresh_order_needed if self._latched else None)
        if held is not None:
            return _refuse_all(command.jobs, held, run=False)
        assert sample is not None, "without a sample everything is held"
        assert last_command_ns is not None, "before the first command too"
        is_late = now_ns - last_command_ns > self._limits.late_ms * 1e6
        self._paused = command.armed and (is_late or self._paused)
        if self._paused:
            return _refuse_all(command.jobs, Refusal.vision_late, run=command.run)
        if not sample.interlocks.air_ok:
            return _refuse_all(command.jobs, Refusal.air_low, run=command.run)
        if not command.armed:
            return _refuse_all(command.jobs, Refusal.not_armed, run=command.run)._replace(held=None)
        if command.seen_ns is None or now_ns - command.seen_ns > self._limits.max_picture_ms * 1e6:
            refused = tuple((job, Refusal.old_picture) for job in command.jobs)
            return Admission(command.run, armed=True, jobs=(), refused=refused, held=None)
        return self._sift(command, sample.encoder_count, now_ns)

    def _stop(self, sample: MachineSample | None, now_ns: int, last_command_ns: int | None) -> Refusal | None:
        is_silent = last_command_ns is None or now_ns - last_command_ns > self._limits.silence_ms * 1e6
        if is_silent:
            self._ids.clear()  # a restarted vision numbers its jobs anew
        if sample is None:
            return Refusal.machine_lost
        if not sample.interlocks.estop_ok:
            return Refusal.estop
        if not sample.interlocks.guard_closed:
            return Refusal.guard_open
        has_dropped = self._has_dropped(sample)
        if is_silent:
            return Refusal.vision_silent
        return Refusal.machine_stopped if has_dropped else None

    def _has_dropped(self, sample: MachineSample) -> bool:
        """True when the controller takes back what it had granted and is still asked for: a stop of its own.

        Disarming for want of air is no stop, that returns by itself.
        """
        asked, granted = self._asked, self._granted
        shown = _Powers(sample.running, sample.armed or not sample.interlocks.air_ok)
        self._granted = _Powers(asked.run and shown.run, asked.armed and shown.armed)
        has_stopped = asked.run and granted.run and not shown.run
        return has_stopped or (asked.armed and granted.armed and not shown.armed)

    def _sift(self, command: Command, count: int, now_ns: int) -> Admission:
        self._forget(now_ns)
        admitted: list[Job] = []
        refused: list[tuple[Job, Refusal]] = []
        for job in command.jobs:
            refusal = self._refusal(job, count)
            if refusal is None:
                admitted.append(job)
                self._shots.append(_Shot(now_ns, job.outputs, job.length_counts))
            else:
                refused.append((job, refusal))
            self._ids[job.id] = None
        return Admission(command.run, armed=True, jobs=tuple(admitted), refused=tuple(refused), held=None)

    def _refusal(self, job: Job, count: int) -> Refusal | None:
        if job.id in self._ids:
            return Refusal.duplicate
        if not 0 < job.length_counts <= self._longest(job.outputs):
            return Refusal.pulse_length
        if job.outputs == 0 or job.outputs & ~self._limits.outputs:
            return Refusal.unknown_output
        width = 1 << self._limits.counter_bits
        if self._limits.max_ahead_counts < (job.open_count - count) % width < width // 2:
            return Refusal.too_far
        if any(
            self._is_spent(1 << n, job.length_counts) for n in range(job.outputs.bit_length()) if job.outputs >> n & 1
        ):
            return Refusal.rate
        return None

    def _longest(self, outputs: int) -> int:
        """The least that any of these outputs allows."""
        kinds = [(counts, outputs & mask) for mask, counts in self._limits.longer]
        plain = outputs & ~sum(mask for mask, _ in self._limits.longer)
        allowed = [counts for counts, hit in kinds if hit]
        return min([*allowed, self._limits.max_length_counts] if plain or not allowed else allowed)

    def _is_spent(self, output: int, length_counts: int) -> bool:
        lengths = [shot.length_counts for shot in self._shots if shot.outputs & output]
        return len(lengths) >= self._limits.max_shots or sum(lengths) + length_counts > self._limits.max_open_counts

    def _forget(self, now_ns: int) -> None:
        while self._shots and now_ns - self._shots[0].admitted_ns > self._limits.window_ms * 1e6:
            self._shots.popleft()
        while len(self._ids) > self._limits.remembered_ids:
            del self._ids[next(iter(self._ids))]


def _refuse_all(jobs: tuple[Job, ...], why: Refusal, *, run: bool) -> Admission:
    return Admission(run, armed=False, jobs=(), refused=tuple((job, why) for job in jobs), held=why)
