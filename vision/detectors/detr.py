"""Outputs of RT-DETR-like networks: (1, queries, 4) boxes as middle and size in shares of the input, and
(1, queries, classes) logits of independent classes; each query is a thing of its own, so nothing is thinned out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detectors.candidates import Candidates, Floats, corners
from vision.detectors.spec import DetectorSpec


def decode_detr(outputs: Sequence[Floats], spec: DetectorSpec) -> Candidates:
    boxes, logits = outputs[0][0], outputs[1][0]
    size = np.array([spec.width_px, spec.height_px] * 2, np.float32)
    best = logits.max(axis=1)
    strength = 1 / (1 + np.exp(-np.clip(best, -80, 80)))
    return Candidates(
        corners(np.asarray(boxes, np.float32)) * size,
        np.asarray(logits, np.float32),
        np.asarray(strength, np.float32),
        logits.argmax(axis=1),
    )
