"""The process that is the simulated coupler: real Modbus TCP in front, belt and watchdog behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from dataclasses import dataclass, field

from control.precedence import take_priority
from hil.coupler import Coupler, CouplerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.entry import enter
from hil.felt import Felt
from hil.motion import Motion
from hil.register_server import Place, RegisterServer
from hil.types import EmulatorReady, Hand, Mishap
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
    enter(motion_name, mishaps, lambda motion: _serve(settings, motion, valve_events, mishaps))


async def _serve(settings: CouplerProcessSettings, motion: Motion, valve_events: Port, mishaps: Port) -> None:
    now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    belt = DrivenBelt(settings.drive, settings.encoder, now_ns, motion.read().pos_mm)
    plant = _Plant(Coupler(settings.coupler, belt, motion.write), valve_events)
    server = RegisterServer(Place(settings.host, settings.port, settings.unit), _REGISTERS, plant)
    await server.listen()
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    gc.collect()
    gc.freeze()
    take_priority(settings.fifo_priority)
    try:
        mishaps.send(EmulatorReady(server.port))
        while not asked.is_set():
            for mishap in mishaps.receive():
                if isinstance(mishap, Mishap):
                    server.suffer(mishap)
                    plant.suffer(mishap)
                elif isinstance(mishap, Hand):
                    belt.handle(mishap)
            plant.advance(time.monotonic_ns())  # noqa: TID251 - process loop
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), _TICK_S)
    finally:
        plant.end()
        server.close()


class _Plant:
    """The coupler's registers, and what it does told to the world."""

    def __init__(self, coupler: Coupler, valve_events: Port) -> None:
        self._coupler = coupler
        self._felt = Felt(valve_events)

    def read(self, address: int, count: int, now_ns: int) -> list[int]:
        self.advance(now_ns)
        return self._coupler.read(address, count, now_ns)

    def write(self, address: int, values: list[int], now_ns: int) -> bool:
        self.advance(now_ns)
        switched = self._coupler.write(address, values, now_ns)
        self._felt.tell(switched or ())
        return switched is not None

    def advance(self, now_ns: int) -> None:
        """Belt and watchdog up to now."""
        self._felt.tell(self._coupler.advance(now_ns))

    def suffer(self, mishap: Mishap) -> None:
        """What happens to the machine."""
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        self.advance(now_ns)
        self._felt.tell(self._coupler.suffer(mishap, now_ns))

    def end(self) -> None:
        """Switched off."""
        self._felt.tell(self._coupler.outputs_off(time.monotonic_ns()))  # noqa: TID251 - process loop
