"""What a file in ``configs/devices`` may say about where a kind of device keeps its values."""

from __future__ import annotations

from pydantic import Field

from control.device_map import Table, ValueKind
from station.section import Section


class FenceSection(Section):
    at: int = Field(ge=0, le=65535, description="zero-based address")
    says: list[int] = Field(min_length=1, description="what these registers always hold")


class ValueSection(Section):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="what it is called here")
    table: Table = Field(Table.holding, strict=False, description="holding or input")
    at: int = Field(ge=0, le=65535, description="zero-based address")
    kind: ValueKind = Field(strict=False, description="u16, i16, u32 or i32")
    high_word_first: bool = Field(True, description="order of the words of 32 bits")
    scale: float = Field(1.0, gt=0, description="the number read times this is in the unit")
    unit: str = Field("", description="unit of the value")
    writable: bool = Field(False, description="whether it may be written")
    source: str = Field(min_length=5, description="where in the document this is written")
    checked: bool = Field(description="whether the address was read in the document, not taken from elsewhere")


class DeviceFile(Section):
    """One kind of device."""

    name: str = Field(min_length=1)
    document: str = Field(min_length=1, description="the maker's document")
    fence: FenceSection | None = Field(None, description="registers of known value")
    values: list[ValueSection] = Field(min_length=1)
