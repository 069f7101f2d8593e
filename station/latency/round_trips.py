"""``station bench round-trips``: what the drivers of the job ring cost over the bare library, in one run."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from control.modbus_cost import Cost, round_trip_cost
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.types import MachineLost
from hil.rtu_pty import SerialSettings
from station.config import load_config
from station.latency.bench import emulator_of
from station.latency.line import BenchLine, tcp_machine

MOST = 1.5
_PATIENT_MS = 1000.0
_HEADINGS = ("line", "driver, us", "pymodbus, us", "ratio", "CPU, us", "CPU, us", "ratio", "at most")


def bench_round_trips(path: Path, slices: int, json_file: Path | None, console: Console) -> bool:
    """True when a poll takes at most ``MOST`` times one of bare pymodbus on both lines. Raises MachineLost."""
    config = load_config(path)
    wanted, emulator = tcp_machine(config), emulator_of(config)
    with BenchLine(emulator, wanted) as line:
        machine = replace(line.machine, timeout_ms=_PATIENT_MS, max_round_trip_ms=_PATIENT_MS)
        costs = {"Modbus TCP": _cost(machine, slices)}
    with BenchLine(replace(emulator, serial=SerialSettings()), wanted) as line:
        if line.device is None:
            raise MachineLost(
                "The emulated controller opened no serial line; look at the messages above and try again."
            )
        rtu = RtuSettings(
            line.device, wanted.unit, wanted.expected, timeout_ms=_PATIENT_MS, max_round_trip_ms=_PATIENT_MS
        )
        costs["Modbus RTU"] = _cost(rtu, slices)
    if json_file is not None:
        told = {
            name: {**cost._asdict(), "ratio": cost.ratio, "cpu_ratio": cost.cpu_ratio} for name, cost in costs.items()
        }
        json_file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    console.print(_table(costs))
    return all(map(is_kept, costs.values()))


def is_kept(cost: Cost) -> bool:
    """Whether the round trip takes little enough longer; processor time is told, for the library decodes nothing."""
    return cost.ratio <= MOST


def _cost(settings: ModbusSettings | RtuSettings, slices: int) -> Cost:
    return round_trip_cost(settings, time.monotonic_ns, time.process_time_ns, time.sleep, slices=slices)  # noqa: TID251


def _table(costs: dict[str, Cost]) -> Table:
    table = Table(title="A poll by the driver and by bare pymodbus, in turns")
    for heading in _HEADINGS:
        table.add_column(heading)
    for name, cost in costs.items():
        times = (f"{cost.driver_us:.0f}", f"{cost.bare_us:.0f}", f"{cost.ratio:.2f}")
        cpu = (f"{cost.driver_cpu_us:.0f}", f"{cost.bare_cpu_us:.0f}", f"{cost.cpu_ratio:.2f}")
        table.add_row(name, *times, *cpu, f"{MOST}: {'kept' if is_kept(cost) else 'BROKEN'}")
    return table
