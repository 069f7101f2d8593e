"""Programs of other people at the other end of the wire: mbpoll and pyModbusTCP, as masters and as slave."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pyModbusTCP.client import ModbusClient  # type: ignore[import-untyped]
from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped]

from control import job_ring
from control.modbus_machine import ModbusMachine, ModbusSettings
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusWire
from control.types import MachineLost
from hil.emulator import EmulatorSettings
from hil.rtu_pty import SerialSettings
from tests.control.bench_plc import free_port
from tests.control.foreign import plc_host
from tests.control.machines import CONTROLLER, IDENTITY, emulator


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with emulator(EmulatorSettings(CONTROLLER, port=0)) as (ready, _mishaps):
        yield ready.port


def mbpoll(*arguments: str) -> str:
    binary = shutil.which("mbpoll")
    if binary is None:
        pytest.skip("mbpoll is not installed")
    command = [binary, "-0", "-1", "-q", "-a", "1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_mbpoll_reads_our_magic_over_tcp(port: int) -> None:
    told = mbpoll("-m", "tcp", "-p", str(port), "-t", "4:hex", "-r", "0", "-c", "3", "127.0.0.1")

    assert [line.split()[-1] for line in told.splitlines() if line.startswith("[")] == [
        "0x5353",
        "0x5452",
        f"0x{job_ring.MAP_VERSION:04x}",
    ]


def test_mbpoll_may_write_the_stations_registers_and_no_others(port: int) -> None:
    mbpoll("-m", "tcp", "-p", str(port), "-t", "4", "-r", str(job_ring.slot_at(31)), "127.0.0.1", "77", "78")
    told = mbpoll("-m", "tcp", "-p", str(port), "-t", "4", "-r", str(job_ring.slot_at(31)), "-c", "2", "127.0.0.1")

    assert [line.split()[-1] for line in told.splitlines() if line.startswith("[")] == ["77", "78"]
    with pytest.raises(AssertionError, match="Illegal data address"):
        mbpoll("-m", "tcp", "-p", str(port), "-t", "4", "-r", "16", "127.0.0.1", "1")


def test_mbpoll_reads_our_magic_over_a_serial_line(tmp_path: Path) -> None:
    link = tmp_path / "adapter"
    with emulator(EmulatorSettings(CONTROLLER, serial=SerialSettings(link))):
        told = mbpoll(
            "-m", "rtu", "-b", "115200", "-P", "none", "-t", "4:hex", "-r", "0", "-c", "2", str(link.resolve())
        )

    assert [line.split()[-1] for line in told.splitlines() if line.startswith("[")] == ["0x5353", "0x5452"]


def test_another_library_sees_the_same_controller(port: int) -> None:
    client = ModbusClient("127.0.0.1", port, unit_id=1, timeout=5.0)
    found = client.read_holding_registers(job_ring.IDENTITY_AT, job_ring.IDENTITY_REGISTERS)
    client.close()

    assert found is not None
    assert job_ring.unpack_identity(found) == IDENTITY


def test_our_driver_reads_and_writes_the_server_of_another_library() -> None:
    bank = DataBank(h_regs_size=job_ring.REGISTERS)
    bank.set_holding_registers(job_ring.IDENTITY_AT, job_ring.pack_identity(IDENTITY))
    server = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=bank)
    server.start()
    try:
        with closing(ModbusWire("127.0.0.1", server.port, 1, 2000.0, 2000.0, time.monotonic_ns)) as wire:
            wire.connect()
            assert job_ring.unpack_identity(wire.read(0, 8, "the identity block")) == IDENTITY
            wire.write(job_ring.COMMAND_AT, [1, 2, 3], "the command block")
        assert bank.get_holding_registers(job_ring.COMMAND_AT, 3) == [1, 2, 3]
        machine = ModbusMachine(
            ModbusSettings("127.0.0.1", server.port, 1, IDENTITY, 2000.0, max_round_trip_ms=1000.0), time.monotonic_ns
        )
        with closing(machine), pytest.raises(MachineLost, match="its program has stopped"):
            machine.open()
    finally:
        server.stop()


def test_a_unit_that_libmodbus_does_not_serve_is_named(tmp_path: Path) -> None:
    with plc_host.serial_pair(tmp_path) as (near, far), plc_host.running("rtu", str(far), "115200"):
        machine = ModbusMachine(RtuSettings(str(near), 9, IDENTITY), time.monotonic_ns)
        with closing(machine), pytest.raises(MachineLost, match=r"unit 9: nothing came back\. .* and the unit number"):
            machine.open()
