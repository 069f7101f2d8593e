"""An eye whose looks are told to the station with the crops they were taken at, as far as it keeps up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vision.crop import CropSpec, crop
from vision.process import LiveEye
from vision.types import Frame, Look, LookRequest, Outlines, Port, Sighting

_MOST_BYTES = 250_000


class Taken(NamedTuple):
    """One look: what the model said, and what it was shown: uint8 (size, size, 3) BGR."""

    piece_id: int
    log_scores: tuple[float, ...]
    crop: NDArray[np.uint8]


class CandidateCrop(NamedTuple):
    """The same piece as a candidate wants its crops, where that is another way: uint8 (size, size, 3) BGR."""

    piece_id: int
    crop: NDArray[np.uint8]


class WatchedEye:
    """Sees through another eye and answers as it does. What the reader has no room for is not sent, nor is a crop of
    more than 288 px."""

    def __init__(self, eye: LiveEye, specs: tuple[CropSpec, CropSpec | None], mm_per_px: float, reader: Port) -> None:
        """``specs``: how the model wants its crops, and how a candidate does if that is another way."""
        self._eye = eye
        self._spec, self._candidate_spec = specs
        self._mm_per_px = mm_per_px
        self._reader: Port | None = reader
        self._image: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._sightings: tuple[Sighting, ...] = ()

    def show(self, frame: Frame) -> None:
        """Take this frame in hand."""
        self._image = frame.image
        self._eye.show(frame)

    def find(self) -> tuple[Sighting, ...]:
        """What the other eye finds."""
        self._sightings = self._eye.find()
        return self._sightings

    def outlines(self) -> Outlines:
        """As the other eye draws them."""
        return self._eye.outlines()

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        """What the other eye says; then the crops are sent."""
        looks = self._eye.look(requests)
        shown = {request.piece_id: request.sighting for request in requests}
        for look in looks:
            self._tell(look, self._sightings[shown[look.piece_id]])
        return looks

    def _tell(self, look: Look, sighting: Sighting) -> None:
        taken = crop(self._image, sighting.box, self._spec, self._mm_per_px)
        self._send(Taken(look.piece_id, look.log_scores, taken))
        if self._candidate_spec is not None:
            wanted = crop(self._image, sighting.box, self._candidate_spec, self._mm_per_px)
            self._send(CandidateCrop(look.piece_id, wanted))

    def _send(self, message: Taken | CandidateCrop) -> None:
        """A message has to fit into the link."""
        if self._reader is None or message.crop.nbytes > _MOST_BYTES:
            return
        try:
            self._reader.send(message)
        except ConnectionError:
            self._reader = None
