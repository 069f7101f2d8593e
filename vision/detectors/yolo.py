"""Outputs of the YOLO family: a list of boxes as middle and size in pixels, with one probability per class.

YOLOv5-shaped: (1, boxes, 5 + classes), the fifth number says that there is anything at all. YOLOv8/11-shaped:
(1, 4 + classes, boxes), boxes last and no fifth number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detectors.candidates import Candidates, Floats, corners, of_scores, promising


def decode_yolov5(outputs: Sequence[Floats], min_score: float) -> Candidates:
    """A class's score is its probability times that of anything being there."""
    rows = outputs[0][0]
    rows = rows[rows[:, 4] >= min_score]
    return _listed(rows[:, :4], np.asarray(rows[:, 5:] * rows[:, 4:5], np.float32), min_score)


def decode_yolov8(outputs: Sequence[Floats], min_score: float) -> Candidates:
    rows = outputs[0][0].T
    return _listed(rows[:, :4], rows[:, 4:], min_score)


def _listed(middles: Floats, scores: Floats, min_score: float) -> Candidates:
    rows = promising(scores, min_score)
    return of_scores(corners(middles[rows]), scores[rows])
