"""Files in ``configs/devices`` that say where a kind of device keeps its values, with the source of each register."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from control.device_map import DeviceMap, Fence, Table, ValueKind, ValuePlace
from station.complaints import complaint, plain, yaml_complaint
from station.config import ConfigError
from station.sections import Section


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


def load_device_file(path: Path) -> DeviceFile:
    """Raises ConfigError with one line per error."""
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
        settings = plain(tree)
    except YAMLError as error:
        raise ConfigError(yaml_complaint(path, error)) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}  cannot be read ({error}): check the file and try again") from error
    try:
        return DeviceFile.model_validate(settings)
    except ValidationError as error:
        keys = {name for section in (DeviceFile, ValueSection, FenceSection) for name in section.model_fields}
        raise ConfigError("\n".join(complaint(path, tree, item, keys) for item in error.errors())) from error


def device_map(file: DeviceFile) -> DeviceMap:
    """As the drivers take it."""
    fence = None if file.fence is None else Fence(file.fence.at, tuple(file.fence.says), (len(file.fence.says),))
    return DeviceMap(file.name, tuple(_place(value) for value in file.values), fence)


def _place(value: ValueSection) -> ValuePlace:
    return ValuePlace(
        value.name,
        value.table,
        value.at,
        value.kind,
        value.high_word_first,
        value.scale,
        value.unit,
        value.writable,
    )
