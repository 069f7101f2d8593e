"""Files in ``configs/devices`` that say where a kind of device keeps its values, with the source of each register."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from control.device_map import DeviceMap, Fence, ValuePlace
from station.complaints import complaint, plain, yaml_complaint
from station.config import ConfigError
from station.device_sections import DeviceFile, FenceSection, ValueSection


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
