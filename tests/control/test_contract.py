"""The contract, clause by clause, against every machine there is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from control.modbus_machine import ModbusMachine, ModbusSettings
from control.types import Identity, Machine
from tests.control.bench_plc import IDENTITY, UNIT, Plc, PlcServer
from tests.control.contract import CLAUSES, Clause, Plant
from tests.control.yard import ALL_SAFE


class ModbusBench:
    """A plant behind a real socket: its time passes by itself."""

    def __init__(self, plc: Plc) -> None:
        self._plc = plc

    @property
    def identity(self) -> Identity:
        return IDENTITY

    def press_estop(self) -> None:
        self._plc.interlocks = ALL_SAFE._replace(estop_ok=False)

    def release_estop(self) -> None:
        self._plc.interlocks = ALL_SAFE

    def wait(self, ms: float) -> None:
        time.sleep(ms / 1000)


@pytest.fixture
def modbus() -> Iterator[tuple[Machine, Plant]]:
    with PlcServer(Plc()) as server:
        settings = ModbusSettings("127.0.0.1", server.port, UNIT, IDENTITY, timeout_ms=2000.0, max_round_trip_ms=1000.0)
        machine = ModbusMachine(settings, time.monotonic_ns)
        yield machine, ModbusBench(server.plc)
        machine.close()


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_the_modbus_machine_keeps_the_contract(clause: Clause, modbus: tuple[Machine, Plant]) -> None:
    clause(*modbus)
