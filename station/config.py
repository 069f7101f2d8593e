"""Settings written by people: read, checked all at once, and refused with line, column and what to do.

The sections are in ``station.sections`` and ``station.named_files``; with them the only modules that know pydantic.
Paths in a file are relative to that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from station.complaints import complaint, plain, reason, yaml_complaint
from station.device_sections import DeviceFile
from station.machine_choice import line_contradictions
from station.marked import marked
from station.named_files import CalibrationFile, CouplerFile, RecipeFile
from station.section import Section
from station.sections import CoilsSection, ConfigFile

_LARGEST_FILE_BYTES = 1 << 20


class ConfigError(Exception):
    """Settings cannot be used; the text holds one line per error."""


class Config(Section):
    """Everything the files said, paths resolved. ``digest`` is the SHA-256 of all files read, as hexadecimal text.

    ``coupler`` is there when the machine is plain outputs.
    """

    path: Path
    file: ConfigFile
    calibration: CalibrationFile
    recipe: RecipeFile
    coupler: CouplerFile | None = None
    digest: str
    scale_device: DeviceFile | None = None

    def resolve(self, relative: str) -> Path:
        """A path of the configuration file."""
        return (self.path.parent / relative).resolve()


Model = TypeVar("Model", bound=BaseModel)


def load_config(path: Path, drafts: Mapping[Path, str] = MappingProxyType({})) -> Config:
    """Read a station's files; raises ConfigError that lists every error of all of them.

    ``drafts``: texts that stand for what lies in a file, by its resolved path.
    """
    errors: list[str] = []
    digest = hashlib.sha256()
    station = _read(path, ConfigFile, errors, digest.update, drafts)
    if station is None:
        raise ConfigError("\n".join(errors))
    calibration = _read(path.parent / station.calibration, CalibrationFile, errors, digest.update, drafts)
    recipe = _read(path.parent / station.recipe, RecipeFile, errors, digest.update, drafts)
    coupler = None
    if isinstance(station.machine, CoilsSection):
        coupler = _read(path.parent / station.machine.device, CouplerFile, errors, digest.update)
    if calibration is not None and recipe is not None:
        errors.extend(f"{path}  {text}" for text in _contradictions(station, calibration, recipe))
    scale = None
    if station.scale is not None:
        scale = _read(path.parent / station.scale.device, DeviceFile, errors, digest.update)
    if errors or calibration is None or recipe is None:
        raise ConfigError("\n".join(errors))
    return Config(
        path=path,
        file=station,
        calibration=calibration,
        recipe=recipe,
        coupler=coupler,
        digest=digest.hexdigest(),
        scale_device=scale,
    )


def read_recipe(path: Path, config: Config) -> RecipeFile:
    """Another recipe for the same station; raises ConfigError that lists every error."""
    errors: list[str] = []
    recipe = _read(path, RecipeFile, errors, lambda _raw: None)
    if recipe is not None:
        errors.extend(f"{path}  {text}" for text in contradictions(config.file, config.calibration, recipe))
    if errors or recipe is None:
        raise ConfigError("\n".join(errors))
    return recipe


def _contradictions(station: ConfigFile, calibration: CalibrationFile, recipe: RecipeFile) -> Iterator[str]:
    """What each file alone cannot know."""
    outlets = {bank.outlet for bank in station.banks}
    for outlet in sorted(outlets):
        for name, values in (("distance_mm", calibration.distance_mm), ("delay_ms", calibration.delay_ms)):
            if outlet not in values:
                yield _said(
                    "banks",
                    marked("outlet '{outlet}' has no {name} in {file}: calibrate it"),
                    outlet=outlet,
                    name=name,
                    file=station.calibration,
                )
    for rule in recipe.rules:
        if rule.outlet not in outlets:
            banks = ", ".join(sorted(outlets))
            sentence = marked("rule for outlet '{outlet}', but no bank ejects there; banks: {banks}")
            yield _said("recipe", sentence, outlet=rule.outlet, banks=banks)
    for bank in station.banks:
        delays = calibration.delay_ms.get(bank.outlet)
        if isinstance(delays, list) and len(delays) != bank.lanes:
            sentence = marked("outlet '{outlet}' has {lanes} lanes and {delays} delay_ms: give one per lane")
            yield _said("banks", sentence, outlet=bank.outlet, lanes=bank.lanes, delays=len(delays))
    if recipe.rest_outlet in outlets:
        sentence = marked("rest_outlet '{outlet}' is where a bank ejects; name another outlet")
        yield _said("recipe", sentence, outlet=recipe.rest_outlet)
    yield from _bin_contradictions(station, recipe)
    if (station.line is not None) != (station.camera.kind == "simulated"):
        yield _said("line", marked("a simulated line needs camera.kind 'simulated', and the other way round"))
    nearest = min(calibration.distance_mm.values(), default=float("inf"))
    line = station.sorting.decision_mm
    if line >= nearest:
        sentence = marked("{line} lies behind the first bank at {nearest}; move it upstream")
        yield _said("sorting.decision_mm", sentence, line=f"{line:g}", nearest=f"{nearest:g}")
    yield from _machine_contradictions(station)
    if station.scale is not None and (station.scale.port is None) is (station.scale.host is None):
        yield _said("scale", marked("give either port (a serial adapter) or host (Modbus TCP)"))
    yield from line_contradictions(station)
    used = [bank.first_output + lane for bank in station.banks for lane in range(bank.lanes)]
    if len(used) != len(set(used)) or max(used) > 63:
        yield _said("banks", marked("outputs overlap or lie above 63; give every lane its own output from 0 to 63"))


def _said(key: str, sentence: str, **values: object) -> str:
    return f"{key}  {sentence.format(**values)}"


def _bin_contradictions(station: ConfigFile, recipe: RecipeFile) -> Iterator[str]:
    known = {*(bank.outlet for bank in station.banks), recipe.rest_outlet}
    binned = [each.outlet for each in station.bins]
    for outlet in binned:
        if outlet not in known:
            sentence = marked("outlet '{outlet}' does not exist; outlets: {known}")
            yield _said("bins", sentence, outlet=outlet, known=", ".join(sorted(known)))
    if len(binned) != len(set(binned)):
        yield _said("bins", marked("an outlet has two bins; give each outlet one"))


def _machine_contradictions(station: ConfigFile) -> Iterator[str]:
    machine = station.machine
    run = machine.run_output if isinstance(machine, CoilsSection) else None
    if run is not None and any(bank.first_output <= run < bank.first_output + bank.lanes for bank in station.banks):
        yield _said(
            "machine.run_output", marked("output {run} belongs to a bank; wire the belt to another one"), run=run
        )


def _read(
    path: Path,
    model: type[Model],
    errors: list[str],
    seen: Callable[[bytes], None],
    drafts: Mapping[Path, str] = MappingProxyType({}),
) -> Model | None:
    """One file through one model; errors are appended, None when there were any."""
    try:
        draft = drafts.get(path.resolve())
        raw = path.read_bytes() if draft is None else draft.encode()
        if len(raw) > _LARGEST_FILE_BYTES:
            raise OSError("larger than 1 MiB")
        tree = YAML(typ="rt").load(raw.decode())
        settings = plain(tree)
    except YAMLError as error:
        errors.append(yaml_complaint(path, error))
        return None
    except RecursionError:
        errors.append(f"{path}  {marked('is not valid YAML: it is nested deeper than any settings file')}")
        return None
    except (OSError, ValueError) as error:
        unread = marked("cannot be read ({reason}): check the file and try again")
        errors.append(f"{path}  {unread.format(reason=reason(error))}")
        return None
    seen(raw)
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        errors.extend(complaint(path, tree, item, _keys()) for item in error.errors())
        return None


def _keys() -> set[str]:
    return {name for section in Section.__subclasses__() for name in section.model_fields}


def contradictions(station: ConfigFile, calibration: CalibrationFile, recipe: RecipeFile) -> tuple[str, ...]:
    """What contradicts each other in three files that are right by themselves, one sentence each."""
    return tuple(_contradictions(station, calibration, recipe))
