"""The eye of a running station: finds what lies in the frame in hand and classifies what the sorter asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.crop import crops, square_around
from vision.finder import Finder
from vision.flat_field import FlatField
from vision.geometry import Geometry
from vision.model_card import ModelCard
from vision.outline import simplified
from vision.types import Blob, Frame, Look, LookRequest, Outlines, Sighting

_SEARCHES_PER_LESSON = 8
_FIRST_LESSONS = 48


class Looker(Protocol):
    """What an eye needs of a classifier."""

    @property
    def card(self) -> ModelCard: ...

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Log probabilities (n, labels) of BGR crops (n, size, size, 3)."""


class LiveEye:
    """An ``Eye`` on real pictures; ``show`` puts the next frame into its hand."""

    def __init__(
        self,
        finder: Finder,
        geometry: Geometry,
        classifier: Looker,
        mm_per_px: float,
        flat_field: FlatField | None = None,
    ) -> None:
        self._finder = finder
        self._geometry = geometry
        self._classifier = classifier
        self._mm_per_px = mm_per_px
        self._flat_field = flat_field
        self._image: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._sightings: tuple[Sighting, ...] = ()
        self._blobs: tuple[Blob, ...] = ()
        self._searches = 0

    def show(self, frame: Frame) -> None:
        """Take this frame in hand; what was found in the one before is forgotten."""
        self._image = frame.image
        self._sightings = ()

    def find(self) -> tuple[Sighting, ...]:
        """Everything on the belt in the frame in hand."""
        self._searches += 1
        learns = self._searches <= _FIRST_LESSONS or self._searches % _SEARCHES_PER_LESSON == 0
        blobs = self._finder.follow(self._image) if learns else self._finder.find(self._image)
        self._blobs = tuple(blobs)
        self._sightings = self._geometry.place_all(blobs)
        return self._sightings

    def outlines(self) -> Outlines:
        """Of everything the last search found, in its order."""
        return tuple(simplified(blob.contour) for blob in self._blobs)

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        """Classify the requested sightings, in their order."""
        if not requests:
            return ()
        boxes = tuple(self._sightings[request.sighting].box for request in requests)
        card = self._classifier.card
        cut = crops(self._image, boxes, card.crop, self._mm_per_px)
        if self._flat_field is not None:
            for n, box in enumerate(boxes):
                square = square_around(box, card.crop, self._mm_per_px)
                shown = (square.x, square.x + square.side)
                cut[n] = self._flat_field.corrected(cut[n], *shown, self._image.shape[1])
        scores = self._classifier.classify(cut)
        return tuple(
            Look(request.piece_id, tuple(map(float, row))) for request, row in zip(requests, scores, strict=True)
        )
