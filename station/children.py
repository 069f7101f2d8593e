"""What runs in the spawned vision and control processes: settings in, devices opened, loops run.

No pydantic, no web and, on the control side, no numpy: imports stand where they are needed.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.process import ControlSettings, run
from station.link import Link
from station.wiring import CameraChoice, MachineChoice, RingCameraChoice, open_camera, open_machine

_VISION_NICENESS = -10
_MOVED_MM = 5.0

if TYPE_CHECKING:
    from pathlib import Path

    from station.sorter import SorterSettings
    from vision.finder import FinderSettings
    from vision.flat_field import FlatField
    from vision.geometry import Geometry
    from vision.process import LoopSettings


@dataclass(frozen=True, slots=True)
class ControlSetup:
    """Everything the control process needs."""

    machine: MachineChoice
    settings: ControlSettings


@dataclass(frozen=True, slots=True)
class VisionSetup:
    """Everything the vision process needs; ``latched`` are the stop faults it begins with."""

    camera: CameraChoice
    model: Path
    finder: FinderSettings
    geometry: Geometry
    mm_per_px: float
    flat_field: FlatField | None
    sorter: SorterSettings
    loop: LoopSettings
    latched: tuple[tuple[str, str], ...]
    view: RingCameraChoice


def control_main(setup: ControlSetup, vision: Link, station: Link) -> None:
    """The control process; ends with its neighbours or on SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    machine = open_machine(setup.machine)
    sleep = time.sleep  # noqa: TID251 - a process loop waits
    run(machine, vision, station, setup.settings, now_ns=time.monotonic_ns, sleep=sleep)  # noqa: TID251 - and has a clock


def vision_main(setup: VisionSetup, machine: Link, station: Link) -> None:
    """The vision process; ends with its neighbours, when told to finish, or on SIGTERM."""
    from station.brain import Brain
    from station.sorter import Sorter
    from vision.classifier import Classifier
    from vision.eye import LiveEye
    from vision.finder import Finder
    from vision.frame_ring import FrameRing
    from vision.model_card import load_card
    from vision.process import run as run_loop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    _take_precedence()
    now_ns = time.monotonic_ns  # noqa: TID251 - a process loop has a clock
    ring = FrameRing(setup.view.shape, setup.view.slots, setup.view.ring)
    eye = LiveEye(
        Finder(setup.finder), setup.geometry, Classifier(load_card(setup.model)), setup.mm_per_px, setup.flat_field
    )
    sorter = Sorter(setup.sorter, setup.latched)
    camera = open_camera(setup.camera)
    brain = Brain(sorter, camera, station, ring, now_ns, _MOVED_MM * setup.sorter.ticks_per_mm)
    try:
        with suppress(ConnectionError, SystemExit):
            run_loop(camera, eye, sorter, machine, station, bindings=brain.bindings(), settings=setup.loop)
            brain.finish()
    finally:
        ring.close()


def _take_precedence() -> None:
    """Before pages and reports, after the control process; where that is not permitted, equal."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _VISION_NICENESS)


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)
