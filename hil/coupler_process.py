"""The process that is the simulated coupler: real Modbus TCP in front, belt and watchdog behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from control.precedence import take_priority
from hil.coupler import Coupler, CouplerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.emulator_wires import SLOW_S
from hil.motion import Motion
from hil.types import EmulatorFailed, EmulatorReady, Mishap, MishapName, PortTaken, ValveEvent
from vision.types import Port

_TICK_S = 0.001
_REGISTERS = 0xFFFF


@dataclass(frozen=True, slots=True)
class CouplerProcessSettings:
    """``port`` 0 takes any free one; ``fifo_priority`` None asks for no real-time priority."""

    coupler: CouplerSettings
    drive: DriveSettings = field(default_factory=DriveSettings)
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    host: str = "127.0.0.1"
    port: int = 5020
    unit: int = 1
    fifo_priority: int | None = 50


def run_coupler(settings: CouplerProcessSettings, motion_name: str, valve_events: Port, mishaps: Port) -> None:
    """Process entry. Says ``EmulatorReady`` over ``mishaps``, or ``EmulatorFailed`` and exits with 2.

    Ends with all outputs off on SIGTERM, or when the other end of ``mishaps`` is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    motion = Motion(motion_name)
    try:
        asyncio.run(_serve(settings, motion, valve_events, mishaps))
    except PortTaken as taken:
        mishaps.send(EmulatorFailed(str(taken)))
        sys.exit(2)
    except ConnectionError:
        pass
    finally:
        motion.close()


async def _serve(settings: CouplerProcessSettings, motion: Motion, valve_events: Port, mishaps: Port) -> None:
    now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    _refuse_taken_port(settings)
    belt = DrivenBelt(settings.drive, settings.encoder, now_ns, motion.read().pos_mm)
    wire = _Wire(Coupler(settings.coupler, belt, motion.write), valve_events)
    device = SimDevice(settings.unit, SimData(0, count=_REGISTERS, datatype=DataType.REGISTERS), action=wire.answer)
    server = ModbusTcpServer(device, address=(settings.host, settings.port))
    if not await server.listen():
        raise PortTaken(_taken(settings, "no answer from the system"))
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    gc.collect()
    gc.freeze()
    take_priority(settings.fifo_priority)
    try:
        assert isinstance(server.transport, asyncio.Server)
        mishaps.send(EmulatorReady(server.transport.sockets[0].getsockname()[1]))
        while not asked.is_set():
            for mishap in mishaps.receive():
                if isinstance(mishap, Mishap):
                    wire.suffer(mishap)
            wire.advance()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), _TICK_S)
    finally:
        wire.end()
        server.close()


class _Wire:
    """Answers Modbus requests from the coupler's registers and tells the world what switched."""

    def __init__(self, coupler: Coupler, valve_events: Port) -> None:
        self._coupler = coupler
        self._valve_events: Port | None = valve_events
        self._unsent: deque[ValveEvent] = deque()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._late_s = 0.0

    async def answer(
        self, _function: int, start: int, address: int, count: int, registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:  # fmt: skip
        """The hook that pymodbus calls before it reads or writes its own registers."""
        await self._speaks.wait()
        await asyncio.sleep(self._late_s)
        now_ns = self.advance()
        if values is None:
            registers[address - start : address - start + count] = self._coupler.read(address, count, now_ns)
            return None
        switched = self._coupler.write(address, [int(value) for value in values], now_ns)
        self._send(switched or ())
        return ExcCodes.ILLEGAL_ADDRESS if switched is None else None

    def advance(self) -> int:
        """Belt and watchdog up to now, which is returned."""
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        self._send(self._coupler.advance(now_ns))
        return now_ns

    def suffer(self, mishap: Mishap) -> None:
        """Fall silent, speak again, or whatever happens to the machine."""
        if mishap.name is MishapName.silent:
            (self._speaks.clear if mishap.on else self._speaks.set)()
        elif mishap.name is MishapName.slow:
            self._late_s = SLOW_S if mishap.on else 0.0
        self._send(self._coupler.suffer(mishap, self.advance()))

    def end(self) -> None:
        """Switched off."""
        self._send(self._coupler.outputs_off(time.monotonic_ns()))  # noqa: TID251 - process loop

    def _send(self, switched: tuple[ValveEvent, ...]) -> None:
        """Nobody there to feel the air is no reason to stop."""
        self._unsent.extend(switched)
        try:
            while self._valve_events is not None and self._unsent and self._valve_events.send(self._unsent[0]):
                self._unsent.popleft()
        except ConnectionError:
            self._valve_events = None


def _refuse_taken_port(settings: CouplerProcessSettings) -> None:
    """Raises PortTaken when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as cause:
            raise PortTaken(_taken(settings, cause.strerror)) from cause


def _taken(settings: CouplerProcessSettings, reason: str | None) -> str:
    return (
        f"The simulated coupler cannot listen at {settings.host}:{settings.port} ({reason}): "
        "stop the program that uses this port or choose another port in the configuration."
    )
