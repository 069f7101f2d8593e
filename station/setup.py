"""From the files people write to the plain settings each process gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from control.coil_settings import CoilSettings
from control.guard import GuardLimits
from control.job_ring import MAP_VERSION
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.neighbours import JetSettings
from control.process import ControlSettings
from control.schedule import ScheduleSettings
from control.serial_machine import SerialBoardSettings
from control.types import Ejector, EjectorKind, Identity, Recipe
from station import device_choice, machine_choice
from station.children import ControlSetup, VisionSetup
from station.codebook import Material
from station.config import Config, ConfigError
from station.ledger import Provenance
from station.named_files import CalibrationFile
from station.recipes import checked_recipe, digest_of
from station.sections import BankSection, FolderCameraSection, OpencvCameraSection
from station.sorter import SorterSettings
from station.weighing import station_priors
from station.wiring import CameraChoice, MachineChoice, RingCameraChoice
from vision.camera_watch import WatchSettings
from vision.crop import CropSpec
from vision.finder import FinderSettings
from vision.flat_field import FlatField, FlatFieldRefused, load_flat_field
from vision.footage import check_footage
from vision.geometry import Geometry, straight_geometry
from vision.process import LoopSettings
from vision.tracker import TrackerSettings

if TYPE_CHECKING:
    from station.plan import Plan
    from station.recording.settings import PicturesChoice

_LIMIT_MARGIN = 1.2


def vision_setup(
    plan: Plan,
    camera: CameraChoice,
    view: RingCameraChoice,
    latched: tuple[tuple[str, str], ...],
    first_piece: int,
    keep: PicturesChoice | None = None,
) -> VisionSetup:
    """What the vision process gets."""
    config, calibration = plan.config, plan.config.calibration
    return VisionSetup(
        camera=camera,
        model=config.resolve(config.file.model),
        finder=finder_settings(config),
        geometry=geometry(config),
        mm_per_px=calibration.mm_per_px,
        flat_field=flat_field(config),
        sorter=sorter_settings(plan, first_piece),
        loop=LoopSettings(watch=WatchSettings(period_ms=1000 / frames_per_s(config))),
        latched=latched,
        view=view,
        candidate_crop=_candidate_crop(plan),
        keep=keep,
    )


def _candidate_crop(plan: Plan) -> CropSpec | None:
    """How a shadow model wants its crops, where that is another way than the model's."""
    return plan.shadow.crop if plan.shadow is not None and plan.shadow.crop != plan.card.crop else None


def finder_settings(config: Config) -> FinderSettings:
    """What counts as a piece."""
    light = flat_field(config)
    return FinderSettings(
        mm_per_px=config.calibration.mm_per_px,
        min_area_mm2=config.file.vision.min_area_mm2,
        lane_light=light.brightness() if light is not None else None,
    )


def flat_field(config: Config) -> FlatField | None:
    """The light correction, None without one; raises ConfigError when its file cannot be used."""
    name = config.calibration.flat_field
    if name is None:
        return None
    try:
        return load_flat_field(config.resolve(name))
    except FlatFieldRefused as refused:
        raise ConfigError(f"{config.resolve(config.file.calibration)}  flat_field  {refused}") from refused


def geometry(config: Config) -> Geometry:
    """Where the picture lies on the belt."""
    calibration = config.calibration
    height, width, _ = picture_shape(config)
    if calibration.to_belt is not None:
        (a, b, c), (d, e, f), (g, h, i) = calibration.to_belt
        return Geometry(((a, b, c), (d, e, f), (g, h, i)), width, height)
    return straight_geometry(calibration.mm_per_px, calibration.datum_row_px, calibration.left_column_px, width, height)


def sorter_settings(plan: Plan, first_piece: int) -> SorterSettings:
    """Settings of the sorter; pieces are numbered from ``first_piece``."""
    config, materials, labels = plan.config, plan.materials, plan.card.labels
    file, calibration = config.file, config.calibration
    sorting_recipe = recipe(config, labels, materials)
    sorting, vision = file.sorting, file.vision
    return SorterSettings(
        ticks_per_mm=calibration.ticks_per_mm,
        counter_bits=calibration.counter_bits,
        max_speed_mm_s=sorting.max_speed_mm_s,
        step_mm=vision.step_mm,
        decision_mm=sorting.decision_mm,
        close_mm=sorting.close_mm,
        purge_mm=sorting.purge_mm,
        sure=vision.sure,
        max_looks=vision.max_looks,
        max_looks_per_step=vision.max_looks_per_step,
        min_sightings=vision.min_sightings,
        labels=labels,
        class_codes=tuple(materials[label].code for label in labels),
        correlation=plan.card.look_correlation,
        ejectors=ejectors(config),
        recipe=sorting_recipe,
        schedule=ScheduleSettings(
            margin_mm=sorting.margin_mm,
            min_slack_ms=sorting.min_slack_ms,
            min_pulse_ms=sorting.min_pulse_ms,
            max_pulse_ms=sorting.max_pulse_ms,
            cut_ms=max(sorting.cut_ms, sorting.min_slack_ms),
            max_duty=sorting.max_duty,
            jet=JetSettings(graze=sorting.graze),
        ),
        tracker=TrackerSettings(labels=len(labels), first_id=first_piece),
        provenance=Provenance(plan.run.uuid, sorting_recipe.version, plan.card.id),
        is_simulated=is_simulated(config),
        masses=tuple(station_priors(config).get(label) for label in labels),
    )


