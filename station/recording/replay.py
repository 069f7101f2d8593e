"""Replay: the recorded inputs through a new sorter, its outputs compared with the recorded ones, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from station.recording.codec import decode, encode
from station.recording.difference import PieceDifference, first_difference, piece_differences
from station.recording.eyes import RecordedEye
from station.recording.reader import Recording
from station.recording.snapshot import thaw
from station.recording.texts import StepTexts
from station.recording.words import Begin, Finish, Gap, Why
from station.sorter import Sorter
from station.types import Outputs, PieceRecord

_MOST_PIECES = 1000
_Key = tuple[int, int]


class FirstDifference(NamedTuple):
    """The first step that differs: ``seconds`` since the start of the recording, ``what`` in words."""

    step: int
    seconds: float
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay found. ``proved`` of ``steps`` were compared; before the others, ``missing`` steps were left out.

    ``sorters``: how many sorters the recording holds. ``differing`` steps said something else; ``pieces`` ended
    otherwise, first closed first. ``recorded_s`` is the time that was compared.
    """

    steps: int
    proved: int
    missing: int
    sorters: int
    recorded_s: float
    differing: int
    first: FirstDifference | None
    pieces: tuple[PieceDifference, ...]

    @property
    def is_equal(self) -> bool:
        return self.first is None


def replay(recording: Recording, progress: Callable[[int], None] = lambda _steps: None) -> Verdict:
    """Replay everything; ``progress`` is called with the number of steps done. Raises RecordingUnreadable."""
    run = _Replay()
    for entry in recording.raw_entries():
        match entry:
            case StepTexts():
                run.step(entry)
                progress(run.steps)
            case Begin():
                run.begin(entry)
            case Gap():
                run.gap(entry.steps)
            case Finish():
                run.finish(entry)
    return run.verdict()


@dataclass(slots=True)
class _Replay:
    """The sorter in hand, None while nothing can be proved, and what was found so far."""

    steps: int = 0
    _sorter: Sorter | None = None
    _next: int = 0
    _proved: int = 0
    _missing: int = 0
    _sorters: int = 0
    _begun_ns: int | None = None
    _now_ns: int = 0
    _differing: int = 0
    _first: FirstDifference | None = None
    _was: dict[_Key, PieceRecord] = field(default_factory=dict)
    _now: dict[_Key, PieceRecord] = field(default_factory=dict)

    def begin(self, begin: Begin) -> None:
        """A state written down on the way is not needed while the sorter in hand has come all the way itself."""
        if begin.why is not Why.started and self._sorter is not None and begin.step == self._next:
            return
        self._sorters += begin.why is Why.started or not self._sorters
        self._sorter = Sorter(begin.settings, begin.latched) if begin.state is None else thaw(begin.state)
        self._next = begin.step

    def gap(self, steps: int) -> None:
        self._missing += steps
        self._sorter = None

    def step(self, raw: StepTexts) -> None:
        """One step; a number that was left out is a gap, whatever the file says."""
        self.steps += 1
        if self._sorter is not None and raw.number != self._next:
            self.gap(abs(raw.number - self._next))
        self._next = raw.number + 1
        if self._sorter is None:
            return
        inputs, answers = raw.told()
        self._now_ns = inputs.now_ns
        self._begun_ns = self._now_ns if self._begun_ns is None else self._begun_ns
        outputs = self._sorter.step(inputs, RecordedEye(answers))
        self._proved += 1
        said = encode(Outputs, outputs)
        self._compare(raw.number, raw.outputs, said)
        if said == raw.outputs:
            self._close(outputs.records, outputs.records)
        else:
            self._close(decode(Outputs, raw.outputs).records, outputs.records)

    def finish(self, finish: Finish) -> None:
        sorter, self._sorter = self._sorter, None
        if sorter is None:
            return
        again = Finish(finish.now_ns, sorter.finish(finish.now_ns))
        self._now_ns = finish.now_ns
        self._compare(self._next, encode(Finish, finish), encode(Finish, again))
        self._close(finish.records, again.records)

    def verdict(self) -> Verdict:
        """What was found, when everything has been played."""
        found = piece_differences(self._was, self._now) if self._first else ()
        return Verdict(
            steps=self.steps,
            proved=self._proved,
            missing=self._missing,
            sorters=self._sorters,
            recorded_s=self._seconds(),
            differing=self._differing,
            first=self._first,
            pieces=tuple(islice(found, _MOST_PIECES)),
        )

    def _compare(self, number: int, was: bytes, now: bytes) -> None:
        if was == now:
            return
        self._differing += 1
        if self._first is None:
            self._first = FirstDifference(number, self._seconds(), first_difference(was, now))

    def _close(self, was: Sequence[PieceRecord], now: Sequence[PieceRecord]) -> None:
        self._was.update({(self._sorters, record.piece.id): record for record in was})
        self._now.update({(self._sorters, record.piece.id): record for record in now})

    def _seconds(self) -> float:
        return 0.0 if self._begun_ns is None else (self._now_ns - self._begun_ns) / 1e9
