"""What the ring carries: shots at a steady rate over a real wire, polled as the control process does.

``python -m tests.control.carry SECONDS`` prints the tally of 33 shots a second at 3 m/s over loopback TCP.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace

from control.modbus_machine import ModbusMachine, ModbusSettings
from control.precedence import take_priority
from control.types import Job, Machine, ShotResult
from hil.drive import DriveSettings
from hil.emulator import EmulatorSettings
from tests.control.machines import CONTROLLER, IDENTITY, emulator

SPEED_MM_S = 3000.0
SHOTS_PER_S = 33.0
AHEAD_S = 0.25
LENGTH_MM = 30.0
FAST = EmulatorSettings(replace(CONTROLLER, drive=DriveSettings(speed_mm_s=SPEED_MM_S, ramp_mm_s2=20_000.0)), port=0)


@dataclass
class Carried:
    sent: int = 0
    results: Counter[ShotResult] = field(default_factory=Counter)
    twice: int = 0
    behind_counts: list[int] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return self.results.total()


def carry(machine: Machine, seconds: float, poll_s: float = 0.01) -> Carried:
    """Send shots for so long, then wait until each is answered or a second has passed without any answer."""
    counts_per_s = SPEED_MM_S * IDENTITY.ticks_per_mm
    modulus = 1 << IDENTITY.counter_bits
    carried, opens = Carried(), dict[int, int]()
    machine.open()
    _run_up(machine)
    begun_s = heard_s = due_s = time.monotonic()
    while (now_s := time.monotonic()) < begun_s + seconds or (opens and now_s - heard_s < 1.0):
        machine.beat(run=True, armed=True)
        sample = machine.sample()
        for report in sample.reports:
            heard_s = now_s
            wanted = opens.pop(report.job_id, None)
            carried.twice += wanted is None
            carried.results[report.result] += 1
            if wanted is not None and report.result is ShotResult.fired:
                carried.behind_counts.append((report.encoder_count - wanted) % modulus)
        jobs: list[Job] = []
        while due_s <= now_s < begun_s + seconds:
            due_s += 1 / SHOTS_PER_S
            carried.sent += 1
            opens[carried.sent] = (sample.encoder_count + round(AHEAD_S * counts_per_s)) % modulus
            length = round(LENGTH_MM * IDENTITY.ticks_per_mm)
            jobs.append(Job(carried.sent, opens[carried.sent], length, 1 << carried.sent % 49, 0, 0))
        if jobs:
            machine.arm(jobs)
        time.sleep(max(0.0, poll_s - (time.monotonic() - now_s)))
    return carried


def _run_up(machine: Machine) -> None:
    for _ in range(400):
        machine.beat(run=False, armed=False)
        if not machine.sample().armed:
            break
    time.sleep(0.05)
    for _ in range(60):
        machine.beat(run=True, armed=True)
        machine.sample()
        time.sleep(0.01)


if __name__ == "__main__":
    take_priority(40)
    with emulator(FAST) as (ready, _mishaps):
        settings = ModbusSettings("127.0.0.1", ready.port, 1, IDENTITY, timeout_ms=1000.0, max_round_trip_ms=500.0)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            tally = carry(machine, float(sys.argv[1]))
    behind = sorted(tally.behind_counts)
    worst = behind[int(0.999 * len(behind))] if behind else 0
    sys.stdout.write(
        f"sent {tally.sent}, answered {tally.answered}, twice {tally.twice}, {dict(tally.results)}, "
        f"fired behind their count: p99.9 {worst}, most {behind[-1] if behind else 0} counts\n"
    )
