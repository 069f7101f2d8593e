"""How the emulated controller is spoken to: Modbus TCP on a socket, or Modbus RTU on a pseudo terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from control import job_ring
from hil.controller import Controller
from hil.register_server import SLOW_S, Place, RegisterServer
from hil.rtu_pty import RtuPty, SerialSettings
from hil.types import EmulatorReady, Mishap, MishapName


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
    """Modbus TCP on a socket."""

    def __init__(self, server: RegisterServer) -> None:
        self._server = server
        self.suffer = server.suffer
        self.close = server.close

    def ready(self) -> EmulatorReady:
        return EmulatorReady(self._server.port)


class _Memory:
    """The controller's registers; written ones take effect at its next scan."""

    def __init__(self, controller: Controller) -> None:
        self.read = controller.read
        self._write = controller.write

    def write(self, address: int, values: list[int], _now_ns: int) -> bool:
        return self._write(address, values)


async def open_wire(settings: WireSettings, controller: Controller) -> Wire:
    """Begin to listen; raises PortTaken."""
    if settings.serial is not None:
        return _SerialWire(settings.serial, settings.unit, controller)
    place = Place(settings.host, settings.port, settings.unit)
    server = RegisterServer(place, job_ring.REGISTERS, _Memory(controller))
    await server.listen()
    return _TcpWire(server)
