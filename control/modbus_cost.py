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


class _Clocks(NamedTuple):
    now_ns: Callable[[], int]
    cpu_ns: Callable[[], int]
    rest: Callable[[], None]


class _Slice(NamedTuple):
    """Of one slice of polls, microseconds: lower decile of wall times, mean processor time."""

    wall_us: float
    cpu_us: float


def round_trip_cost(
    settings: ModbusSettings | RtuSettings,
    now_ns: Callable[[], int],
    cpu_ns: Callable[[], int],
    wait: Callable[[float], None],
    *,
    slices: int = 20,
    polls: int = 50,
) -> Cost:
    """Disarms the controller and polls it; ``cpu_ns`` is the processor time of this process, ``wait`` takes seconds.

    Both read the same registers: the whole status block over TCP, its head over RTU. Both find the line at rest, as a
    station does between two polls: the silence that a serial line needs after a frame, which the driver keeps and the
    library does not, is in neither. Raises MachineLost.
    """
    rest_ms = settings.pace.gap_ms if isinstance(settings, RtuSettings) else 0.0
    clocks = _Clocks(now_ns, cpu_ns, partial(wait, rest_ms / 1000.0))
    driver: list[_Slice] = []
    bare: list[_Slice] = []
    for _ in range(slices):
        with closing(ModbusMachine(settings, now_ns)) as machine:
            machine.open()
            driver.append(_timed(partial(_sampled, machine), polls, clocks))
        client = _bare_client(settings)
        try:
            bare.append(_timed(partial(_bare_poll, client, settings), polls, clocks))
        finally:
            client.close()  # type: ignore[no-untyped-call]
    return Cost(
        statistics.median(part.wall_us for part in driver),
        statistics.median(part.wall_us for part in bare),
        statistics.median(part.cpu_us for part in driver),
        statistics.median(part.cpu_us for part in bare),
    )


def _timed(poll: Callable[[], None], polls: int, clocks: _Clocks) -> _Slice:
    for _ in range(_WARM):
        poll()
    walls: list[int] = []
    cpu = 0
    for _ in range(polls):
        clocks.rest()
        before, cpu_before = clocks.now_ns(), clocks.cpu_ns()
        poll()
        cpu += clocks.cpu_ns() - cpu_before
        walls.append(clocks.now_ns() - before)
    return _Slice(sorted(walls)[len(walls) // 10] / 1000.0, cpu / 1000.0 / polls)


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
