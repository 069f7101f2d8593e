"""A second look: finder and classifier again on the pictures a recording kept, compared with what they said then.

A JPEG is not the picture the eye saw, and the finder learns the empty belt from the pictures it gets; so the answers
are not compared byte for byte but within ``JPEG`` or ``LOSSLESS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, hypot
from pathlib import Path

from station.recording.codec import NotReadable, decode
from station.recording.eyes import answered
from station.recording.layout import EYE, EyeSettings
from station.recording.pictures import decoded
from station.recording.reader import Recording
from station.recording.words import EyeAnswers, KeptFrame, RecordingUnreadable, Step
from vision.classifier import Classifier
from vision.eye import LiveEye
from vision.finder import Finder
from vision.model_card import load_card
from vision.types import Frame, Look, LookRequest, ModelRefused, Sighting

_MODELS = Path("models")
_LEARNING = 20


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What counts as the same: a sighting within ``place_mm``; a look whose best label is the same, with a probability
    within ``probability``. Of all sightings and looks these shares have to be the same."""

    place_mm: float
    probability: float
    sightings: float
    looks: float


# Measured on the simulated line, dense feed: 90 % of sightings and of looks agree at JPEG quality 85.
JPEG = Tolerance(place_mm=4.0, probability=0.25, sightings=0.85, looks=0.85)
LOSSLESS = Tolerance(place_mm=4.0, probability=0.25, sightings=0.97, looks=0.95)


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What was found again: of ``sightings`` recorded ones ``found``, ``extra`` others; of ``looks`` ``alike``."""

    pictures: int
    sightings: int
    found: int
    extra: int
    looks: int
    alike: int
    tolerance: Tolerance

    @property
    def is_within_tolerance(self) -> bool:
        seen = self.found >= self.tolerance.sightings * max(self.sightings, self.found + self.extra)
        return seen and self.alike >= self.tolerance.looks * self.looks

    @property
    def sentences(self) -> tuple[str, ...]:
        allowed = self.tolerance
        return (
            f"{self.pictures} pictures searched again: {self.found} of {self.sightings} sightings within "
            f"{allowed.place_mm:g} mm, {self.extra} others (at least {allowed.sightings:.0%} have to agree).",
            f"{self.looks} looks again: {self.alike} with the same best class, its probability within "
            f"{allowed.probability:g} (at least {allowed.looks:.0%} have to).",
            "Within tolerance." if self.is_within_tolerance else "NOT within tolerance.",
        )


def look_again(recording: Recording, model: Path | None) -> SecondLook:
    """Search and classify every kept picture again. Raises RecordingUnreadable when they show nothing, or no model is
    found.

    The first pictures only teach the finder what the empty belt looks like.
    """
    eye = _open_eye(recording, model)
    allowed = LOSSLESS
    pictures = sightings = found = extra = looks = alike = 0
    for answers, frame in _searched(recording):
        image = decoded(frame)
        if image is None or answers.found is None:
            continue
        allowed = JPEG if frame.format == "jpeg" else allowed
        seq, captured_ns, tick = frame.stamp
        eye.show(Frame(seq, captured_ns, tick, image))
        again = eye.find()
        pictures += 1
        if pictures <= _LEARNING:
            continue
        pairs = _pairs(answers.found, again, allowed.place_mm)
        sightings += len(answers.found)
        found += len(pairs)
        extra += len(again) - len(pairs)
        old = [(request, look) for request, look in answered(answers) if request.sighting in pairs]
        new = eye.look([LookRequest(request.piece_id, pairs[request.sighting]) for request, _ in old])
        looks += len(new)
        alike += sum(_is_alike(was, now, allowed.probability) for (_, was), now in zip(old, new, strict=True))
    if not sightings:
        raise RecordingUnreadable(
            f"{recording.path} shows nothing to compare: it kept {pictures} searched pictures, of which the first "
            f"{_LEARNING} only teach what the empty belt looks like. Record longer, with --record-frames."
        )
    return SecondLook(pictures, sightings, found, extra, looks, alike, allowed)


def _open_eye(recording: Recording, model: Path | None) -> LiveEye:
    attachment = recording.attachments.get(EYE)
    if attachment is None:
        raise RecordingUnreadable(f"{recording.path} does not hold the eye's settings; replay it without --frames.")
    try:
        settings = decode(EyeSettings, attachment.content)
        classifier = Classifier(load_card(model or model_of(recording)))
    except (NotReadable, ModelRefused) as error:
        raise RecordingUnreadable(f"{recording.path} cannot be looked at again: {error}") from error
    return LiveEye(Finder(settings.finder), settings.geometry, classifier, settings.mm_per_px)


def model_of(recording: Recording) -> Path:
    """The folder beside which we run whose model has the recorded hash."""
    for card in sorted(_MODELS.glob("*/model.yaml")):
        if recording.about.model_sha256 in card.read_text(encoding="utf-8"):
            return card.parent
    raise RecordingUnreadable(
        f"No folder in {_MODELS} holds the model that {recording.path} was made with; name one with --model."
    )


def _searched(recording: Recording) -> Iterator[tuple[EyeAnswers, KeptFrame]]:
    """The kept pictures with what the eye answered on them; a picture lies behind its step."""
    answers: dict[tuple[int, int], EyeAnswers] = {}
    for entry in recording.entries():
        if isinstance(entry, Step) and entry.inputs.frame is not None and entry.answers.found is not None:
            stamp = entry.inputs.frame
            answers[stamp.seq, stamp.captured_ns] = entry.answers
        elif isinstance(entry, KeptFrame):
            known = answers.pop((entry.stamp.seq, entry.stamp.captured_ns), None)
            if known is not None:
                yield known, entry


def _pairs(was: Sequence[Sighting], now: Sequence[Sighting], place_mm: float) -> dict[int, int]:
    """Recorded sighting to the nearest new one within ``place_mm``, one to one."""
    near = [
        (away, old, new)
        for old, a in enumerate(was)
        for new, b in enumerate(now)
        if (away := hypot(a.downstream_mm - b.downstream_mm, a.across_mm - b.across_mm)) <= place_mm
    ]
    pairs: dict[int, int] = {}
    for _, old, new in sorted(near):
        if old not in pairs and new not in pairs.values():
            pairs[old] = new
    return pairs


def _is_alike(was: Look, now: Look, probability: float) -> bool:
    best = max(range(len(was.log_scores)), key=was.log_scores.__getitem__)
    same = best == max(range(len(now.log_scores)), key=now.log_scores.__getitem__)
    return same and abs(exp(was.log_scores[best]) - exp(now.log_scores[best])) <= probability
