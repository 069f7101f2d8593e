"""Settings written by people: read, checked all at once, and refused with line, column and what to do.

The only module that knows pydantic and YAML positions. Paths in a file are relative to that file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from control.types import EjectorKind
from station.complaints import complaint, plain, reason, yaml_complaint

_LARGEST_FILE_BYTES = 1 << 20


class ConfigError(Exception):
    """Settings cannot be used; the text holds one line per error."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StationSection(_Section):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$", description="short name used in reports and file names")
    name: str = Field(min_length=1, max_length=80, description="what the page shows")
    data_folder: str = Field(description="where records are kept")


class WebSection(_Section):
    host: str = Field("127.0.0.1", description="address the page is served on")
    port: int = Field(8080, ge=1, le=65535, description="TCP port of the page")


class SimulatedCamera(_Section):
    kind: Literal["simulated"]


class FolderCameraSection(_Section):
    kind: Literal["folder"]
    folder: str = Field(description="footage folder with frames.csv, ticks.csv and footage.yaml")


class OpencvCameraSection(_Section):
    kind: Literal["opencv"]
    device: str = Field(description="/dev/v4l/by-id/... or a stream URL")
    width_px: int = Field(ge=160, le=8192, description="picture width")
    height_px: int = Field(ge=120, le=8192, description="picture height")
    fps: float = Field(gt=0, le=1000, description="pictures per second")


class ModbusTcpSection(_Section):
    kind: Literal["modbus-tcp"]
    host: str = Field(description="address of the controller")
    port: int = Field(502, ge=1, le=65535, description="TCP port of the controller")
    unit: int = Field(1, ge=0, le=255, description="Modbus unit id")
    timeout_ms: int = Field(100, ge=10, le=5000, description="longest wait for one answer")


class MemoryMachineSection(_Section):
    kind: Literal["memory"]


class BankSection(_Section):
    outlet: str = Field(min_length=1, description="where pieces hit by this bank land")
    kind: EjectorKind = Field(strict=False, description="valve, pusher or flap")
    first_output: int = Field(ge=0, le=63, description="output number of the leftmost lane")
    lanes: int = Field(ge=1, le=64, description="number of lanes side by side")
    left_mm: float = Field(0.0, description="left edge of the leftmost lane on the belt")
    lane_width_mm: float = Field(gt=0, le=3000, description="width of one lane")


class VisionSection(_Section):
    step_mm: float = Field(50.0, gt=0, le=500, description="belt travel between two frames that are searched")
    sure: float = Field(0.98, gt=0.5, lt=1, description="confidence beyond which a piece is not looked at again")
    max_looks: int = Field(6, ge=1, le=50, description="most looks spent on one piece")
    max_looks_per_step: int = Field(12, ge=1, le=200, description="most looks in one frame")
    min_sightings: int = Field(2, ge=1, le=20, description="sightings before something counts as a piece")
    min_area_mm2: float = Field(60.0, gt=0, description="smaller things are dust")


class SortingSection(_Section):
    decision_mm: float = Field(gt=0, description="decision line, downstream of the datum line")
    close_mm: float = Field(gt=0, description="where every piece has fallen into its outlet")
    purge_mm: float = Field(gt=0, description="belt that must pass after a start before anything is ejected")
    max_speed_mm_s: float = Field(gt=0, le=10000, description="fastest plausible belt")
    margin_mm: float = Field(6.0, ge=0, le=200, description="how much longer than the piece a valve stays open")
    min_slack_ms: float = Field(60.0, ge=0, le=5000, description="a shot with less slack is late and not fired")
    min_pulse_ms: float = Field(8.0, gt=0, le=1000, description="shortest opening")
    max_pulse_ms: float = Field(250.0, gt=0, le=5000, description="longest opening")


class FeedSection(_Section):
    pieces_per_s: float = Field(20.0, gt=0, le=200, description="pieces fed per second")
    touching: float = Field(0.04, ge=0, le=1, description="share of pieces fed onto another one")
    mix: dict[str, float] = Field(description="relative number of pieces by codebook id")


class SpeedStep(_Section):
    since_s: float = Field(ge=0, description="seconds since the belt was started")
    factor: float = Field(ge=0, le=3, description="share of the belt speed from then on")


class LineSection(_Section):
    """The built-in simulated line. Only with a simulated camera."""

    seed: int = Field(1, description="same seed, same pieces")
    fps: float = Field(60.0, gt=0, le=240, description="pictures per second")
    width_px: int = Field(1280, ge=320, le=4096, description="picture width")
    height_px: int = Field(1024, ge=240, le=4096, description="picture height")
    mm_per_px: float = Field(0.625, gt=0, description="true scale of the picture")
    speed_mm_s: float = Field(1500.0, gt=0, le=5000, description="belt speed")
    speed_jitter: float = Field(0.01, ge=0, le=0.2, description="slow speed wobble, relative")
    speed_profile: list[SpeedStep] = Field([], description="changes of speed while the belt runs, in order")
    start_count: int = Field(0, ge=0, description="encoder count at the start")
    feed: FeedSection
    starts_at_once: bool = Field(True, description="whoever starts the program gives the start order")


