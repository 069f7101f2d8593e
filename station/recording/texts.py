"""A step in canonical texts: what lies in a file, and what is compared."""

from __future__ import annotations

from typing import NamedTuple

from station.recording.codec import decode, encode
from station.recording.words import NOTHING_SEEN, Begin, EyeAnswers, Finish, Gap, KeptFrame, Step
from station.types import Inputs, Outputs


class StepTexts(NamedTuple):
    """One step; ``answers`` None when the eye was not asked. ``now_ns`` is that of the inputs."""

    number: int
    now_ns: int
    inputs: bytes
    answers: bytes | None
    outputs: bytes

    def told(self) -> tuple[Inputs, EyeAnswers]:
        """What the sorter was told."""
        answers = NOTHING_SEEN if self.answers is None else decode(EyeAnswers, self.answers)
        return decode(Inputs, self.inputs), answers

    def read(self) -> Step:
        """The values of all texts."""
        return Step(self.number, *self.told(), self.outputs, decode(Outputs, self.outputs))


RawEntry = Begin | StepTexts | Gap | Finish | KeptFrame


def texts_of(number: int, inputs: Inputs, answers: EyeAnswers, outputs: Outputs) -> StepTexts:
    """A step as it will be written."""
    eye = None if answers == NOTHING_SEEN else encode(EyeAnswers, answers)
    return StepTexts(number, inputs.now_ns, encode(Inputs, inputs), eye, encode(Outputs, outputs))
