"""The simulated coupler as a process, for tests: its ends, and what its outputs did."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from control.coil_settings import CoilSettings
from control.coupler_map import CouplerMap, EncoderPlace, WatchdogMap
from control.types import Identity
from hil.coupler import CouplerSettings
from hil.coupler_process import CouplerProcessSettings, run_coupler
from hil.drive import DriveSettings, EncoderSettings
from hil.motion import Motion
from hil.types import EmulatorReady, ValveEvent
from station.link import Link, open_link

COUPLER_IDENTITY = Identity(1, outputs=49, counter_bits=32, ticks_per_mm=10.0)
FESTO = CouplerMap("festo", 0, 5000, WatchdogMap(14000, 2, needs_writes=False))
BECKHOFF = CouplerMap(
    "beckhoff",
    0x0800,
    0x0000,
    WatchdogMap(0x1120, 1, ((0x1121, 0xBECF), (0x1121, 0xAFFE)), ((0x1122, 0),), (0x100C, 0x8000)),
)


@dataclass
class Bench:
    """A running coupler and the settings a driver needs."""

    settings: CoilSettings
    valves: Link
    mishaps: Link
    motion: Motion
    events: list[ValveEvent] = field(default_factory=list)

    def feel(self) -> list[ValveEvent]:
        """All outputs that have switched so far."""
        self.events += [event for event in self.valves.receive() if isinstance(event, ValveEvent)]
        return self.events


def coupler_settings(coupler: CouplerMap) -> CouplerSettings:
    place = EncoderPlace(coupler.inputs_at + 2)
    return CouplerSettings(coupler, place, 32, outputs=49, run_output=49, interlock_inputs=(0, 1, 17))


@contextmanager
def coupler(
    made: CouplerMap,
    drive: DriveSettings,
    encoder: EncoderSettings,
    *,
    patient_ms: float = 2000.0,
    longest_on_ms: float = 1150.0,
    watchdog_ms: int = 100,
) -> Iterator[Bench]:
    """A coupler of this map, ended at the end."""
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    settings = CouplerProcessSettings(coupler_settings(made), drive, encoder, port=0)
    process = multiprocessing.get_context("spawn").Process(
        target=run_coupler, args=(settings, motion.name, their_valves, their_mishaps)
    )
    process.start()
    their_valves.close()
    their_mishaps.close()
    try:
        ready = _ready(mishaps)
        driver = CoilSettings(
            "127.0.0.1", ready.port, 1, COUPLER_IDENTITY, made, settings.coupler.encoder, (longest_on_ms,) * 49,
            estop_input=0, guard_input=1, air_input=17, run_output=49, watchdog_ms=watchdog_ms,
            timeout_ms=patient_ms, max_round_trip_ms=patient_ms,
        )  # fmt: skip
        yield Bench(driver, valves, mishaps, motion)
    finally:
        process.terminate()
        process.join(5)
        for end in (valves, mishaps, motion):
            end.close()


def _ready(mishaps: Link) -> EmulatorReady:
    for _ in range(3000):
        for message in mishaps.receive():
            assert isinstance(message, EmulatorReady)
            return message
        time.sleep(0.01)
    raise AssertionError("the coupler said nothing for 30 s")
