"""Eyes of the black box: one listens to what the real eye answers, one answers what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from station.recording.words import NOTHING_SEEN, EyeAnswers
from vision.types import Eye, Look, LookRequest, Sighting


class ListeningEye:
    """Passes everything through to the real eye and writes down what it answered since ``begin``."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._found: tuple[Sighting, ...] | None = None
        self._asked: tuple[LookRequest, ...] = ()
        self._looks: tuple[Look, ...] = ()

    def find(self) -> tuple[Sighting, ...]:
        self._found = self._eye.find()
        return self._found

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        looks = self._eye.look(requests)
        self._asked += tuple(requests)
        self._looks += looks
        return looks

    def take(self) -> EyeAnswers:
        """What was answered since the last ``take``."""
        if self._found is None and not self._asked:
            return NOTHING_SEEN
        answers = EyeAnswers(self._found, self._asked, self._looks)
        self._found, self._asked, self._looks = None, (), ()
        return answers


class RecordedEye:
    """Answers what the eye answered in one step.

    A changed sorter may ask about other pieces or carry other numbers: an answer belongs to the *sighting* it was made
    of, so it gets the number of the piece that asks for this sighting now. What was never looked at has no answer.
    """

    def __init__(self, answers: EyeAnswers) -> None:
        self._found = answers.found or ()
        self._looks = {request.sighting: look for request, look in answered(answers)}

    def find(self) -> tuple[Sighting, ...]:
        return self._found

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        found = ((request, self._looks.get(request.sighting)) for request in requests)
        return tuple(look._replace(piece_id=request.piece_id) for request, look in found if look is not None)


def answered(answers: EyeAnswers) -> Iterator[tuple[LookRequest, Look]]:
    """The requests that were answered, with their answers: the same order, and one piece may be asked for twice."""
    asked = iter(answers.asked)
    for look in answers.looks:
        request = next((request for request in asked if request.piece_id == look.piece_id), None)
        if request is not None:
            yield request, look
