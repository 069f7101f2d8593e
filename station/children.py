"""What runs in the spawned vision and control processes: settings in, devices opened, loops run.

No pydantic, no web and, on the control side, no numpy: imports stand where they are needed.
"""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from control.precedence import VISION, take_precedence
from control.process import ControlSettings, run
from station.link import Link
from station.wiring import CameraChoice, MachineChoice, RingCameraChoice, open_camera, open_eye, open_machine

_MOVED_MM = 5.0
_PATIENCE_NS = 1_000_000_000

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from station.recording.settings import PicturesChoice
    from station.recording.tap import TappedSorter
    from station.sorter import SorterSettings
    from vision.crop import CropSpec
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
    """Everything the vision process needs; ``latched`` are the stop faults it begins with, ``candidate_crop`` says how
    a shadow model wants its crops if it wants other ones."""

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
    keep: PicturesChoice | None = None
    candidate_crop: CropSpec | None = None


def control_main(setup: ControlSetup, vision: Link, station: Link) -> None:
    """The control process; ends with its neighbours or on SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    machine = open_machine(setup.machine)
    sleep = time.sleep  # noqa: TID251 - a process loop waits
    run(machine, vision, station, setup.settings, now_ns=time.monotonic_ns, sleep=sleep)  # noqa: TID251 - and has a clock


class Readers(NamedTuple):
    """Who is told beside the station what vision sees: the recorder its steps, the keeper of crops its looks."""

    recorder: Link | None = None
    looks: Link | None = None


def vision_main(setup: VisionSetup, machine: Link, station: Link, readers: Readers) -> None:
    """The vision process; ends with its neighbours, when told to finish, or on SIGTERM, and closes every piece first.

    Every look is told with its crop, as far as the reader keeps up.
    """
    from station.brain import Brain
    from station.recording.tap import tapped
    from station.shot_news import ShotNews
    from station.sorter import Sorter
    from vision.frame_ring import FrameRing
    from vision.model_card import load_card
    from vision.process import run as run_loop
    from vision.watched_eye import WatchedEye

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    take_precedence(VISION)
    now_ns = time.monotonic_ns  # noqa: TID251 - a process loop has a clock
    ring = FrameRing(setup.view.shape, setup.view.slots, setup.view.ring)
    card = load_card(setup.model)
    eye = open_eye(card, setup.finder, setup.geometry, setup.mm_per_px, setup.flat_field)
    if readers.looks is not None:
        eye = WatchedEye(eye, (card.crop, setup.candidate_crop), setup.mm_per_px, readers.looks)
    sorter = Sorter(setup.sorter, setup.latched)
    told = readers.recorder
    tap = None if told is None else tapped(sorter, setup.sorter, setup.latched, told, now_ns())
    keep = setup.keep
    kept = None if keep is None else FrameRing(keep.shape, keep.slots, keep.ring)
    camera = open_camera(setup.camera, kept)
    settings = setup.sorter
    shots = ShotNews(dict(zip(settings.class_codes, settings.labels, strict=True)))
    moved_ticks = _MOVED_MM * settings.ticks_per_mm
    brain = Brain(tap or sorter, camera, station, ring, now_ns, moved_ticks, setup.mm_per_px, eye.outlines, shots)
    signal.signal(signal.SIGTERM, lambda _number, _frame: brain.leave())
    try:
        with suppress(ConnectionError):
            run_loop(camera, eye, tap or sorter, machine, station, bindings=brain.bindings(), settings=setup.loop)
            brain.finish()
        _tell_rest(tap, now_ns)
    finally:
        ring.close()
        if kept is not None:
            kept.close()


def _tell_rest(tap: TappedSorter | None, now_ns: Callable[[], int]) -> None:
    """The last steps to the recorder; the loop has ended, so a moment of patience costs nothing."""
    deadline_ns = now_ns() + _PATIENCE_NS
    while tap is not None and not tap.send_rest() and now_ns() < deadline_ns:
        time.sleep(0.005)  # noqa: TID251 - the recorder is slow
