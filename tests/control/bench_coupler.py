"""The simulated coupler as a process, for tests: its ends, and what its outputs did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from control.coil_settings import CoilSettings
from control.coupler_map import CouplerMap, EncoderPlace, WatchdogMap
from control.types import Identity
from hil.coupler import CouplerSettings
from hil.coupler_process import CouplerProcessSettings, run_coupler
from hil.drive import DriveSettings, EncoderSettings
from hil.motion import Motion
from hil.types import EmulatorReady, ValveEvent
from station.link import Link
from tests.control import bench_links

COUPLER_IDENTITY = Identity(1, outputs=49, counter_bits=32, ticks_per_mm=10.0)
FESTO = CouplerMap("festo", 0, 5000, WatchdogMap(14000, 2, needs_writes=False))
BECKHOFF = CouplerMap(
    "beckhoff",
    0x0800,
    0x0000,
    WatchdogMap(0x1120, 1, ((0x1121, 0xBECF), (0x1121, 0xAFFE)), ((0x1122, 0),), (0x100C, 0x8000)),
)


class Bench(NamedTuple):
    """A running coupler and the settings a driver needs."""

    settings: CoilSettings
    plant: bench_links.Bench

    @property
    def mishaps(self) -> Link:
        return self.plant.mishaps

    @property
    def motion(self) -> Motion:
        return self.plant.motion

    def feel(self) -> list[ValveEvent]:
        return self.plant.feel()


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
    settings = CouplerProcessSettings(coupler_settings(made), drive, encoder, port=0)
    with bench_links.plant(run_coupler, settings) as plant:
        ready = plant.first_word
        assert isinstance(ready, EmulatorReady)
        driver = CoilSettings(
            "127.0.0.1", ready.port, 1, COUPLER_IDENTITY, made, settings.coupler.encoder, (longest_on_ms,) * 49,
            estop_input=0, guard_input=1, air_input=17, run_output=49, watchdog_ms=watchdog_ms,
            timeout_ms=patient_ms, max_round_trip_ms=patient_ms,
        )  # fmt: skip
        yield Bench(driver, plant)
