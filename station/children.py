"""What runs in the spawned vision and control processes: settings in, devices opened, loops run.

No pydantic, no web and, on the control side, no numpy: imports stand where they are needed.
"""

from __future__ import annotations

import gc
import select
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.process import ControlSettings, run
from station.link import Link
from station.wiring import CameraChoice, MachineChoice, RingCameraChoice, open_camera, open_machine

if TYPE_CHECKING:
    from pathlib import Path

    from station.sorter import SorterSettings
    from vision.finder import FinderSettings
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
    import cv2

    from station.brain import SortingBrain
    from vision.frame_ring import FrameRing
    from vision.process import Loop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    cv2.setNumThreads(1)
    now_ns = time.monotonic_ns  # noqa: TID251 - a process loop has a clock
    ring = FrameRing(setup.view.shape, setup.view.slots, setup.view.ring)
    brain = SortingBrain(setup, machine, station, ring)
    loop = Loop(
        open_camera(setup.camera),
        brain,
        setup.loop,
        now_ns=now_ns,
        wait=lambda seconds: _wait_for(machine, seconds),
    )
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        with suppress(ConnectionError, SystemExit):
            while loop.turn():
                pass
            brain.finish(now_ns())
    finally:
        loop.close()
        ring.close()


def _wait_for(link: Link, seconds: float) -> None:
    select.select([link], [], [], max(0.0, seconds))


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)