class CalibrationFile(_Section):
    """Machine-written: what was measured on this line, and when."""

    made: str = Field(description="date of the measurement")
    by: str = Field(description="who or what measured")
    ticks_per_mm: float = Field(gt=0, description="encoder ticks per millimetre of belt")
    counter_bits: Literal[16, 32] = Field(description="width of the encoder counter")
    mm_per_px: float = Field(gt=0, description="millimetres of belt per picture pixel")
    datum_row_px: float = Field(description="picture row of the datum line")
    left_column_px: float = Field(description="picture column of the belt's left edge")
    distance_mm: dict[str, float] = Field(description="datum line to ejector bank, by outlet")
    delay_ms: dict[str, float] = Field(description="output on to effect at the belt, by outlet")


class RuleSection(_Section):
    labels: list[str] = Field(min_length=1, description="codebook ids")
    outlet: str = Field(min_length=1, description="where these pieces go")
    min_confidence: float = Field(gt=0, lt=1, description="below this the piece passes as unsure")


class RecipeFile(_Section):
    """How to sort."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    rest_outlet: str = Field(min_length=1, description="where everything else falls")
    rules: list[RuleSection] = Field(min_length=1)
    stop_confidence: float = Field(0.5, gt=0, le=0.9, description="hazards above this stop the belt")


CameraSection = Annotated[SimulatedCamera | FolderCameraSection | OpencvCameraSection, Field(discriminator="kind")]
MachineSection = Annotated[ModbusTcpSection | MemoryMachineSection, Field(discriminator="kind")]


class ConfigFile(_Section):
    """One station."""

    station: StationSection
    web: WebSection = WebSection()
    calibration: str = Field(description="file with what was measured on this line")
    recipe: str = Field(description="file with the sorting rules")
    model: str = Field(description="folder with model.onnx and model.yaml")
    camera: CameraSection
    machine: MachineSection
    banks: list[BankSection] = Field(min_length=1)
    vision: VisionSection = VisionSection()
    sorting: SortingSection
    line: LineSection | None = None


class Config(_Section):
    """Everything the files said, paths resolved. ``digest`` is the SHA-256 of all files read, as hexadecimal text."""

    path: Path
    file: ConfigFile
    calibration: CalibrationFile
    recipe: RecipeFile
    digest: str

    def resolve(self, relative: str) -> Path:
        """A path of the configuration file."""
        return (self.path.parent / relative).resolve()


Model = TypeVar("Model", bound=BaseModel)


def load_config(path: Path) -> Config:
    """Read a station's files; raises ConfigError that lists every error of all of them."""
    errors: list[str] = []
    digest = hashlib.sha256()
    station = _read(path, ConfigFile, errors, digest.update)
    if station is None:
        raise ConfigError("\n".join(errors))
    calibration = _read(path.parent / station.calibration, CalibrationFile, errors, digest.update)
    recipe = _read(path.parent / station.recipe, RecipeFile, errors, digest.update)
    if calibration is not None and recipe is not None:
        errors.extend(f"{path}  {text}" for text in _contradictions(station, calibration, recipe))
    if errors or calibration is None or recipe is None:
        raise ConfigError("\n".join(errors))
    return Config(path=path, file=station, calibration=calibration, recipe=recipe, digest=digest.hexdigest())


def _contradictions(station: ConfigFile, calibration: CalibrationFile, recipe: RecipeFile) -> Iterator[str]:
    """What each file alone cannot know."""
    outlets = {bank.outlet for bank in station.banks}
    for outlet in sorted(outlets):
        for name, values in (("distance_mm", calibration.distance_mm), ("delay_ms", calibration.delay_ms)):
            if outlet not in values:
                yield f"banks  outlet {outlet!r} has no {name} in {station.calibration}: calibrate it"
    for rule in recipe.rules:
        if rule.outlet not in outlets:
            banks = ", ".join(sorted(outlets))
            yield f"recipe  rule for outlet {rule.outlet!r}, but no bank ejects there; banks: {banks}"
    if recipe.rest_outlet in outlets:
        yield f"recipe  rest_outlet {recipe.rest_outlet!r} is where a bank ejects; name another outlet"
    if (station.line is not None) != (station.camera.kind == "simulated"):
        yield "line  a simulated line needs camera.kind 'simulated', and the other way round"
    nearest = min(calibration.distance_mm.values(), default=float("inf"))
    line = station.sorting.decision_mm
    if line >= nearest:
        yield f"sorting.decision_mm  {line:g} lies behind the first bank at {nearest:g}; move it upstream"
    used = [bank.first_output + lane for bank in station.banks for lane in range(bank.lanes)]
    if len(used) != len(set(used)) or max(used) > 63:
        yield "banks  outputs overlap or lie above 63; give every lane its own output from 0 to 63"


def _read(path: Path, model: type[Model], errors: list[str], seen: Callable[[bytes], None]) -> Model | None:
    """One file through one model; errors are appended, None when there were any."""
    try:
        raw = path.read_bytes()
        if len(raw) > _LARGEST_FILE_BYTES:
            raise OSError("larger than 1 MiB")
        tree = YAML(typ="rt").load(raw.decode())
        settings = plain(tree)
    except YAMLError as error:
        errors.append(yaml_complaint(path, error))
        return None
    except (OSError, ValueError) as error:
        errors.append(f"{path}  cannot be read ({reason(error)}): check the file and try again")
        return None
    seen(raw)
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        errors.extend(complaint(path, tree, item, _keys()) for item in error.errors())
        return None


def _keys() -> set[str]:
    return {name for section in _Section.__subclasses__() for name in section.model_fields}
