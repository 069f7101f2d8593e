"""The simulated line in virtual time, with a technician at it: real pictures, a real controller, the real guard."""

from __future__ import annotations

import re
import threading
from functools import cache
from pathlib import Path

import numpy as np

from control.belt import Belt
from control.guard import Guard
from control.types import Command
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.feeder import ScrapSprite
from hil.line import Line
from hil.sim import SimMachine
from hil.sprites.atlas import load_atlas
from hil.types import BeltMotion, Hand
from station import setup
from station.config import Config, load_config
from station.simulated import line_section, line_settings
from station.wizard.moment import Moment, Steps, T
from tests.station.site import PROJECT, site_config
from vision.types import Frame

_STEP_NS = 10_000_000
_FRAME_EVERY = 3
HALF_SIZE = (
    ("  seed: 1\n", "  seed: 1\n  width_px: 640\n  height_px: 512\n  mm_per_px: 1.25\n"),
    ("calibration: sim-calibration.yaml", "calibration: footage-calibration.yaml"),
    ("model: ../models", f"model: {PROJECT}/models"),
)


def small_site(folder: Path, installed: str = "{}") -> Config:
    """The demonstration line at half the picture size, with what is really so given as YAML."""
    path = site_config(folder).path
    text = path.read_text()
    for before, after in HALF_SIZE:
        text = text.replace(before, after)
    path.write_text(with_installed(text, installed))
    return load_config(path)


def with_installed(text: str, installed: str) -> str:
    """A station file whose simulated line is really so."""
    return re.sub(r"  installed:\n(    .*\n)+", f"  installed: {installed}\n", text)


@cache
def _sprites(split: str | None) -> tuple[ScrapSprite, ...]:
    return tuple(sprite for sprite in load_atlas().sprites if sprite.split == split)


class Rig:
    """One line; ``run`` plays a task while the technician holds the button for ``held_s``."""

    def __init__(self, config: Config) -> None:
        self.now_ns = 1_000_000_000
        section, calibration = line_section(config), config.calibration
        settings = line_settings(config)
        true = section.installed.ticks_per_mm or calibration.ticks_per_mm
        self.encoder = EncoderSettings(true, calibration.counter_bits, section.start_count)
        drive = DriveSettings(speed_mm_s=section.speed_mm_s)
        controller = ControllerSettings(setup.longest_on_ms(config), drive, self.encoder)
        self._drive = DrivenBelt(drive, self.encoder, self.now_ns)
        self.line = Line(settings, _sprites(settings.split))
        self.machine = SimMachine(controller, self._drive, lambda: self.now_ns, self.line.switch)
        self._guard = Guard(setup.guard_limits(config))
        self.belt = Belt(calibration.ticks_per_mm, calibration.counter_bits, config.file.sorting.max_speed_mm_s)
        self._shape = settings.view.shape
        self._turns = 0
        self.silent_ns = 0
        self.machine.open()

    @property
    def motion(self) -> BeltMotion:
        return self._drive.motion

    def do(self, hand: Hand) -> None:
        """With his hands."""
        self.line.handle(hand, self.motion.pos_mm)
        self._drive.handle(hand)

    def run(self, steps: Steps[T], *, held_s: float = 60.0, most_s: float = 60.0) -> T:
        """What the task finds; raises what it raises."""
        wish = next(steps)
        until_ns = self.now_ns + round(held_s * 1e9)
        for _ in range(round(most_s * 1e9 / _STEP_NS)):
            if wish.note is not None:
                self.now_ns += self.silent_ns
            try:
                wish = steps.send(
                    self._moment(Command(wish.run, wish.armed, wish.jobs, self.now_ns), held=self.now_ns < until_ns)
                )
            except StopIteration as end:
                found: T = end.value
                return found
        raise TimeoutError("the task goes on for ever")

    def _moment(self, command: Command, *, held: bool) -> Moment:
        """Virtual time stands still while something is worked out aside."""
        for thread in threading.enumerate():
            if thread.name == "measuring":
                thread.join()
        self.now_ns += _STEP_NS
        self._turns += 1
        sample = self.machine.sample()
        epoch = self.belt.take(sample).epoch
        admission = self._guard.admit(command._replace(seen_ns=self.now_ns), sample, self.now_ns, self.now_ns)
        self.machine.beat(run=admission.run, armed=admission.armed)
        self.machine.arm(admission.jobs)
        self.line.step(self.motion)
        frame = self._frame() if self._turns % _FRAME_EVERY == 0 else None
        tick = None if frame is None else self.belt.tick_at(frame.captured_ns)
        return Moment(self.now_ns, frame, tick, (sample,), self.belt, held, int(epoch), True)

    def _frame(self) -> Frame:
        picture = np.empty(self._shape, np.uint8)
        self.line.expose(picture, self.motion)
        return Frame(self._turns, self.now_ns, None, picture)
