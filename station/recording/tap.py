"""The tap in the vision process: all the sorter hears and says, told to the recorder, which is never waited for."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

from station.recording.eyes import ListeningEye
from station.recording.snapshot import freeze
from station.recording.words import Begin, EyeAnswers, Finish, Gap, Why
from station.sorter import Sorter, SorterSettings
from station.types import Inputs, Outputs, PieceRecord, Status
from vision.types import Eye, Port

_MOST_UNSENT = 512
_BATCH = 8
_REST_STEPS = 4
_STATE_NS = 10_000_000_000


class StepMade(NamedTuple):
    """One step as it happened."""

    number: int
    inputs: Inputs
    answers: EyeAnswers
    outputs: Outputs


Told = Begin | StepMade | Gap | Finish


class TappedSorter:
    """A sorter that tells each of its steps.

    The recorder gets them in tuples through ``recorder``. When it does not keep up, a few seconds of steps wait here;
    after that steps are left out, and counted: the next thing told is then the ``Gap`` and the sorter's whole state.
    Now and then the state is told anyway, so that a file can begin there.
    """

    def __init__(self, sorter: Sorter, begin: Begin, recorder: Port, state_ns: int = _STATE_NS) -> None:
        """``state_ns``: how often the state is told."""
        self._sorter = sorter
        self._begin = begin
        self._recorder = recorder
        self._number = begin.step - 1
        self._unsent: deque[Told] = deque([begin])
        self._missed = 0
        self._resting = 0
        self._state_every_ns = state_ns
        self._state_ns: int | None = None

    def step(self, inputs: Inputs, eye: Eye) -> Outputs:
        """The sorter's step, unchanged."""
        listening = ListeningEye(eye)
        outputs = self._sorter.step(inputs, listening)
        self._number += 1
        self._tell(StepMade(self._number, inputs, listening.take(), outputs))
        self._tell_state(inputs.now_ns)
        self._send()
        return outputs

    def finish(self, now_ns: int) -> tuple[PieceRecord, ...]:
        """The end of the run; ``send_rest`` has to follow."""
        records = self._sorter.finish(now_ns)
        self._tell(Finish(now_ns, records))
        return records

    def status(self, now_ns: int) -> Status:
        return self._sorter.status(now_ns)

    def send_rest(self) -> bool:
        """Try to get rid of what waits; True when nothing is left."""
        self._resting = 0
        self._send()
        return not self._unsent

    def _tell(self, told: Told) -> None:
        if self._missed or len(self._unsent) >= _MOST_UNSENT:
            self._missed += 1
        else:
            self._unsent.append(told)

    def _tell_state(self, now_ns: int) -> None:
        """After a gap as soon as there is room again, else now and then."""
        if self._missed:
            if len(self._unsent) < _MOST_UNSENT // 2:
                self._unsent.append(Gap(self._missed))
                self._missed = 0
                self._state(now_ns, Why.after_gap)
        elif self._state_ns is None:
            self._state_ns = now_ns
        elif now_ns - self._state_ns >= self._state_every_ns:
            self._state(now_ns, Why.continued)

    def _state(self, now_ns: int, why: Why) -> None:
        self._state_ns = now_ns
        self._unsent.append(Begin(now_ns, self._number + 1, why, self._begin.settings, (), freeze(self._sorter)))

    def _send(self) -> None:
        if self._resting:
            self._resting -= 1
            return
        while self._unsent:
            batch = tuple(islice(self._unsent, _BATCH))
            try:
                taken = self._recorder.send(batch)
            except OSError:
                self._missed += sum(isinstance(told, StepMade | Finish) for told in batch)
                taken = True
            if not taken:
                self._resting = _REST_STEPS
                return
            for _ in batch:
                self._unsent.popleft()


def tapped(
    sorter: Sorter, settings: SorterSettings, latched: tuple[tuple[str, str], ...], recorder: Port, now_ns: int
) -> TappedSorter:
    """A new sorter, made of ``settings`` and ``latched`` a moment ago, with a tap."""
    return TappedSorter(sorter, Begin(now_ns, 1, Why.started, settings, latched, None), recorder)
