"""What became of the shots, for people who watch: jobs as they leave, joined with the controller's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from control.schedule import outputs_of
from control.types import Job, MachineDown, MachineSample
from station.types import Shot

_MOST_OPEN = 256


class ShotNews:
    """Told every job and every sample; an answer to a job that nobody knows is passed over."""

    def __init__(self, labels: Mapping[int, str]) -> None:
        """``labels`` by class code."""
        self._labels = labels
        self._open: dict[int, Job] = {}
        self._news: list[Shot] = []

    def sent(self, jobs: Iterable[Job]) -> None:
        """These are on their way; answers that never come do not pile up."""
        for job in jobs:
            self._open[job.id] = job
        while len(self._open) > _MOST_OPEN:
            del self._open[next(iter(self._open))]

    def hear(self, machine: Iterable[MachineSample | MachineDown], now_ns: int) -> None:
        """Answers of the controller."""
        for item in machine:
            for report in item.reports if isinstance(item, MachineSample) else ():
                job = self._open.pop(report.job_id, None)
                if job is not None:
                    label = self._labels.get(job.class_code, "")
                    self._news.append(Shot(job.id, label, outputs_of(job.outputs), report.result, now_ns))

    def take(self) -> tuple[Shot, ...]:
        """What was answered since the last time."""
        news, self._news = self._news, []
        return tuple(news[-_MOST_OPEN:])
