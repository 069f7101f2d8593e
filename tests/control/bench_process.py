"""The control process of a plant whose controller speaks Modbus TCP, as a spawned child starts it."""

from __future__ import annotations

import time

from control.modbus_machine import ModbusMachine, ModbusSettings
from control.process import ControlSettings, run
from vision.types import Port


def run_modbus(settings: ControlSettings, modbus: ModbusSettings, vision: Port, station: Port) -> None:
    """Target of the spawned process: returns after SIGTERM or when a neighbour is gone, with the machine made safe."""
    clock = time.monotonic_ns
    sleep = time.sleep
    run(ModbusMachine(modbus, clock), vision, station, settings, now_ns=clock, sleep=sleep)
