"""What the driver costs over the bare library: polls of both in turns on the same controller, in one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import NamedTuple

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.client.base import ModbusBaseSyncClient

from control import job_ring
from control.modbus_machine import ModbusMachine
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.types import MachineLost

_WARM = 5


class Cost(NamedTuple):
    """One poll: wall time, and processor time of this side alone. Ratios are driver to bare library.

    Wall times are the lower decile, medians over the slices: what the code costs, not what else the computer did.
    """

    driver_us: float
    bare_us: float
    driver_cpu_us: float
    bare_cpu_us: float

    @property
    def ratio(self) -> float:
        return self.driver_us / self.bare_us

    @property
    def cpu_ratio(self) -> float:
        return self.driver_cpu_us / self.bare_cpu_us


class _Slice(NamedTuple):
    """Of one slice of polls, microseconds: lower decile of wall times, mean processor time."""

    wall_us: float
    cpu_us: float


def round_trip_cost(
    settings: ModbusSettings | RtuSettings,
    now_ns: Callable[[], int],
    cpu_ns: Callable[[], int],
    *,
    slices: int = 20,
    polls: int = 50,
) -> Cost:
    """Disarms the controller and polls it; ``cpu_ns`` is the processor time of this process.

    Both read the same registers: the whole status block over TCP, its head over RTU. Raises MachineLost.
    """
    driver: list[_Slice] = []
    bare: list[_Slice] = []
    for _ in range(slices):
        with closing(ModbusMachine(settings, now_ns)) as machine:
            machine.open()
            driver.append(_timed(partial(_sampled, machine), polls, now_ns, cpu_ns))
        client = _bare_client(settings)
        try:
            bare.append(_timed(partial(_bare_poll, client, settings), polls, now_ns, cpu_ns))
        finally:
            client.close()  # type: ignore[no-untyped-call]
    return Cost(
        statistics.median(part.wall_us for part in driver),
        statistics.median(part.wall_us for part in bare),
        statistics.median(part.cpu_us for part in driver),
        statistics.median(part.cpu_us for part in bare),
    )


def _timed(poll: Callable[[], None], polls: int, now_ns: Callable[[], int], cpu_ns: Callable[[], int]) -> _Slice:
    for _ in range(_WARM):
        poll()
    walls: list[int] = []
    cpu_before = cpu_ns()
    for _ in range(polls):
        before = now_ns()
        poll()
        walls.append(now_ns() - before)
    return _Slice(sorted(walls)[len(walls) // 10] / 1000.0, (cpu_ns() - cpu_before) / 1000.0 / polls)


def _sampled(machine: ModbusMachine) -> None:
    machine.sample()


def _bare_client(settings: ModbusSettings | RtuSettings) -> ModbusBaseSyncClient:
    timeout = settings.timeout_ms / 1000.0
    client: ModbusBaseSyncClient
    if isinstance(settings, ModbusSettings):
        client = ModbusTcpClient(settings.host, port=settings.port, timeout=timeout, retries=0)
    else:
        baud, parity, stop_bits = settings.pace
        client = ModbusSerialClient(
            settings.device, baudrate=baud, parity=parity, stopbits=stop_bits, timeout=timeout, retries=0
        )
    if not client.connect():
        raise MachineLost("The controller was lost between two measurements. Check the line and measure again.")
    return client


def _bare_poll(client: ModbusBaseSyncClient, settings: ModbusSettings | RtuSettings) -> None:
    is_tcp = isinstance(settings, ModbusSettings)
    count = job_ring.STATUS_REGISTERS if is_tcp else job_ring.STATUS_HEAD_REGISTERS
    answer = client.read_holding_registers(job_ring.STATUS_AT, count=count, device_id=settings.unit)
    if answer.isError():
        raise MachineLost("The controller did not answer the bare library. Check the line and measure again.")
