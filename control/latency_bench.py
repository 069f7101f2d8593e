"""Measures how exactly a machine fires: shots at known counts, and where its own reports say they fell.

It really fires outputs: only for a machine that is set up, with nobody near it. Whoever calls it asks for real-time
priority first, as the control process does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from control.count_line import CountLine
from control.guard import Guard, GuardLimits
from control.lateness import ErrorCurve, Lateness
from control.process import Prompt
from control.sample_age import SampleAge
from control.types import Command, Job, Machine, MachineLost, MachineSample, ShotReport, ShotResult

_REST_POLLS = 20
_START_POLLS = 1000


@dataclass(frozen=True, slots=True)
class LatencySettings:
    """``outputs`` are fired in turn, one shot every ``every_ms``, each armed ``ahead_ms`` before its count, as far as
    the guard's ``limits`` let them."""

    limits: GuardLimits
    outputs: tuple[int, ...]
    ticks_per_mm: float
    counter_bits: int
    shots: int = 300
    every_ms: float = 30.0
    ahead_ms: float = 150.0
    pulse_ms: float = 8.0
    poll_ms: float = 9.7


class Measured(NamedTuple):
    """The error curve of the shots that were fired, and how many jobs ended how.

    ``sample_age_ms`` is how old counts were when they were told, None where that was not seen or the machine tells.
    """

    curve: ErrorCurve
    results: dict[str, int]
    unanswered: int
    sample_age_ms: float | None


def measure_latency(
    machine: Machine, settings: LatencySettings, now_ns: Callable[[], int], sleep: Callable[[float], None]
) -> Measured:
    """Open the machine, run the belt, fire, and stop. Raises MachineLost or MachineMismatch."""
    machine.open()
    try:
        return _Bench(machine, settings, now_ns, sleep).measure()
    finally:
        machine.close()


class _Bench:
    def __init__(
        self, machine: Machine, settings: LatencySettings, now_ns: Callable[[], int], sleep: Callable[[float], None]
    ) -> None:
        self._machine = machine
        self._settings = settings
        self._now_ns = now_ns
        self._sleep = sleep
        self._guard = Guard(settings.limits)
        self._line = CountLine(settings.counter_bits)
        self._jobs: dict[int, Job] = {}
        self._reports: list[ShotReport] = []
        self._lateness = Lateness()
        self._age = SampleAge(settings.counter_bits)

    def measure(self) -> Measured:
        for _ in range(_REST_POLLS):
            self._poll(go=False)
        self._start()
        fired_ns = self._now_ns()
        while len(self._jobs) < self._settings.shots:
            is_due = self._now_ns() - fired_ns >= self._settings.every_ms * 1e6
            fired_ns = self._now_ns() if is_due else fired_ns
            self._poll(go=True, jobs=(self._next_job(),) if is_due else ())
        for _ in range(round(2 * self._settings.ahead_ms / self._settings.poll_ms)):
            self._poll(go=True)
        self._machine.safe()
        self._poll(go=False)
        results = Counter(report.result.value for report in self._reports)
        age = None if self._age.mean_ns is None else self._age.mean_ns / 1e6
        return Measured(self._lateness.curve(), dict(results), len(self._jobs) - len(self._reports), age)

    def _start(self) -> None:
        """The belt at a steady speed: two readings of it half a second apart that agree within a hundredth."""
        before = 0.0
        for n in range(_START_POLLS):
            sample = self._poll(go=True)
            if n % 50 == 49:
                rate = self._line.counts_per_ns
                if sample.running and sample.armed and rate > 0 and abs(rate - before) < 0.01 * rate:
                    return
                before = rate
        raise MachineLost("The belt does not come to a steady speed: check the drive and the encoder.")

    def _poll(self, *, go: bool, jobs: tuple[Job, ...] = ()) -> MachineSample:
        """One poll with what the guard lets through; a person is the eye here."""
        now_ns = self._now_ns()
        due_ns = now_ns + round(self._settings.poll_ms * 1e6)
        sample = self._machine.sample()
        admission = self._guard.admit(Command(go, go, jobs, now_ns), sample, now_ns, now_ns)
        self._machine.beat(run=admission.run, armed=admission.armed)
        if admission.jobs:
            self._machine.arm(admission.jobs)
        for job, why in admission.refused:
            raise MachineLost(f"The guard refuses shot {job.id} ({why}): look at the interlocks and the limits.")
        self._line.add(sample.encoder_count, sample.taken_ns)
        if not sample.stamped:
            self._age.note(sample.encoder_count, sample.taken_ns, sample.doubt_ns)
        for report in sample.reports:
            self._book(report)
        while (now_ns := self._now_ns()) < due_ns:
            edge_ns = self._machine.serve() if isinstance(self._machine, Prompt) else None
            until_ns = due_ns if edge_ns is None else min(due_ns, edge_ns)
            self._sleep(max(0, until_ns - now_ns) * 1e-9)
        return sample

    def _next_job(self) -> Job:
        """The next output in turn, its count as far ahead as asked for."""
        settings, rate = self._settings, self._line.counts_per_ns
        number = len(self._jobs) + 1
        modulus = 1 << settings.counter_bits
        opens = (self._line.at(self._now_ns()) + round(settings.ahead_ms * 1e6 * rate)) % modulus
        output = settings.outputs[number % len(settings.outputs)]
        job = Job(number, opens, max(1, round(settings.pulse_ms * 1e6 * rate)), 1 << output, 0, 0)
        self._jobs[number] = job
        return job

    def _book(self, report: ShotReport) -> None:
        self._reports.append(report)
        rate = self._line.counts_per_ns
        if report.result is ShotResult.fired and rate > 0:
            half = 1 << self._settings.counter_bits - 1
            behind = (report.encoder_count - self._jobs[report.job_id].open_count + half) % (2 * half) - half
            self._lateness.add(behind / rate / 1e6, behind / self._settings.ticks_per_mm)
