"""Shots that wait for their count, and outputs that wait for their end: the timing of a machine that fires by itself.

Pure: instants and counts come as arguments. Counts are raw, modulo the counter's width.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from control.types import Job, ShotReport, ShotResult


class Shot(NamedTuple):
    """A job whose outputs have just been put into ``ShotQueue.outputs``."""

    job: Job
    behind_counts: int


class _Hold(NamedTuple):
    since_ns: int
    close_count: int


class ShotQueue:
    """``outputs`` is the mask that should be on now. ``longest_on_ns`` is one limit per output."""

    def __init__(self, counter_bits: int, longest_on_ns: Sequence[int]) -> None:
        self._modulus = 1 << counter_bits
        self._longest_on_ns = tuple(longest_on_ns)
        self._pending: list[Job] = []
        self._holds: dict[int, _Hold] = {}

    @property
    def outputs(self) -> int:
        """Mask of what is on."""
        return sum(1 << output for output in self._holds)

    def add(self, job: Job, count: int) -> ShotReport | None:
        """Queue the job; its report at once when it cannot be done."""
        if not 0 < job.outputs < 1 << len(self._longest_on_ns) or job.length_counts <= 0:
            return ShotReport(job.id, ShotResult.faulted, count)
        if self.ahead(job.open_count, count) < 0:
            return ShotReport(job.id, ShotResult.late, count)
        insort(self._pending, job, key=lambda waiting: self.ahead(waiting.open_count, count))
        return None

    def step(self, now_ns: int, count: int, late_limit: int) -> tuple[list[Shot], list[ShotReport]]:
        """Open and close what is due: the shots that opened, and the reports of those that are too late to.

        An opening that is more than ``late_limit`` counts behind is late; below 0 every opening is.
        """
        shots: list[Shot] = []
        late: list[ShotReport] = []
        while self._pending and self.ahead(self._pending[0].open_count, count) <= 0:
            job = self._pending.pop(0)
            behind = -self.ahead(job.open_count, count)
            if behind <= min(late_limit, job.length_counts - 1):
                self._open(now_ns, count, job)
                shots.append(Shot(job, behind))
            else:
                late.append(ShotReport(job.id, ShotResult.late, count))
        self._close_due(now_ns, count)
        return shots, late

    def next_ns(self, now_ns: int, count: int, counts_per_ns: float) -> int | None:
        """When the next output must switch at this speed; None when none is due."""
        edges = [hold.close_count for hold in self._holds.values()] + [job.open_count for job in self._pending[:1]]
        instants = [hold.since_ns + self._longest_on_ns[output] for output, hold in self._holds.items()]
        if edges and counts_per_ns > 0:
            nearest = min(self.ahead(edge, count) for edge in edges)
            instants.append(now_ns + round(max(0, nearest) / counts_per_ns))
        return min(instants, default=None)

    def drop(self, count: int) -> list[ShotReport]:
        """Everything off; what waited is ignored."""
        self._holds.clear()
        dropped = [ShotReport(job.id, ShotResult.ignored, count) for job in self._pending]
        self._pending.clear()
        return dropped

    def ahead(self, edge: int, count: int) -> int:
        """Counts from ``count`` to ``edge``, negative when it has passed; half the counter is the horizon."""
        half = self._modulus >> 1
        return (edge - count + half) % self._modulus - half

    def _open(self, now_ns: int, count: int, job: Job) -> None:
        """An output that is on already stays on; its longest time runs from when it was switched on."""
        close = (job.open_count + job.length_counts) % self._modulus
        for output in _bits(job.outputs):
            hold = self._holds.setdefault(output, _Hold(now_ns, close))
            if self.ahead(close, count) > self.ahead(hold.close_count, count):
                self._holds[output] = hold._replace(close_count=close)

    def _close_due(self, now_ns: int, count: int) -> None:
        for output, hold in list(self._holds.items()):
            is_over = self.ahead(hold.close_count, count) <= 0
            if is_over or now_ns - hold.since_ns >= self._longest_on_ns[output]:
                del self._holds[output]


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
