"""The ring carries the fastest line: 33 shots a second at 3 m/s, each with its one answer."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import pytest

from control.modbus_machine import ModbusMachine, ModbusSettings
from control.modbus_rtu import RtuSettings
from control.types import ShotResult
from hil.rtu_pty import SerialSettings
from tests.control.carry import FAST, carry
from tests.control.machines import IDENTITY, emulator


@pytest.mark.parametrize("serial", [None, SerialSettings()], ids=["tcp", "rtu"])
def test_every_shot_of_the_fastest_line_has_its_one_answer(serial: SerialSettings | None) -> None:
    with emulator(replace(FAST, serial=serial)) as (ready, _mishaps):
        settings = (
            ModbusSettings("127.0.0.1", ready.port, 1, IDENTITY, timeout_ms=1000.0, max_round_trip_ms=500.0)
            if ready.device is None
            else RtuSettings(ready.device, 1, IDENTITY, timeout_ms=500.0, max_round_trip_ms=500.0)
        )
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            carried = carry(machine, 2.0, poll_s=0.01 if serial is None else 0.02)

    assert carried.sent == carried.answered >= 60
    assert carried.twice == 0
    assert set(carried.results) <= {ShotResult.fired, ShotResult.late}
    assert carried.results[ShotResult.fired] > carried.sent / 2
    assert max(carried.behind_counts) <= 50
