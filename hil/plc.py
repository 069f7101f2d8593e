"""The emulated controller's program: takes jobs, counts ticks, fires exactly then or not at all."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from control.count_clock import CLOCK_BITS
from control.job_ring import (
    HEARTBEAT_LIMIT_MS,
    HEARTBEAT_MS,
    INDEX_MODULUS,
    RESULTS,
    SLOTS,
    CommandBlock,
    StatusBlock,
    unpack_job,
)
from control.types import Identity, Interlocks, Job, ShotReport, ShotResult

_CLOCK_FAST_PPM = 40
_CLOCK_START_US = 3_000_000_000

Slot = Callable[[int], list[int]]


@dataclass(frozen=True, slots=True)
class PlcSettings:
    """``longest_on_ms`` is one limit per output.

    An edge that the scan sees more than ``late_limit_counts`` too late is not fired. A station that polls at least
    every ``heartbeat_limit_ms``, and is stood down otherwise, never misses a report.
    """

    identity: Identity
    longest_on_ms: tuple[float, ...]
    late_limit_counts: int = 50
    heartbeat_limit_ms: float = HEARTBEAT_LIMIT_MS
    queue: int = 256


class Scan(NamedTuple):
    """What one scan drives: a bit mask of outputs, and whether the belt may run."""

    outputs: int
    run: bool


class _Hold(NamedTuple):
    """An output that is on: since when, and the count at which it closes."""

    since_ns: int
    close_count: int


class Plc:
    """One controller program; every verb takes the time and the encoder count from outside."""

    def __init__(self, settings: PlcSettings) -> None:
        self._settings = settings
        self._modulus = 1 << settings.identity.counter_bits
        self._limits_ns = [round(ms * 1e6) for ms in settings.longest_on_ms]
        self._pending: list[Job] = []  # the next to open first
        self._holds: dict[int, _Hold] = {}
        self._run = self._armed = False
        self._asked_run = self._asked_armed = True
        self._heartbeat: int | None = None
        self._beaten_ns: int | None = None
        self._read_index = self._result_index = 0
        self._results: list[ShotReport | None] = [None] * RESULTS
        self._unpublished: deque[ShotReport] = deque()
        self._published_ns: deque[int] = deque(maxlen=RESULTS)

    def scan(self, now_ns: int, count: int, interlocks: Interlocks, command: CommandBlock, slot: Slot) -> Scan:
        """One pass of the program; ``slot`` gives the registers of the job with a given index."""
        if self._is_healthy(now_ns, interlocks, command):
            self._follow(command)
        else:
            self._trip()
        if not self._armed:
            self._stand_down(count)
        self._take(count, command.write_index, slot)
        self._open_due(now_ns, count)
        self._close_due(now_ns, count)
        self._publish(now_ns)
        return Scan(sum(1 << output for output in self._holds), self._run)

    def status(self, now_ns: int, count: int, interlocks: Interlocks) -> StatusBlock:
        """What the station reads; the heartbeat toggles with the controller's own clock, which stamps the count."""
        heartbeat = now_ns // (HEARTBEAT_MS * 1_000_000) % 2
        return StatusBlock(
            count, interlocks, self._run, self._armed, heartbeat,
            self._read_index, self._result_index, tuple(self._results), clock_us=_own_clock_us(now_ns),
        )  # fmt: skip

    def next_edge_ns(self, now_ns: int, count: int, ticks_per_s: float) -> int | None:
        """When the next output must switch at this speed; None when none is due."""
        edges = [job.open_count for job in self._pending[:1]] + [hold.close_count for hold in self._holds.values()]
        counts = [self._ahead(edge, count) for edge in edges]
        instants = [hold.since_ns + self._limits_ns[output] for output, hold in self._holds.items()]
        if counts and ticks_per_s > 0:
            instants.append(now_ns + round(max(0, min(counts)) / ticks_per_s * 1e9))
        return min(instants, default=None)

    def _is_healthy(self, now_ns: int, interlocks: Interlocks, command: CommandBlock) -> bool:
        if self._heartbeat is None:
            self._heartbeat = command.heartbeat
        elif command.heartbeat != self._heartbeat:
            self._heartbeat, self._beaten_ns = command.heartbeat, now_ns
        if self._beaten_ns is None or now_ns - self._beaten_ns > self._settings.heartbeat_limit_ms * 1e6:
            return False
        return interlocks.estop_ok and interlocks.guard_closed

    def _follow(self, command: CommandBlock) -> None:
        """A request is granted when it rises, and kept while it stands."""
        self._run = command.run and (self._run or not self._asked_run)
        self._armed = command.armed and (self._armed or not self._asked_armed)
        self._asked_run, self._asked_armed = command.run, command.armed

    def _trip(self) -> None:
        """Everything off; requests that stand now are not believed until they have been dropped and raised again."""
        self._run = self._armed = False
        self._asked_run = self._asked_armed = True

    def _stand_down(self, count: int) -> None:
        self._holds.clear()
        for job in self._pending:
            self._report(job.id, ShotResult.ignored, count)
        self._pending.clear()

    def _take(self, count: int, write_index: int, slot: Slot) -> None:
        """Read new jobs in order; an index that is further ahead than there are slots is not believed."""
        unread = (write_index - self._read_index) % INDEX_MODULUS
        for _ in range(unread if unread <= SLOTS else 0):
            if len(self._pending) + len(self._unpublished) >= self._settings.queue:
                return
            self._judge(count, slot(self._read_index))
            self._read_index = (self._read_index + 1) % INDEX_MODULUS

    def _judge(self, count: int, registers: list[int]) -> None:
        job = unpack_job(registers)
        if job is None:
            self._report(registers[0] << 16 | registers[1], ShotResult.faulted, count)
        elif not self._armed:
            self._report(job.id, ShotResult.ignored, count)
        elif not 0 < job.outputs < 1 << self._settings.identity.outputs or job.length_counts == 0:
            self._report(job.id, ShotResult.faulted, count)
        elif self._ahead(job.open_count, count) < 0:
            self._report(job.id, ShotResult.late, count)
        else:
            insort(self._pending, job, key=lambda waiting: self._ahead(waiting.open_count, count))

    def _open_due(self, now_ns: int, count: int) -> None:
        while self._pending and self._ahead(self._pending[0].open_count, count) <= 0:
            job = self._pending.pop(0)
            behind = -self._ahead(job.open_count, count)
            if behind > self._settings.late_limit_counts or behind >= job.length_counts:
                self._report(job.id, ShotResult.late, count)
            else:
                self._open(now_ns, count, job)
                self._report(job.id, ShotResult.fired, count)

    def _open(self, now_ns: int, count: int, job: Job) -> None:
        close = (job.open_count + job.length_counts) % self._modulus
        for output in _bits(job.outputs):
            hold = self._holds.get(output)
            if hold is None:
                self._holds[output] = _Hold(now_ns, close)
            elif self._ahead(close, count) > self._ahead(hold.close_count, count):
                self._holds[output] = hold._replace(close_count=close)

    def _close_due(self, now_ns: int, count: int) -> None:
        for output, hold in list(self._holds.items()):
            is_over = self._ahead(hold.close_count, count) <= 0
            if is_over or now_ns - hold.since_ns >= self._limits_ns[output]:
                del self._holds[output]

    def _report(self, job_id: int, result: ShotResult, count: int) -> None:
        self._unpublished.append(ShotReport(job_id, result, count))

    def _publish(self, now_ns: int) -> None:
        """Never more than RESULTS reports within the heartbeat limit; the rest wait their turn."""
        limit_ns = self._settings.heartbeat_limit_ms * 1e6
        while self._unpublished:
            if len(self._published_ns) == RESULTS and now_ns - self._published_ns[0] < limit_ns:
                return
            self._results[self._result_index % RESULTS] = self._unpublished.popleft()
            self._result_index = (self._result_index + 1) % INDEX_MODULUS
            self._published_ns.append(now_ns)

    def _ahead(self, edge: int, count: int) -> int:
        """Counts from ``count`` to ``edge``, negative when it has passed; half the counter is the horizon."""
        half = self._modulus >> 1
        return (edge - count + half) % self._modulus - half


def _own_clock_us(now_ns: int) -> int:
    """A quartz of the controller's own: somewhere else than the computer's, and 40 ppm fast."""
    return (_CLOCK_START_US + (now_ns + now_ns * _CLOCK_FAST_PPM // 1_000_000) // 1000) % (1 << CLOCK_BITS)


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
