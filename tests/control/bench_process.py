"""The control process as a spawned child starts it."""

from __future__ import annotations

import time

from control.modbus_machine import ModbusMachine, ModbusSettings
from control.process import ControlSettings, run
from station.wiring import MachineChoice, open_machine
from vision.types import Port


def run_modbus(settings: ControlSettings, modbus: ModbusSettings, vision: Port, station: Port) -> None:
    """Target of the spawned process: returns after SIGTERM or when a neighbour is gone, with the machine made safe."""
    clock = time.monotonic_ns
    sleep = time.sleep
    run(ModbusMachine(modbus, clock), vision, station, settings, now_ns=clock, sleep=sleep)


def run_machine(settings: ControlSettings, machine: MachineChoice, vision: Port, station: Port) -> None:
    """Process entry: any machine."""
    run(open_machine(machine), vision, station, settings, now_ns=time.monotonic_ns, sleep=time.sleep)
