"""Reading a belt scale: its totals, never rate times time, with roll-over and reset told apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from control.device_map import DeviceMap, ValuePlace, decode
from control.modbus_answers import Wire
from control.types import MachineMismatch


class ScaleChange(StrEnum):
    """What happened to the scale's total since it was last read."""

    first = "first"
    counted = "counted"
    rolled_over = "rolled over"
    reset = "reset"
    jumped = "jumped"


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """``roll_over_kg`` is where the total begins again at 0; ``max_kg_s`` is more than the belt can carry.

    A total may go back by ``backlash_kg`` when the empty belt weighs a little less than nothing.
    """

    roll_over_kg: float
    max_kg_s: float
    backlash_kg: float = 5.0


class Weighed(NamedTuple):
    """``total_kg`` has been weighed since the first reading; ``is_whole`` is False once some may have been missed."""

    total_kg: float
    change: ScaleChange
    is_whole: bool


class ScaleTotal:
    """The sum over readings, told of each with its monotonic instant. Reads no clock."""

    def __init__(self, settings: ScaleSettings) -> None:
        self._settings = settings
        self._shown_kg: float | None = None
        self._read_ns = 0
        self._weighed = Weighed(0.0, ScaleChange.first, is_whole=True)

    def see(self, shown_kg: float, read_ns: int) -> Weighed:
        """``shown_kg`` is the total on the scale. What cannot be explained is not counted, and said."""
        if self._shown_kg is not None:
            most_kg = self._settings.max_kg_s * (read_ns - self._read_ns) / 1e9 + self._settings.backlash_kg
            self._weighed = self._add(shown_kg, self._shown_kg, most_kg)
        self._shown_kg, self._read_ns = shown_kg, read_ns
        return self._weighed

    def _add(self, shown_kg: float, before_kg: float, most_kg: float) -> Weighed:
        total_kg, _, is_whole = self._weighed
        more_kg = shown_kg - before_kg
        over_kg = more_kg + self._settings.roll_over_kg
        if -self._settings.backlash_kg <= more_kg <= most_kg:
            return Weighed(total_kg + more_kg, ScaleChange.counted, is_whole)
        if more_kg < 0 and over_kg <= most_kg:
            return Weighed(total_kg + over_kg, ScaleChange.rolled_over, is_whole)
        if more_kg < 0 and shown_kg <= most_kg:
            return Weighed(total_kg + shown_kg, ScaleChange.reset, is_whole=False)
        return Weighed(total_kg, ScaleChange.jumped, is_whole=False)


class BeltScale:
    """The scale behind a wire. ``kg_per_unit`` turns the unit on its display into kilograms (1000 for tonnes)."""

    def __init__(
        self, wire: Wire, device: DeviceMap, settings: ScaleSettings, kg_per_unit: float, now_ns: Callable[[], int]
    ) -> None:
        self._wire = wire
        self._total = device.place("total_1")
        self._fence, self._name = device.fence, device.name
        self._sum = ScaleTotal(settings)
        self._kg_per_unit = kg_per_unit
        self._now_ns = now_ns

    def open(self) -> None:
        """Connect and see by its registers of known value that it is this kind: raises MachineLost, MachineMismatch."""
        self._wire.connect()
        if self._fence is None:
            return
        at, says, _ = self._fence
        found = tuple(self._wire.read(at, len(says), "the scale's identity"))
        if found != says:
            self._wire.close()
            raise MachineMismatch(
                f"What answers at {self._wire.where} is no {self._name}: registers from {at} hold {found}, not {says}. "
                "Check the address, the unit number and the scale's device file."
            )

    def read(self) -> Weighed:
        """Both words of the total in one request, so that they belong together. Raises MachineLost."""
        shown = decode(self._total, read_place(self._wire, self._total))
        return self._sum.see(shown * self._kg_per_unit, self._now_ns())

    def close(self) -> None:
        self._wire.close()


def read_place(wire: Wire, place: ValuePlace) -> Sequence[int]:
    """The registers of one value in a holding table."""
    return wire.read(place.at, place.registers, place.name.replace("_", " "))
