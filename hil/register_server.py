"""A Modbus TCP server in front of an emulated machine's registers, that can fall silent and grow slow."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import NamedTuple, Protocol

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hil.types import Mishap, MishapName, PortTaken

SLOW_S = 0.5


class Place(NamedTuple):
    """Where it is reached; ``port`` 0 takes any free one."""

    host: str
    port: int
    unit: int


class Registers(Protocol):
    """The memory behind it, told the instant of every access: a counter is latched when it is read."""

    def read(self, address: int, count: int, now_ns: int) -> list[int]: ...

    def write(self, address: int, values: list[int], now_ns: int) -> bool:
        """False when they are not to be written."""


class RegisterServer:
    """Serves inside the running event loop, from ``listen`` to ``close``."""

    def __init__(self, place: Place, size: int, registers: Registers) -> None:
        self._place = place
        self._registers = registers
        self._late_s = 0.0
        self._speaks = asyncio.Event()
        self._speaks.set()
        device = SimDevice(place.unit, SimData(0, count=size, datatype=DataType.REGISTERS), action=self._answer)
        self._server = ModbusTcpServer(device, address=(place.host, place.port))

    async def listen(self) -> None:
        """Raises PortTaken when somebody listens there already."""
        self._refuse_taken_port()
        if not await self._server.listen():
            raise PortTaken(self._taken("no answer from the system"))

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        assert isinstance(self._server.transport, asyncio.Server)
        port: int = self._server.transport.sockets[0].getsockname()[1]
        return port

    def suffer(self, mishap: Mishap) -> None:
        """Fall silent, and speak again; grow slow, and quick again; others are ignored."""
        if mishap.name is MishapName.silent:
            (self._speaks.clear if mishap.on else self._speaks.set)()
        elif mishap.name is MishapName.slow:
            self._late_s = SLOW_S if mishap.on else 0.0

    def close(self) -> None:
        self._server.close()

    async def _answer(
        self, _function: int, start: int, address: int, count: int, registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:  # fmt: skip
        """The hook that pymodbus calls before it reads or writes its own registers."""
        await self._speaks.wait()
        await asyncio.sleep(self._late_s)
        now_ns = time.monotonic_ns()  # noqa: TID251 - a device's clock
        if values is None:
            registers[address - start : address - start + count] = self._registers.read(address, count, now_ns)
            return None
        taken = self._registers.write(address, [int(value) for value in values], now_ns)
        return None if taken else ExcCodes.ILLEGAL_ADDRESS

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._place.host, self._place.port))
            except OSError as cause:
                raise PortTaken(self._taken(cause.strerror)) from cause

    def _taken(self, reason: str | None) -> str:
        return (
            f"The simulated controller cannot listen at {self._place.host}:{self._place.port} ({reason}): "
            "stop the program that uses this port or choose another port in the configuration."
        )
