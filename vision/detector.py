"""Finds pieces and says what they are in one go: a detector on onnxruntime that proves itself before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.classifier import log_softmax, open_session, prepared
from vision.detectors.candidates import Floats, thinned
from vision.detectors.decode import Shape, candidates, expected_shapes, fits
from vision.detectors.letterbox import letterbox
from vision.detectors.spec import DetectorSpec, Kind
from vision.model_card import ModelCard, model_bytes
from vision.types import ModelRefused


class Detections(NamedTuple):
    """``boxes`` (n, 4): left, top, right, bottom in pixels of the picture; ``log_scores`` (n, labels): calibrated
    natural-log probabilities; ``strength`` (n,): how sure the detector is that there is anything, 0..1."""

    boxes: Floats
    log_scores: Floats
    strength: Floats


class Detector:
    """A network in memory, warm. Not for several threads at once."""

    def __init__(self, card: ModelCard, threads: int = 1) -> None:
        """Load and warm the network; raises ModelRefused when it is not the one the card describes."""
        if card.detector is None:
            raise ModelRefused(f"Model kind check of {card.folder}: expected a detector, found a classifier.")
        self._card = card
        self._spec = card.detector
        self._session = open_session(model_bytes(card), threads)
        self._input = str(self._session.get_inputs()[0].name)
        self._check_input()
        self._check_outputs()

    @property
    def card(self) -> ModelCard:
        """The card this detector was built from."""
        return self._card

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Everything in a BGR picture (h, w, 3), strongest first; boxes of several classes on one piece are one."""
        canvas, placement = letterbox(image, self._spec)
        found = candidates(self._run(canvas), self._spec, len(self._card.labels))
        found = thinned(found, self._spec.piece_iou, by_class=False)
        log_scores = log_softmax(found.logits / self._card.temperature) if len(found.logits) else found.logits
        return Detections(placement.back(found.boxes), log_scores, found.strength)

    def self_test(self) -> None:
        """Check hash, shapes and golden pictures; raises ModelRefused with the first check that fails.

        In a golden picture the strongest box must have the expected probabilities.
        """
        model_bytes(self._card)
        self._check_outputs()
        if not self._card.golden:
            raise self._refusal("golden pictures", "at least one golden picture", "none")
        for golden in self._card.golden:
            found = self.detect(self._golden_picture(golden.file)).log_scores
            if not len(found):
                raise self._refusal(f"golden picture {golden.file}", "a piece in it", "none")
            scores, expected = np.exp(found[0]), np.array(golden.expected, np.float32)
            if float(np.abs(scores - expected).max()) > self._card.golden_tolerance:
                raise self._refusal(f"golden picture {golden.file}", self._said(expected), self._said(scores))

    def _run(self, canvas: NDArray[np.uint8]) -> list[Floats]:
        outputs = self._session.run(None, {self._input: prepared(canvas[np.newaxis], self._card.input)})
        return [np.asarray(output, np.float32) for output in outputs]

    def _check_input(self) -> None:
        size = [self._spec.height_px, self._spec.width_px]
        wanted = [3, *size] if self._card.input.layout == "nchw" else [*size, 3]
        entry, *more = self._session.get_inputs()
        free = [isinstance(found, int) and found != want for found, want in zip(entry.shape[1:], wanted, strict=False)]
        batch = entry.shape[0] if entry.shape else 0
        if more or len(entry.shape) != 4 or any(free) or entry.type != "tensor(float)" or batch in (0, *range(2, 65)):
            found = f"{1 + len(more)} inputs, the first {entry.type} ({_listed(entry.shape)})"
            raise self._refusal("input shape", f"one float tensor (1, {_listed(wanted)})", found)

    def _check_outputs(self) -> None:
        """Run once on an empty picture and compare the shapes that come out with those the card's kind declares."""
        empty = np.full((self._spec.height_px, self._spec.width_px, 3), self._spec.pad, np.uint8)
        labels = len(self._card.labels)
        found = [output.shape for output in self._run(empty)]
        expected = expected_shapes(self._spec, labels)
        if not any(fits(found, shapes) for shapes in expected):
            wanted = f"{self._spec.kind} with {labels} labels: " + " or ".join(map(_shapes, expected))
            likely = [kind for kind in _kinds_that_fit(found, self._spec, labels) if kind is not self._spec.kind]
            hint = f" (that is the shape of kind {' or '.join(likely)})" if likely else ""
            raise self._refusal("output shape", wanted, _shapes(tuple(map(tuple, found))) + hint)

    def _golden_picture(self, file: str) -> NDArray[np.uint8]:
        path = self._card.folder / file
        picture = cv2.imread(str(path)) if path.is_file() else None
        if picture is None:
            raise self._refusal(f"golden picture {file}", "a picture", "none that can be read")
        return np.asarray(picture, np.uint8)

    def _said(self, scores: Floats) -> str:
        best = int(scores.argmax())
        return f"{self._card.labels[best]} {scores[best]:.3f}"

    def _refusal(self, check: str, expected: str, found: str) -> ModelRefused:
        return ModelRefused(
            f"Model {check} check of {self._card.folder}: expected {expected}, found {found}; "
            "correct the card or export the model again."
        )


def _kinds_that_fit(found: list[tuple[int, ...]], spec: DetectorSpec, labels: int) -> list[Kind]:
    fixed = [kind for kind in Kind if kind is not Kind.nanodet]
    return [kind for kind in fixed if any(fits(found, e) for e in expected_shapes(replace(spec, kind=kind), labels))]


def _shapes(shapes: tuple[Shape, ...]) -> str:
    return ", ".join(f"({_listed(['any' if n is None else n for n in shape])})" for shape in shapes)


def _listed(shape: Sequence[object]) -> str:
    return ", ".join(map(str, shape))
