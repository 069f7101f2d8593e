"""The driver costs at most half as much again as the bare library, measured in turns against the emulator."""

from __future__ import annotations

import time

from control.modbus_cost import round_trip_cost
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from hil.emulator import EmulatorSettings
from hil.rtu_pty import SerialSettings
from tests.control.machines import CONTROLLER, IDENTITY, emulator


def test_a_poll_over_tcp_costs_at_most_half_more_than_bare_pymodbus() -> None:
    with emulator(EmulatorSettings(CONTROLLER, port=0)) as (ready, _mishaps):
        settings = ModbusSettings("127.0.0.1", ready.port, 1, IDENTITY, 2000.0, max_round_trip_ms=1000.0)
        cost = round_trip_cost(settings, time.monotonic_ns, time.process_time_ns)

    assert cost.ratio <= 1.5
    assert cost.cpu_ratio <= 1.5


def test_a_poll_over_rtu_costs_less_than_bare_pymodbus() -> None:
    with emulator(EmulatorSettings(CONTROLLER, serial=SerialSettings())) as (ready, _mishaps):
        assert ready.device is not None
        settings = RtuSettings(ready.device, 1, IDENTITY, timeout_ms=2000.0, max_round_trip_ms=1000.0)
        cost = round_trip_cost(settings, time.monotonic_ns, time.process_time_ns, slices=3, polls=50)

    assert cost.ratio <= 1.5
