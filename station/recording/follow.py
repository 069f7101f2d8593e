"""Following a recording: a new sorter is told what the recorded one was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from station.recording.eyes import RecordedEye
from station.recording.reader import Recording
from station.recording.snapshot import thaw
from station.recording.texts import RawEntry, StepTexts
from station.recording.words import Begin, Finish, Gap, Why
from station.sorter import Sorter
from station.types import Inputs, Outputs, PieceRecord


class Followed(NamedTuple):
    """An entry and what is said now: ``outputs`` to the ``inputs`` of a step, ``records`` at a finish.

    They are None where no sorter could be made: behind a gap.
    """

    entry: RawEntry
    inputs: Inputs | None = None
    outputs: Outputs | None = None
    records: tuple[PieceRecord, ...] | None = None


def follow(recording: Recording) -> Iterator[Followed]:
    """Every entry in order. Raises RecordingUnreadable."""
    follower = _Follower()
    for entry in recording.raw_entries():
        match entry:
            case StepTexts():
                yield follower.step(entry)
            case Begin():
                follower.begin(entry)
                yield Followed(entry)
            case Finish():
                yield Followed(entry, records=follower.finish(entry.now_ns))
            case Gap():
                follower.lose()
                yield Followed(entry)
            case _:
                yield Followed(entry)


class _Follower:
    """The sorter in hand; None while there is nothing that could be followed."""

    def __init__(self) -> None:
        self._sorter: Sorter | None = None
        self._next = 0

    def begin(self, begin: Begin) -> None:
        """A state written down on the way is not needed while the sorter in hand has come all the way itself."""
        if begin.why is not Why.started and self._sorter is not None and begin.step == self._next:
            return
        self._sorter = Sorter(begin.settings, begin.latched) if begin.state is None else thaw(begin.state)
        self._next = begin.step

    def step(self, texts: StepTexts) -> Followed:
        """A number that was left out is a gap, whatever the file says."""
        if texts.number != self._next:
            self.lose()
        self._next = texts.number + 1
        if self._sorter is None:
            return Followed(texts)
        inputs, answers = texts.told()
        return Followed(texts, inputs, self._sorter.step(inputs, RecordedEye(answers)))

    def finish(self, now_ns: int) -> tuple[PieceRecord, ...] | None:
        sorter, self._sorter = self._sorter, None
        return None if sorter is None else sorter.finish(now_ns)

    def lose(self) -> None:
        self._sorter = None
