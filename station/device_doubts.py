"""What the maps of a station's devices rest on: registers in use that nobody has read in the maker's document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from station.config import Config
from station.device_sections import DeviceFile
from station.named_files import CouplerFile
from station.sections import CoilsSection

_SCALE_VALUES = ("total_1",)


class _Part(Protocol):
    """An entry of a device file that says whether it was read in the maker's document."""

    @property
    def checked(self) -> bool: ...


def doubts(config: Config) -> Iterator[str]:
    """One sentence each, with what to do before it is relied on."""
    machine = config.file.machine
    if config.coupler is not None and isinstance(machine, CoilsSection):
        yield from _coupler_doubts(config.coupler, machine.watchdog_ms)
    if config.scale_device is not None:
        yield from _scale_doubts(config.scale_device)


def _coupler_doubts(coupler: CouplerFile, watchdog_ms: int) -> Iterator[str]:
    watchdog = coupler.watchdog
    parts: dict[str, _Part | None] = {
        "outputs": coupler.outputs,
        "inputs": coupler.inputs,
        "watchdog.time": watchdog.time,
        "watchdog.fallen": watchdog.fallen,
    }
    parts |= {f"watchdog.reset ({n})": write for n, write in enumerate(watchdog.reset, 1)}
    parts |= {f"watchdog.also ({n})": write for n, write in enumerate(watchdog.also, 1)}
    unread = [name for name, part in parts.items() if part is not None and not part.checked]
    if unread:
        yield (
            f"{coupler.name}: not read in the maker's document: {', '.join(unread)}. Before it is used, pull its cable "
            "with an output on and see that the output goes off"
        )
    if watchdog_ms < watchdog.advised_ms:
        yield (
            f"{coupler.name}: machine.watchdog_ms {watchdog_ms} is less than the {watchdog.advised_ms} ms that its "
            "maker advises; on a busy network it may fall without cause and stop the line"
        )


def _scale_doubts(scale: DeviceFile) -> Iterator[str]:
    unread = [value.name for value in scale.values if value.name in _SCALE_VALUES and not value.checked]
    if unread:
        yield (
            f"{scale.name}: not read in the maker's document: {', '.join(unread)}. Compare the total shown here with "
            "the scale's own display before it is relied on"
        )
