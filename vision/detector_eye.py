"""The eye of a station whose model is a detector: one pass finds the pieces of a frame and says what each is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vision.detector import Detections
from vision.detectors.candidates import Floats, covered
from vision.geometry import Geometry
from vision.types import Blob, Box, Frame, Look, LookRequest, Outlines, Sighting

_TOUCHING_SHARE = 0.1


class Spotter(Protocol):
    """What the eye needs of a detector."""

    def detect(self, image: NDArray[np.uint8]) -> Detections: ...


class DetectorEye:
    """An ``Eye`` on real pictures; ``show`` puts the next frame into its hand."""

    def __init__(self, detector: Spotter, geometry: Geometry, fill: float) -> None:
        """``fill``: share of its box that a piece covers; boxes have no outline to measure."""
        self._detector = detector
        self._geometry = geometry
        self._fill = fill
        self._image: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self._log_scores: Floats = np.empty((0, 0), np.float32)

    def show(self, frame: Frame) -> None:
        """Take this frame in hand; what was found in the one before is forgotten."""
        self._image = frame.image
        self._log_scores = self._log_scores[:0]

    def find(self) -> tuple[Sighting, ...]:
        """Everything on the belt in the frame in hand."""
        found = self._detector.detect(self._image)
        self._log_scores = found.log_scores
        return tuple(self._geometry.place(self._blob(found.boxes, n)) for n in range(len(found.boxes)))

    def outlines(self) -> Outlines:
        """A detector knows only boxes."""
        return ()

    def look(self, requests: Sequence[LookRequest]) -> tuple[Look, ...]:
        """What the detector said about the requested sightings, in their order; it costs nothing more."""
        return tuple(
            Look(request.piece_id, tuple(map(float, self._log_scores[request.sighting]))) for request in requests
        )

    def _blob(self, boxes: Floats, n: int) -> Blob:
        left, top = (int(edge) for edge in np.floor(boxes[n, :2]))
        right, bottom = (int(edge) for edge in np.ceil(boxes[n, 2:]))
        box = Box(left, top, max(right - left, 1), max(bottom - top, 1))
        x, y = box.x + box.w - 1, box.y + box.h - 1
        contour = np.array([[[box.x, box.y]], [[x, box.y]], [[x, y]], [[box.x, y]]], np.int32)
        others = np.delete(boxes, n, axis=0)
        touching = bool((covered(boxes[n], others) > _TOUCHING_SHARE).any())
        return Blob(box, self._fill * box.w * box.h, contour, touching)
