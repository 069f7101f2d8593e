"""How the emulated controller is spoken to: Modbus TCP on a socket, or Modbus RTU on a pseudo terminal."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Protocol

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from control import job_ring
from hil.controller import Controller
from hil.rtu_pty import RtuPty, SerialSettings
from hil.types import EmulatorReady, Mishap, MishapName, PortTaken

SLOW_S = 0.5


@dataclass(frozen=True, slots=True)
class WireSettings:
    """``serial`` None: Modbus TCP at ``host``:``port``, 0 for any free one."""

    host: str
    port: int
    unit: int
    serial: SerialSettings | None


class Wire(Protocol):
    """What the station speaks to."""

    def ready(self) -> EmulatorReady:
        """Where it is found."""

    def suffer(self, mishap: Mishap) -> None:
        """Begin or end a mishap of the wire; others are ignored."""

    def close(self) -> None: ...


class _SerialWire:
    """RTU on a pseudo terminal."""

    def __init__(self, settings: SerialSettings, unit: int, controller: Controller) -> None:
        self._speaks = True
        self._pty = RtuPty(settings, unit, controller, lambda: self._speaks)
        self._device = self._pty.plug()
        self._link = settings.link

    def ready(self) -> EmulatorReady:
        return EmulatorReady(0, self._device if self._link is None else str(self._link))

    def suffer(self, mishap: Mishap) -> None:
        match mishap.name:
            case MishapName.silent:
                self._speaks = not mishap.on
            case MishapName.slow:
                self._pty.late_s = SLOW_S if mishap.on else 0.0
            case MishapName.noise:
                self._pty.is_noisy = mishap.on
            case MishapName.unplugged:
                self._pty.unplug()
                if not mishap.on:
                    self._pty.plug()

    def close(self) -> None:
        self._pty.unplug()


class _TcpWire:
    """Answers Modbus TCP requests from the controller's registers."""

    def __init__(self, settings: WireSettings, controller: Controller) -> None:
        self._settings = settings
        self._controller = controller
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._late_s = 0.0
        registers = SimData(0, count=job_ring.REGISTERS, datatype=DataType.REGISTERS)
        device = SimDevice(settings.unit, registers, action=self.answer)
        self._server = ModbusTcpServer(device, address=(settings.host, settings.port))

    async def listen(self) -> None:
        if not await self._server.listen():
            raise PortTaken(_taken(self._settings, "no answer from the system"))

    def ready(self) -> EmulatorReady:
        return EmulatorReady(_port(self._server))

    def close(self) -> None:
        self._server.close()

    async def answer(
        self, _function: int, start: int, address: int, count: int, registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:  # fmt: skip
        """The hook that pymodbus calls before it reads or writes its own registers."""
        await self._speaks.wait()
        await asyncio.sleep(self._late_s)
        if values is None:
            now_ns = time.monotonic_ns()  # noqa: TID251 - the counter is latched when it is read
            registers[address - start : address - start + count] = self._controller.read(address, count, now_ns)
            return None
        return None if self._controller.write(address, [int(value) for value in values]) else ExcCodes.ILLEGAL_ADDRESS

    def suffer(self, mishap: Mishap) -> None:
        """Fall silent, and speak again; grow slow, and quick again."""
        if mishap.name is MishapName.silent:
            (self._speaks.clear if mishap.on else self._speaks.set)()
        elif mishap.name is MishapName.slow:
            self._late_s = SLOW_S if mishap.on else 0.0


async def open_wire(settings: WireSettings, controller: Controller) -> Wire:
    """Begin to listen; raises PortTaken."""
    if settings.serial is not None:
        return _SerialWire(settings.serial, settings.unit, controller)
    _refuse_taken_port(settings)
    wire = _TcpWire(settings, controller)
    await wire.listen()
    return wire


def _refuse_taken_port(settings: WireSettings) -> None:
    """Raises PortTaken when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as cause:
            raise PortTaken(_taken(settings, cause.strerror)) from cause


def _taken(settings: WireSettings, reason: str | None) -> str:
    return (
        f"The simulated controller cannot listen at {settings.host}:{settings.port} ({reason}): "
        "stop the program that uses this port or choose another port in the configuration."
    )


def _port(server: ModbusTcpServer) -> int:
    assert isinstance(server.transport, asyncio.Server)
    port: int = server.transport.sockets[0].getsockname()[1]
    return port
