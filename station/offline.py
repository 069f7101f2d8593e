"""Footage through the whole station without waiting: every picture, the sorter, and a controller in memory, recorded.

Time is that of the footage, so what comes out is the same on any machine, however fast it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from control.types import Machine, MachineSample
from station import setup
from station.config import Config, ConfigError
from station.plan import Plan, plan_bench
from station.recording.eyes import ListeningEye
from station.recording.planned import recorder_setup, recording_settings
from station.recording.texts import texts_of
from station.recording.words import Begin, Finish, KeptFrame, Why
from station.recording.writer import RecordingWriter
from station.sections import FolderCameraSection
from station.sorter import Sorter
from station.ticks import read_ticks
from station.types import Inputs, Order, OrderGiven, Outputs, State
from station.wiring import RecordedMachineChoice, open_machine
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.footage import FootageInfo, check_footage
from vision.health import HealthSettings, PictureHealth
from vision.types import FootageError, Frame, FrameStamp

_POLL_NS = 10_000_000
_IDLE_POLLS = 2
_MOVED_MM = 5.0
_LEAD_NS = 60_000_000
_LONGEST_OUT_NS = 120_000_000_000


def record_footage(config: Config, out: Path, progress: Callable[[float], None] = lambda _share: None) -> int:
    """Play the footage of a station file into the recording ``out``, pictures and all; the number of pieces.

    Footage knows no date: its time begins at 1970 or soon after.

    Raises ConfigError when the station has no footage, FootageError, ModelRefused.
    """
    if not isinstance(config.file.camera, FolderCameraSection):
        raise ConfigError(f"{config.path}  camera.kind  only footage can be played offline: give a station of one")
    plan = plan_bench(config)
    folder = config.resolve(config.file.camera.folder)
    first_ns = min(check_footage(folder).captured_ns[0], read_ticks(folder)[0][0]) - _LEAD_NS
    wanted = recorder_setup(plan, out, recording_settings(config), None)
    about = replace(wanted.about, utc_offset_ns=max(0, -first_ns))
    with RecordingWriter(out, about, wanted.attachments) as writer:
        return _Play(plan, folder, writer, first_ns).run(progress)


class _Play:
    """One passage through the footage."""

    def __init__(self, plan: Plan, folder: Path, writer: RecordingWriter, first_ns: int) -> None:
        config = plan.config
        self._footage = check_footage(folder)
        self._ticks = read_ticks(folder)
        self._settings = setup.sorter_settings(plan, first_piece=1)
        self._sorter = Sorter(self._settings)
        finder, classifier = Finder(setup.finder_settings(config)), Classifier(plan.card)
        self._live = LiveEye(finder, setup.geometry(config), classifier, config.calibration.mm_per_px)
        self._eye = ListeningEye(self._live)
        self._health = PictureHealth(HealthSettings())
        self._writer = writer
        self._now_ns = first_ns
        self._machine = self._open_machine(config, folder)
        self._samples: tuple[MachineSample, ...] = ()
        self._number = 0
        self._moved_tick = self._pieces = 0
        self._outputs: Outputs | None = None
        self._conditions: tuple[tuple[str, str], ...] = ()

    def run(self, progress: Callable[[float], None]) -> int:
        """To the end of the footage, and on until what was seen has fallen."""
        self._writer.begin(Begin(self._now_ns, 1, Why.started, self._settings, (), None))
        footage, waiting = self._footage, 0
        while waiting < len(footage.files) or self._goes_on(footage):
            self._now_ns += _POLL_NS
            due: list[int | None] = []
            while waiting < len(footage.files) and footage.captured_ns[waiting] <= self._now_ns:
                due.append(waiting)
                waiting += 1
            self._samples += (self._machine.sample(),)
            if due or len(self._samples) >= _IDLE_POLLS:
                for number in due or [None]:
                    self._turn(number)
            progress(waiting / len(footage.files))
        records = self._sorter.finish(self._now_ns)
        self._writer.finish(Finish(self._now_ns, records))
        self._machine.close()
        return self._pieces + len(records)

    def _open_machine(self, config: Config, folder: Path) -> Machine:
        identity = setup.expected_identity(config)
        first_ns = self._footage.captured_ns[0]
        choice = RecordedMachineChoice(folder, first_ns, identity, config.file.sorting.max_pulse_ms)
        machine = open_machine(choice, lambda: self._now_ns)
        machine.open()
        return machine

    def _goes_on(self, footage: FootageInfo) -> bool:
        if self._outputs is None:
            return True
        over = self._now_ns > min(self._ticks[-1][0], footage.captured_ns[-1] + _LONGEST_OUT_NS)
        return self._outputs.status.open_pieces > 0 and not over

    def _turn(self, number: int | None) -> None:
        """One step, with picture ``number`` or without."""
        frame = None if number is None else self._shown(number)
        stamp = None if frame is None else FrameStamp(frame.seq, frame.captured_ns, frame.tick)
        samples, self._samples = self._samples, ()
        inputs = Inputs(self._now_ns, stamp, 0, samples, self._orders(), self._conditions)
        outputs = self._sorter.step(inputs, self._eye)
        self._number += 1
        self._writer.step(texts_of(self._number, inputs, self._eye.take(), outputs))
        if stamp is not None and number is not None:
            self._writer.frame(KeptFrame(stamp, "jpeg", self._footage.files[number].read_bytes()))
        self._outputs = outputs
        self._pieces += len(outputs.records)
        command = outputs.command
        self._machine.beat(run=command.run, armed=command.armed)
        self._machine.arm(command.jobs)

    def _orders(self) -> tuple[OrderGiven, ...]:
        """Whoever plays footage has given the start order."""
        idle = self._number == 1 and self._outputs is not None and self._outputs.status.state is State.idle
        return (OrderGiven(1, Order.start, "command line"),) if idle else ()

    def _shown(self, number: int) -> Frame:
        """Put a picture into the eye's hand, and see whether it is healthy."""
        file, captured_ns = self._footage.files[number], self._footage.captured_ns[number]
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            raise FootageError(f"{file} cannot be decoded; copy the footage folder again.")
        frame = Frame(number + 1, captured_ns, None, np.asarray(image, np.uint8))
        tick = 0 if self._outputs is None else self._outputs.status.tick
        moved = abs(tick - self._moved_tick) >= _MOVED_MM * self._settings.ticks_per_mm
        if moved:
            self._moved_tick = tick
        self._conditions = self._health.see(frame.image, moved)
        self._live.show(frame)
        return frame