def is_simulated(config: Config) -> bool:
    """True unless a real camera looks at a real belt; such runs never count as real ones."""
    return not isinstance(config.file.camera, OpencvCameraSection)


def recipe(config: Config, labels: tuple[str, ...], materials: Mapping[str, Material]) -> Recipe:
    """The recipe with the hazards of the codebook added; they are no one's to tune away."""
    where = config.resolve(config.file.recipe)
    return checked_recipe(config.recipe, str(where), digest_of(where), labels, materials)


def ejectors(config: Config) -> tuple[Ejector, ...]:
    """One ejector per lane of every bank."""
    return tuple(ejector for bank in config.file.banks for ejector in _lanes(bank, config.calibration))


def _lanes(bank: BankSection, calibration: CalibrationFile) -> list[Ejector]:
    return [
        Ejector(
            output=bank.first_output + lane,
            kind=EjectorKind(bank.kind),
            outlet=bank.outlet,
            left_mm=bank.left_mm + lane * bank.lane_width_mm,
            right_mm=bank.left_mm + (lane + 1) * bank.lane_width_mm,
            distance_mm=calibration.distance_mm[bank.outlet],
            delay_ms=_delay_ms(calibration.delay_ms[bank.outlet], lane),
            hold_ms=bank.hold_ms,
            rest_ms=bank.rest_ms,
            longest_ms=bank.longest_ms,
        )
        for lane in range(bank.lanes)
    ]


def _delay_ms(calibrated: float | list[float], lane: int) -> float:
    return calibrated[lane] if isinstance(calibrated, list) else calibrated


def expected_identity(config: Config) -> Identity:
    """What the controller has to say it is."""
    outputs = max(bank.first_output + bank.lanes for bank in config.file.banks)
    calibration = config.calibration
    nominal = calibration.nominal_ticks_per_mm or calibration.ticks_per_mm
    return Identity(MAP_VERSION, outputs, calibration.counter_bits, nominal)


def machine_settings(config: Config) -> ModbusSettings | RtuSettings | SerialBoardSettings | CoilSettings:
    """Where the machine is and what it must be; raises ConfigError when the station has only one in memory."""
    identity = expected_identity(config)
    own = device_choice.machine_settings(config, identity)
    settings = own or machine_choice.machine_settings(config.file.machine, identity)
    if settings is None:
        raise ConfigError(f"{config.path}  machine.kind  this camera needs a real machine, not one in memory")
    return settings


def job_ring_settings(config: Config) -> ModbusSettings | RtuSettings:
    """Where the controller with a job ring is; raises ConfigError when the machine is of another kind."""
    settings = machine_choice.machine_settings(config.file.machine, expected_identity(config))
    if settings is None:
        raise ConfigError(f"{config.path}  machine.kind  this is for controllers of kind 'modbus-tcp' or 'modbus-rtu'")
    return settings


def longest_on_ms(config: Config) -> tuple[float, ...]:
    """How long the machine itself lets each output stay on: a little longer than the schedule."""
    usual = config.file.sorting.max_pulse_ms
    limits = {e.output: usual if e.longest_ms is None else e.longest_ms for e in ejectors(config)}
    return tuple(limits.get(output, usual) * _LIMIT_MARGIN for output in range(expected_identity(config).outputs))


def guard_limits(config: Config) -> GuardLimits:
    """What the guard lets through: existing outputs, and openings up to the longest at the fastest plausible belt."""
    sorting = config.file.sorting
    per_s = sorting.max_speed_mm_s * config.calibration.ticks_per_mm
    lanes = ejectors(config)
    return GuardLimits(
        outputs=sum(1 << lane.output for lane in lanes),
        max_length_counts=math.ceil(sorting.max_pulse_ms / 1000 * per_s),
        max_open_counts=math.ceil(per_s),
        longer=tuple(
            (1 << lane.output, math.ceil(lane.longest_ms / 1000 * per_s))
            for lane in lanes
            if lane.longest_ms is not None
        ),
        max_picture_ms=sorting.max_picture_ms,
        max_ahead_counts=math.ceil(sorting.close_mm * config.calibration.ticks_per_mm),
        counter_bits=config.calibration.counter_bits,
    )


def control_setup(config: Config, machine: MachineChoice) -> ControlSetup:
    """What the control process gets."""
    poll_ms = machine_choice.poll_ms(config.file.machine)
    return ControlSetup(
        machine, ControlSettings(guard_limits(config), poll_ms, latency_ms=config.calibration.sample_latency_ms)
    )


def picture_shape(config: Config) -> tuple[int, int, int]:
    """Shape of the camera's pictures: (height, width, 3)."""
    file = config.file
    match file.camera:
        case OpencvCameraSection():
            return (file.camera.height_px, file.camera.width_px, 3)
        case FolderCameraSection():
            info = check_footage(config.resolve(file.camera.folder))
            return (info.height_px, info.width_px, 3)
        case _:
            assert file.line is not None
            return (file.line.height_px, file.line.width_px, 3)


def _rate(captured_ns: Sequence[int]) -> float:
    """Mean pictures per second of a recording; one picture alone counts as one per second."""
    seconds = (captured_ns[-1] - captured_ns[0]) / 1e9
    return (len(captured_ns) - 1) / seconds if seconds else 1.0


def frames_per_s(config: Config) -> float:
    """The camera's rate."""
    file = config.file
    match file.camera:
        case OpencvCameraSection():
            return file.camera.fps
        case FolderCameraSection():
            return _rate(check_footage(config.resolve(file.camera.folder)).captured_ns)
        case _:
            assert file.line is not None
            return file.line.fps
