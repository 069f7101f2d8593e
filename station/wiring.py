"""Which devices this station really has: the only place that knows what is real and what is simulated.

A child is told its device as a *choice*, a plain value, and opens it here. Imports stand inside the cases, so that a
process loads only what it uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from control.coil_settings import CoilSettings
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.serial_machine import SerialBoardSettings
from control.types import Identity, Machine

if TYPE_CHECKING:
    from vision.finder import FinderSettings
    from vision.flat_field import FlatField
    from vision.frame_ring import PictureMemory
    from vision.geometry import Geometry
    from vision.model_card import ModelCard
    from vision.process import LiveEye
    from vision.types import Camera


@dataclass(frozen=True, slots=True)
class RingCameraChoice:
    """Pictures of the simulated line, through shared memory."""

    ring: str
    shape: tuple[int, int, int]
    slots: int


@dataclass(frozen=True, slots=True)
class FolderCameraChoice:
    """Recorded pictures; the first is shown at ``t0_ns``."""

    folder: Path
    t0_ns: int


@dataclass(frozen=True, slots=True)
class OpencvCameraChoice:
    """A real camera."""

    device: str
    width_px: int
    height_px: int
    fps: float


@dataclass(frozen=True, slots=True)
class RecordedMachineChoice:
    """A machine in memory that counts as the recording did; the first picture of ``folder`` falls on ``t0_ns``."""

    folder: Path
    t0_ns: int
    identity: Identity
    longest_on_ms: float


CameraChoice = RingCameraChoice | FolderCameraChoice | OpencvCameraChoice
MachineChoice = ModbusSettings | RtuSettings | SerialBoardSettings | CoilSettings | RecordedMachineChoice


def open_camera(choice: CameraChoice, memory: PictureMemory | None = None) -> Camera:
    """The camera of a vision process, not connected yet; it lays its pictures into ``memory`` if there is any.

    The simulated camera's own memory is open to everybody.
    """
    match choice:
        case RingCameraChoice():
            from hil.camera import RingCamera

            return RingCamera(choice.ring, choice.shape, choice.slots)
        case FolderCameraChoice():
            from vision.footage import FolderCamera

            return FolderCamera(choice.folder, choice.t0_ns, memory=memory)
        case OpencvCameraChoice():
            from vision.opencv_camera import OpencvCamera, OpencvCameraSettings

            settings = OpencvCameraSettings(choice.device, choice.width_px, choice.height_px, choice.fps)
            return OpencvCamera(settings, memory)
        case _:
            assert_never(choice)


def open_eye(
    card: ModelCard,
    finder: FinderSettings,
    geometry: Geometry,
    mm_per_px: float,
    flat_field: FlatField | None = None,
) -> LiveEye:
    """The eye of a vision process, warm: a detector's when the card is one's; raises ModelRefused.

    A detector sees pictures as they come; the correction of light is for the finder and its crops.
    """
    if card.detector is not None:
        from vision.detector import Detector
        from vision.detector_eye import DetectorEye

        return DetectorEye(Detector(card), geometry, card.detector.fill)
    from vision.classifier import Classifier
    from vision.eye import LiveEye
    from vision.finder import Finder

    return LiveEye(Finder(finder), geometry, Classifier(card), mm_per_px, flat_field)


def prove_model(card: ModelCard) -> None:
    """Raises ModelRefused when the network is not the one its card describes, saying which check failed."""
    if card.detector is not None:
        from vision.detector import Detector

        Detector(card).self_test()
        return
    from vision.classifier import Classifier

    Classifier(card).self_test()


def open_machine(
    choice: MachineChoice,
    now_ns: Callable[[], int] = time.monotonic_ns,  # noqa: TID251 - the driver's clock
) -> Machine:
    """The machine of a control process, not connected yet."""
    match choice:
        case ModbusSettings() | RtuSettings():
            from control.modbus_machine import ModbusMachine

            return ModbusMachine(choice, now_ns)
        case SerialBoardSettings():
            from control.serial_machine import SerialMachine

            return SerialMachine(choice, now_ns)
        case CoilSettings():
            from control.coil_machine import CoilMachine

            return CoilMachine(choice, now_ns)
        case RecordedMachineChoice():
            return _recorded_machine(choice, now_ns)
        case _:
            assert_never(choice)


def probe_machine(choice: MachineChoice) -> None:
    """Connect once and let go: raises MachineLost or MachineMismatch with a sentence."""
    machine = open_machine(choice)
    try:
        machine.open()
    finally:
        machine.close()


def _recorded_machine(choice: RecordedMachineChoice, now_ns: Callable[[], int]) -> Machine:
    from hil.controller import ControllerSettings
    from hil.drive import EncoderSettings, TableBelt
    from hil.sim import SimMachine
    from station.ticks import read_ticks
    from vision.footage import check_footage

    identity = choice.identity
    encoder = EncoderSettings(identity.ticks_per_mm, identity.counter_bits)
    settings = ControllerSettings((choice.longest_on_ms,) * identity.outputs, encoder=encoder)
    shift_ns = choice.t0_ns - check_footage(choice.folder).captured_ns[0]
    return SimMachine(settings, TableBelt(read_ticks(choice.folder), shift_ns, encoder), now_ns)
