"""What a recorded eye answers."""

from __future__ import annotations

from station.recording.eyes import ListeningEye, RecordedEye
from station.recording.words import EyeAnswers
from tests.station.paper_line import PaperEye, PaperPiece
from vision.types import Look, LookRequest

ONE, OTHER = Look(7, (-0.1, -2.0)), Look(7, (-1.5, -0.3))


def test_two_looks_at_one_piece_are_two_answers() -> None:
    asked = (LookRequest(7, 3), LookRequest(7, 1))
    assert RecordedEye(EyeAnswers((), asked, (ONE, OTHER))).look(asked) == (ONE, OTHER)


def test_an_answer_goes_to_whoever_asks_for_its_sighting_now() -> None:
    eye = RecordedEye(EyeAnswers((), (LookRequest(7, 3), LookRequest(8, 1)), (ONE, Look(8, OTHER.log_scores))))
    assert eye.look([LookRequest(20, 1), LookRequest(21, 2)]) == (Look(20, OTHER.log_scores),)


def test_a_listening_eye_writes_down_what_the_real_one_answers() -> None:
    real = PaperEye([PaperPiece(100.0, 200.0, 1)])
    real.pos_mm = 300.0
    listening = ListeningEye(real)
    found = listening.find()
    looks = listening.look([LookRequest(1, 0)])
    assert listening.take() == EyeAnswers(found, (LookRequest(1, 0),), looks)
    assert listening.take() == EyeAnswers(None, (), ())
