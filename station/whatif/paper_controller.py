"""The controller of a what-if: it answers every shot of the changed sorter from what the encoder did in the recording.

A shot that is the same as then gets the very answer that it got then. Any other is fired at its count when it came in
time and the machine was armed and safe, and is late or ignored otherwise: valves themselves are taken to work. From the
first shot that differs on, what was read back of the recorded valves is of other shots and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from control.types import Job, MachineDown, MachineSample, ShotReport, ShotResult


class PaperController:
    """Fed with the recording's machine messages and with the jobs of both sorters, step by step."""

    def __init__(self, counter_bits: int) -> None:
        self._half = 1 << counter_bits - 1
        self._then: dict[int, Job] = {}
        self._now: dict[int, Job] = {}
        self._pending: dict[int, Job] = {}
        self._count: int | None = None
        self._differs = False

    def hear(self, items: Iterable[MachineSample | MachineDown]) -> tuple[MachineSample | MachineDown, ...]:
        """The recorded messages with reports that answer the jobs of the changed sorter."""
        return tuple(self._answered(item) if isinstance(item, MachineSample) else self._lost(item) for item in items)

    def take(self, then: Iterable[Job], now: Iterable[Job]) -> None:
        """The jobs that the recorded sorter and the changed one sent in this step."""
        then, now = tuple(then), tuple(now)
        self._differs = self._differs or then != now
        self._then |= {job.id: job for job in then}
        for job in now:
            self._now[job.id] = job
            if self._then.get(job.id) != job:
                self._pending[job.id] = job

    def _lost(self, item: MachineDown) -> MachineDown:
        """What was queued in a controller that is gone is never answered."""
        self._pending.clear()
        return item

    def _answered(self, sample: MachineSample) -> MachineSample:
        same = [report for report in sample.reports if self._is_same(report)]
        safe = all(sample.interlocks) and sample.armed
        fresh = [self._judge(job, sample, safe) for job in list(self._pending.values()) if self._is_due(job, sample)]
        for report in fresh:
            del self._pending[report.job_id]
        self._count = sample.encoder_count
        told = sample._replace(reports=(*same, *fresh))
        return told._replace(outputs=None, felt=None) if self._differs else told

    def _is_same(self, report: ShotReport) -> bool:
        """A job that neither sorter sent since was under way when the recording began."""
        job = self._now.get(report.job_id)
        if job is None and report.job_id not in self._then:
            return True
        return job is not None and self._then.get(report.job_id) == job and report.job_id not in self._pending

    def _is_due(self, job: Job, sample: MachineSample) -> bool:
        return self._past(job.open_count, sample.encoder_count)

    def _judge(self, job: Job, sample: MachineSample, safe: bool) -> ShotReport:
        if not safe:
            return ShotReport(job.id, ShotResult.ignored, sample.encoder_count)
        if self._count is not None and self._past(job.open_count + job.length_counts, self._count):
            return ShotReport(job.id, ShotResult.late, sample.encoder_count)
        return ShotReport(job.id, ShotResult.fired, job.open_count)

    def _past(self, count: int, now: int) -> bool:
        """True when the counter has reached ``count``, the shorter way round."""
        return (now - count + self._half) % (2 * self._half) >= self._half
