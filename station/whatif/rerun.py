"""A recording through a sorter with other settings: what it would have decided, and what the recorded one did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from control.types import MachineSample
from station.recording.codec import decode
from station.recording.reader import Recording
from station.recording.snapshot import thaw
from station.recording.texts import StepTexts
from station.recording.words import Begin, Finish, Gap, RecordingUnreadable, Why
from station.sorter import Sorter, SorterSettings
from station.types import Outputs, PieceRecord
from station.whatif.eyes import EyeAgain
from station.whatif.paper_controller import PaperController

_NOTHING_DONE = (b'"jobs":[]', b'"records":[]')
Settings = Callable[[SorterSettings], SorterSettings]


@dataclass(slots=True)
class Rerun:
    """``then`` are the recorded pieces, ``now`` those of the changed sorter, in the order they were closed.

    ``last_tick`` of the recording, ``seconds`` it lasted; ``missing`` steps it lacks.
    """

    then: list[PieceRecord] = field(default_factory=list)
    now: list[PieceRecord] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    last_tick: int = 0
    unanswered: int = 0
    missing: int = 0


def rerun(
    recording: Recording, changed: Settings, eye: EyeAgain, progress: Callable[[int], None] = lambda _steps: None
) -> Rerun:
    """Play everything through sorters made of ``changed`` settings; ``progress`` is told of every step.

    Raises RecordingUnreadable when the recording begins in the middle of a run and the model knows other labels.
    """
    play = _Play(changed, eye)
    for entry in recording.raw_entries():
        match entry:
            case StepTexts():
                play.step(entry)
                progress(play.found.steps)
            case Begin():
                play.begin(entry)
            case Gap():
                play.gap(entry)
            case Finish():
                play.finish(entry)
    play.found.unanswered = eye.unanswered
    return play.found


class _Play:
    """The sorter in hand, None while steps are missing."""

    def __init__(self, changed: Settings, eye: EyeAgain) -> None:
        self._changed = changed
        self._eye = eye
        self._sorter: Sorter | None = None
        self._controller = PaperController(32)
        self._next = 0
        self._begun_ns = 0
        self.found = Rerun()

    def begin(self, begin: Begin) -> None:
        """A sorter as it began then, but with the changed settings."""
        if begin.why is not Why.started and self._sorter is not None and begin.step == self._next:
            return
        settings = self._changed(begin.settings)
        if begin.state is None:
            self._sorter = Sorter(settings, begin.latched)
        elif settings.labels != begin.settings.labels:
            raise RecordingUnreadable(
                "This recording begins in the middle of a run, with pieces that the recorded model looked at; a model "
                "with other labels can only be tried on one that begins with its run."
            )
        else:
            self._sorter = thaw(begin.state)
            self._sorter.change(replace(settings, tracker=begin.settings.tracker))
        self._controller = PaperController(settings.counter_bits)
        self._next = begin.step

    def gap(self, gap: Gap) -> None:
        """What lay on the belt here is left out, then and now."""
        self.found.missing += gap.steps
        self._sorter = None

    def step(self, step: StepTexts) -> None:
        """One step, with the machine's answers for the changed sorter's shots. What the recorded sorter said is only
        read where it fired or closed something, which is rare and saves a third of the time."""
        if self._sorter is not None and step.number != self._next:
            self.gap(Gap(abs(step.number - self._next)))
        self._next = step.number + 1
        if self._sorter is None:
            return
        found = self.found
        inputs, answers = step.told()
        if found.steps == 0:
            self._begun_ns = inputs.now_ns
        machine = self._controller.hear(inputs.machine)
        self._eye.show(inputs.frame, answers)
        outputs = self._sorter.step(inputs._replace(machine=machine), self._eye)
        then = None if all(word in step.outputs for word in _NOTHING_DONE) else decode(Outputs, step.outputs)
        self._controller.take(() if then is None else then.command.jobs, outputs.command.jobs)
        found.then.extend(() if then is None else then.records)
        found.now.extend(outputs.records)
        found.steps += 1
        found.seconds = (inputs.now_ns - self._begun_ns) / 1e9
        found.last_tick = outputs.status.tick

    def finish(self, finish: Finish) -> None:
        if self._sorter is not None:
            self.found.then.extend(finish.records)
            self.found.now.extend(self._sorter.finish(finish.now_ns))
        self._sorter = None


class Origin(NamedTuple):
    """The encoder's raw count of the first reading in a recording, and the sorter's tick at it."""

    raw: int
    tick: int


def origin_of(recording: Recording) -> Origin:
    """Where counts and ticks of a recording meet; raises RecordingUnreadable when the encoder never told anything."""
    for step in recording.steps():
        samples = [item for item in step.inputs.machine if isinstance(item, MachineSample)]
        if samples:
            return Origin(samples[-1].encoder_count, step.outputs.status.tick)
    raise RecordingUnreadable(f"{recording.path} holds no reading of the encoder: nothing can be placed in it.")
