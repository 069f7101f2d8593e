"""Replay: the recorded inputs through a new sorter, its outputs compared with the recorded ones, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from station.recording.codec import decode, encode
from station.recording.difference import PieceDifference, first_difference, piece_differences
from station.recording.follow import Followed, follow
from station.recording.reader import Recording
from station.recording.texts import StepTexts
from station.recording.words import Begin, Finish, Gap, Why
from station.types import Outputs, PieceRecord

_MOST_PIECES = 1000
_Key = tuple[int, int]


class FirstDifference(NamedTuple):
    """The first step that differs (0: the end of a run), ``seconds`` after the first step; ``what`` in words."""

    step: int
    seconds: float
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay found. ``proved`` of ``steps`` were compared; before the others steps were left out, ``missing`` by
    the file's own account.

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
    comparison = _Comparison()
    for followed in follow(recording):
        match followed.entry:
            case StepTexts():
                comparison.step(followed.entry, followed)
                progress(comparison.steps)
            case Begin():
                comparison.sorters += followed.entry.why is Why.started or not comparison.sorters
            case Gap():
                comparison.missing += followed.entry.steps
            case Finish():
                comparison.finish(followed.entry, followed)
    return comparison.verdict()


@dataclass(slots=True)
class _Comparison:
    """What was found so far."""

    steps: int = 0
    missing: int = 0
    sorters: int = 0
    _proved: int = 0
    _begun_ns: int | None = None
    _now_ns: int = 0
    _differing: int = 0
    _first: FirstDifference | None = None
    _was: dict[_Key, PieceRecord] = field(default_factory=dict)
    _now: dict[_Key, PieceRecord] = field(default_factory=dict)

    def step(self, texts: StepTexts, followed: Followed) -> None:
        self.steps += 1
        if followed.outputs is None:
            return
        self._now_ns = texts.now_ns
        self._begun_ns = self._now_ns if self._begun_ns is None else self._begun_ns
        self._proved += 1
        said = encode(Outputs, followed.outputs)
        self._compare(texts.number, texts.outputs, said)
        now = followed.outputs.records
        self._close(now if said == texts.outputs else decode(Outputs, texts.outputs).records, now)

    def finish(self, finish: Finish, followed: Followed) -> None:
        if followed.records is None:
            return
        self._now_ns = finish.now_ns
        again = Finish(finish.now_ns, followed.records)
        self._compare(0, encode(Finish, finish), encode(Finish, again))
        self._close(finish.records, again.records)

    def verdict(self) -> Verdict:
        """What was found, when everything has been played."""
        found = piece_differences(self._was, self._now) if self._first else ()
        return Verdict(
            steps=self.steps,
            proved=self._proved,
            missing=self.missing,
            sorters=self.sorters,
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
        self._was.update({(self.sorters, record.piece.id): record for record in was})
        self._now.update({(self.sorters, record.piece.id): record for record in now})

    def _seconds(self) -> float:
        return 0.0 if self._begun_ns is None else (self._now_ns - self._begun_ns) / 1e9
