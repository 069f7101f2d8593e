"""The eye of a what-if: what was answered then, or finder and classifier again on the pictures that were kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from station.recording.eyes import RecordedEye
from station.recording.layout import EyeSettings
from station.recording.reader import Recording
from station.recording.words import EyeAnswers, RecordingUnreadable
from vision.classifier import Classifier
from vision.crop import crops
from vision.eye import LiveEye
from vision.finder import Finder, FinderSettings
from vision.types import Frame, FrameStamp, Look, LookRequest, Sighting

_Key = tuple[int, int]


class PictureFolder:
    """The pictures of a recording by their frame, laid into a folder once, so that they can be had in any order."""

    def __init__(self, recording: Recording, folder: Path, wanted: Collection[_Key] | None) -> None:
        """``wanted`` None lays all of them; raises RecordingUnreadable when there are none."""
        self._folder = folder
        self._names: dict[_Key, str] = {}
        for kept in recording.frames():
            key = (kept.stamp.seq, kept.stamp.captured_ns)
            if wanted is None or key in wanted:
                self._names[key] = f"{len(self._names)}.{kept.format}"
                (folder / self._names[key]).write_bytes(kept.encoded)
        if not self._names:
            raise RecordingUnreadable(
                f"{recording.path} kept no pictures, and this change needs them: record with pictures to try it."
            )

    def __len__(self) -> int:
        return len(self._names)

    def picture(self, stamp: FrameStamp | None) -> NDArray[np.uint8] | None:
        """uint8 (height, width, 3), BGR; None when this one was not kept."""
        name = None if stamp is None else self._names.get((stamp.seq, stamp.captured_ns))
        image = None if name is None else cv2.imread(str(self._folder / name), cv2.IMREAD_COLOR)
        return None if image is None else np.asarray(image, np.uint8)


class EyeAgain:
    """Shown one step after the other. ``unanswered`` counts questions to which neither recording nor picture had an
    answer: the piece is then simply looked at once less."""

    def __init__(
        self,
        settings: EyeSettings | None = None,
        pictures: PictureFolder | None = None,
        classifier: Classifier | None = None,
        finder: FinderSettings | None = None,
    ) -> None:
        """With a ``classifier`` every look is made again, with a ``finder`` every search; both need pictures."""
        self._settings = settings
        self._pictures = pictures
        self._classifier = classifier
        self._answers = EyeAnswers(None, (), ())
        self._recorded = RecordedEye(self._answers)
        self._image: NDArray[np.uint8] | None = None
        self._live: LiveEye | None = None
        self.unanswered = 0
        if finder is not None and settings is not None and classifier is not None:
            self._live = LiveEye(Finder(finder), settings.geometry, classifier, settings.mm_per_px)

    def show(self, stamp: FrameStamp | None, answers: EyeAnswers) -> None:
        """The next step's frame and what was answered about it then."""
        self._answers = answers
        self._recorded = RecordedEye(answers)
        searched = stamp is not None and (self._live is not None or answers.found is not None)
        self._image = self._pictures.picture(stamp) if searched and self._pictures is not None else None
        if self._live is not None and stamp is not None and self._image is not None:
            self._live.show(Frame(stamp.seq, stamp.captured_ns, stamp.tick, self._image))

    def find(self) -> tuple[Sighting, ...]:
        if self._live is not None and self._image is not None:
            return self._live.find()
        if self._live is not None or self._answers.found is None:
            self.unanswered += 1
            return ()
        return self._recorded.find()

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        if self._live is not None:
            looks = self._live.look(requests) if self._image is not None else ()
        elif self._classifier is not None:
            looks = self._classified(requests, self._classifier)
        else:
            looks = self._recorded.look(requests)
        self.unanswered += len(requests) - len(looks)
        return looks

    def _classified(self, requests: Sequence[LookRequest], classifier: Classifier) -> tuple[Look, ...]:
        """The same crops through another network."""
        if not requests or self._image is None or self._settings is None or self._answers.found is None:
            return ()
        boxes = tuple(self._answers.found[request.sighting].box for request in requests)
        scores = classifier.classify(crops(self._image, boxes, classifier.card.crop, self._settings.mm_per_px))
        return tuple(
            Look(request.piece_id, tuple(map(float, row))) for request, row in zip(requests, scores, strict=True)
        )
