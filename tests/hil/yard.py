"""A small machine for tests: a controller program with its job ring, driven by hand-made time."""

from __future__ import annotations

from dataclasses import dataclass, field

from control.job_ring import MAP_VERSION, SLOTS, CommandBlock, pack_job
from control.types import Ejector, EjectorKind, Identity, Interlocks, Job, ShotReport
from hil.plc import Plc, PlcSettings, Scan

SILENT = CommandBlock(0, run=False, armed=False, write_index=0)
SAFE = Interlocks(estop_ok=True, guard_closed=True, air_ok=True)
LIMIT_MS = 120.0


def plc(counter_bits: int = 32, outputs: int = 8) -> Plc:
    return Plc(PlcSettings(Identity(MAP_VERSION, outputs, counter_bits, 10.0), (LIMIT_MS,) * outputs))


@dataclass
class Rig:
    """A program, its clock (1 ms a step) and its belt (``ticks_per_ms``); ``start`` is the first raw count."""

    plc: Plc
    counter_bits: int = 32
    start: int = 0
    ticks_per_ms: int = 15
    now_ns: int = 0
    ticks: int = 0
    interlocks: Interlocks = SAFE
    command: CommandBlock = SILENT
    slots: dict[int, list[int]] = field(default_factory=dict)
    scans: list[tuple[int, Scan]] = field(default_factory=list)
    reports: list[ShotReport] = field(default_factory=list)
    beats: bool = True

    @property
    def count(self) -> int:
        return (self.start + self.ticks) % (1 << self.counter_bits)

    def step(self, milliseconds: int = 1) -> Scan:
        for _ in range(milliseconds):
            self.now_ns += 1_000_000
            self.ticks += self.ticks_per_ms
            if self.beats:
                self.command = self.command._replace(heartbeat=self.command.heartbeat ^ 1)
            before = self.plc.status(self.now_ns, self.count, self.interlocks).result_index
            scan = self.plc.scan(self.now_ns, self.count, self.interlocks, self.command, self.slot)
            self.scans.append((self.now_ns, scan))
            self._read_reports(before)
        return self.scans[-1][1]

    def get_ready(self) -> None:
        """Heartbeat, then a fresh request to run and to be armed."""
        self.command = self.command._replace(run=False, armed=False)
        self.step(2)
        self.command = self.command._replace(run=True, armed=True)
        self.step()

    def queue(self, job: Job) -> None:
        index = self.command.write_index
        self.slots[index % SLOTS] = pack_job(job)
        self.command = self.command._replace(write_index=(index + 1) % 65536)

    def ahead(self, ticks: int) -> int:
        return (self.count + ticks) % (1 << self.counter_bits)

    def slot(self, index: int) -> list[int]:
        return self.slots[index % SLOTS]

    def _read_reports(self, before: int) -> None:
        status = self.plc.status(self.now_ns, self.count, self.interlocks)
        for n in range(before, before + (status.result_index - before) % 65536):
            report = status.results[n % len(status.results)]
            assert report is not None
            self.reports.append(report)


def job(number: int, open_count: int, length: int = 300, outputs: int = 1) -> Job:
    return Job(number, open_count, length, outputs, 0, 0)


def bar(outlet: str, first_output: int, distance_mm: float, delay_ms: float = 8.0) -> tuple[Ejector, ...]:
    """A valve bar of 16 lanes of 50 mm."""
    return tuple(
        Ejector(first_output + n, EjectorKind.valve, outlet, 50.0 * n, 50.0 * (n + 1), distance_mm, delay_ms)
        for n in range(16)
    )
