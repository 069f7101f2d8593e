"""Where a device keeps its values: places in its tables, and the numbers in them. Filled from configs/devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Table(StrEnum):
    """Which table of the Modbus data model."""

    holding = "holding"
    input = "input"


class ValueKind(StrEnum):
    """How a value lies in registers."""

    u16 = "u16"
    i16 = "i16"
    u32 = "u32"
    i32 = "i32"


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """One value: zero-based address ``at``; the number read times ``scale`` is in ``unit`` (empty: none)."""

    name: str
    table: Table
    at: int
    kind: ValueKind
    high_word_first: bool = True
    scale: float = 1.0
    unit: str = ""
    writable: bool = False

    @property
    def registers(self) -> int:
        """How many it takes."""
        return 2 if self.kind in (ValueKind.u32, ValueKind.i32) else 1


class Fence(NamedTuple):
    """Registers from ``at`` that always begin with ``says``; they may be read in any number of ``counts``."""

    at: int
    says: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """A kind of device; ``fence`` None where nothing known can be read."""

    name: str
    places: tuple[ValuePlace, ...]
    fence: Fence | None = None

    def place(self, name: str) -> ValuePlace:
        """Raises KeyError when the device has no such value."""
        for place in self.places:
            if place.name == name:
                return place
        raise KeyError(f"{self.name} has no value {name!r}")


def decode(place: ValuePlace, registers: Sequence[int]) -> float:
    """The value of exactly its registers, in the unit of the place."""
    return _whole(place, registers) * place.scale


def encode(place: ValuePlace, value: float) -> list[int]:
    """The registers of a value; raises ValueError when it does not fit."""
    bits = 16 * place.registers
    number = round(value / place.scale)
    is_signed = place.kind in (ValueKind.i16, ValueKind.i32)
    lowest = -(1 << bits - 1) if is_signed else 0
    if not lowest <= number < lowest + (1 << bits):
        raise ValueError(f"{value:g} does not fit into {place.name} ({place.kind}, scale {place.scale:g})")
    words = [number >> 16 & 0xFFFF, number & 0xFFFF][2 - place.registers :]
    return words if place.high_word_first else words[::-1]


def _whole(place: ValuePlace, registers: Sequence[int]) -> int:
    (*high, low) = registers if place.high_word_first else registers[::-1]
    number = (high[0] << 16 if high else 0) | low
    bits = 16 * place.registers
    is_negative = place.kind in (ValueKind.i16, ValueKind.i32) and number >> (bits - 1)
    return number - (1 << bits) if is_negative else number
