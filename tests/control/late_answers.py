"""How often a value is believed that belongs to another request: trials on the fake line, run as a script for more.

The slave's registers tell the truth about the request: each holds its own address and the number of the request, so a
value from an earlier answer cannot look right.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from control import job_ring
from control.modbus_rtu import RtuSettings, RtuWire
from control.rtu_frames import Answer, judge, read_request
from control.types import Identity, MachineLost
from hil.fake_line import FakeLine, LineMishaps
from hil.rtu_slave import RtuSlave

IDENTITY = Identity(job_ring.MAP_VERSION, 49, 32, 10.0)
SETTINGS = RtuSettings("fake", 1, IDENTITY)
EVERYTHING = LineMishaps(
    late=0.25, latest_ms=150.0, doubled=0.05, damaged=0.05, cut=0.03, lost=0.03, deaf=0.03, noise=0.03, idle_noise=0.02
)
LATE_ONLY = LineMishaps(late=0.3, latest_ms=60.0)
DOUBLED_LATER = LineMishaps(late=0.05, doubled=0.2, doubled_ms=6.0)
ALWAYS_SIX = (6,)
IN_TURNS = tuple(job_ring.STATUS_HEAD_REGISTERS + n for n in range(4))  # as the status block is read


class NumberedRegisters:
    """Every read is told apart: register n of read number k holds k * 16 + n modulo 65536; the identity is ours."""

    size = 1000

    def __init__(self) -> None:
        self.reads = 0

    def read(self, address: int, count: int) -> list[int]:
        if address < job_ring.IDENTITY_REGISTERS:
            return job_ring.pack_identity(IDENTITY)[address : address + count]
        self.reads += 1
        return expected(self.reads, count)

    def write(self, address: int, values: list[int]) -> bool:
        return bool(address or values)


@dataclass
class Tally:
    trials: int = 0
    believed: int = 0
    wrong: int = 0
    lost: int = 0
    late: int = 0


def expected(number: int, count: int) -> list[int]:
    return [(number * 16 + n) % 65536 for n in range(count)]


def fenced(trials: int, mishaps: LineMishaps, seed: int, counts: tuple[int, ...] = ALWAYS_SIX) -> Tally:
    """Our wire: reads of these lengths, again and again, opened anew when it gives up."""
    line, registers = _bench(mishaps, seed)
    wire = RtuWire(SETTINGS, line, line.now_ns)
    tally = Tally()
    is_open = False
    while tally.trials < trials:
        tally.trials += 1
        try:
            if not is_open:
                wire.connect()
                is_open = True
            count = counts[tally.trials % len(counts)]
            values = wire.read(100, count, "the trial")
        except MachineLost:
            tally.lost += 1
            is_open = False
            continue
        tally.believed += 1
        tally.wrong += values != expected(registers.reads, count)
    tally.late = line.late_answers
    return tally


def bare(trials: int, mishaps: LineMishaps, seed: int) -> Tally:
    """What a plain client does: after a time-out it empties its input and asks again."""
    line, registers = _bench(mishaps, seed)
    tally = Tally()
    for _ in range(trials):
        tally.trials += 1
        request = read_request(1, 100, ALWAYS_SIX[0])
        line.read(0.0)
        line.write(request.frame)
        until_ns = line.now_ns() + round(SETTINGS.timeout_ms * 1e6)
        received, answer = b"", None
        while answer is None and line.now_ns() < until_ns:
            received += line.read((until_ns - line.now_ns()) / 1e9)
            answer = judge(request, received)
        if isinstance(answer, Answer):
            tally.believed += 1
            tally.wrong += list(answer.registers) != expected(registers.reads, ALWAYS_SIX[0])
        else:
            tally.lost += 1
    tally.late = line.late_answers
    return tally


def _bench(mishaps: LineMishaps, seed: int) -> tuple[FakeLine, NumberedRegisters]:
    line, registers = FakeLine(mishaps, seed), NumberedRegisters()
    slave = RtuSlave(1, registers, line.say)
    line.hear, line.pause = slave.hear, slave.pause
    return line, registers


if __name__ == "__main__":
    number = int(sys.argv[1])
    for name, mishaps, counts in (
        ("late only", LATE_ONLY, ALWAYS_SIX),
        ("everything", EVERYTHING, ALWAYS_SIX),
        ("doubled later", DOUBLED_LATER, IN_TURNS),
    ):
        sys.stdout.write(
            f"{name}: fenced {fenced(number, mishaps, 1, counts)}\n{name}: bare {bare(number, mishaps, 1)}\n"
        )
