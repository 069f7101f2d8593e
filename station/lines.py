"""Which line a station stands at: the simulated one, played footage, or a real plant."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from station import setup
from station.config import Config
from station.crew import Member
from station.mass_truth import Weighed
from station.sections import FolderCameraSection, OpencvCameraSection
from station.types import Truth
from station.web.view import Mishap
from station.wiring import CameraChoice, FolderCameraChoice, MachineChoice, OpencvCameraChoice, RecordedMachineChoice
from station.wizard.hands import HandGiven
from vision.labels import Label

_LEAD_NS = 2_000_000_000


class Line(AbstractContextManager["Line"], Protocol):
    """Where pictures and readings come from; entered before the first child starts."""

    @property
    def is_simulated(self) -> bool: ...

    @property
    def has_mishaps(self) -> bool: ...

    @property
    def starts_at_once(self) -> bool:
        """True when whoever started the program has given the start order."""

    @property
    def camera(self) -> CameraChoice: ...

    @property
    def machine(self) -> MachineChoice: ...

    @property
    def members(self) -> tuple[Member, ...]:
        """The processes of the line, for the meter."""

    def position_mm(self) -> float:
        """How far the belt has truly run; 0 where nobody knows."""

    def cause(self, mishap: Mishap, on: bool) -> None: ...

    def handle(self, given: HandGiven) -> None:
        """What a technician's hands do at a simulated line."""

    def empty(self, is_empty: bool) -> None:
        """A simulated line's feeder stands and its belt is empty, or it is fed again."""

    def fallen(self, pieces: int) -> tuple[str, ...]:
        """Where so many pieces that fell last lie, in the order of the belt; empty at a real line."""

    def tend(self) -> None:
        """Called several times a second while it runs."""

    def labels(self) -> tuple[Label, ...]:
        """What every piece that has fallen so far really was; empty where nobody knows."""

    def sort_by(self, config: Config) -> None:
        """The recipe was changed: what belongs where is another question now."""

    def truth(self, since_mm: float | None) -> Mapping[str, Truth] | None:
        """Purity and recovery by outlet of what passed after ``since_mm``; None where nobody knows."""

    def true_masses(self) -> tuple[Weighed, ...]:
        """Every piece that has landed; empty where nobody knows."""


class Plant:
    """A real plant, or footage played through a machine in memory: nobody knows the truth."""

    has_mishaps = False
    members: tuple[Member, ...] = ()

    def __init__(self, camera: CameraChoice, machine: MachineChoice, *, is_simulated: bool) -> None:
        self.camera = camera
        self.machine = machine
        self.is_simulated = is_simulated
        self.starts_at_once = is_simulated

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing was started."""

    def position_mm(self) -> float:
        return 0.0

    def cause(self, mishap: Mishap, on: bool) -> None:
        """There is nothing to break."""

    def handle(self, given: HandGiven) -> None:
        """People have hands of their own."""

    def empty(self, is_empty: bool) -> None:
        """People do it."""

    def fallen(self, pieces: int) -> tuple[str, ...]:
        return ()

    def tend(self) -> None:
        """It runs by itself."""

    def labels(self) -> tuple[Label, ...]:
        return ()

    def sort_by(self, config: Config) -> None:
        """Nobody knows the truth anyway."""

    def truth(self, since_mm: float | None) -> None:
        return None

    def true_masses(self) -> tuple[Weighed, ...]:
        return ()


def open_line(config: Config) -> Line:
    """The line of a station file, not started yet."""
    camera = config.file.camera
    match camera:
        case FolderCameraSection():
            return _recorded(config, camera)
        case OpencvCameraSection():
            choice = OpencvCameraChoice(camera.device, camera.width_px, camera.height_px, camera.fps)
            return Plant(choice, setup.machine_settings(config), is_simulated=False)
        case _:
            from station.simulated import SimulatedLine

            return SimulatedLine(config)


def _recorded(config: Config, camera: FolderCameraSection) -> Plant:
    """Footage and its readings, both rebased to begin a moment from now, when the children are up."""
    folder = config.resolve(camera.folder)
    t0_ns = time.monotonic_ns() + _LEAD_NS  # noqa: TID251 - the instant at which the recording begins to play
    machine = RecordedMachineChoice(folder, t0_ns, setup.expected_identity(config), config.file.sorting.max_pulse_ms)
    return Plant(FolderCameraChoice(folder, t0_ns), machine, is_simulated=True)
