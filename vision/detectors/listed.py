"""Outputs of detectors that have thinned out their boxes themselves: corners in pixels, one class and one score each.

End-to-end: (1, k, 6) with left, top, right, bottom, score, class. Four outputs, as the plug-in EfficientNMS and graphs
around ONNX NonMaxSuppression give them: number of boxes (1, 1), boxes (1, k, 4), scores (1, k), classes (1, k).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detectors.candidates import Candidates, Floats, of_winners


def decode_end_to_end(outputs: Sequence[Floats], labels: int) -> Candidates:
    return _listed(outputs[0][0], labels)


def decode_nms(outputs: Sequence[Floats], labels: int) -> Candidates:
    """Rows beyond the stated number are leftovers of the memory they stand in."""
    count, boxes, scores, classes = outputs
    number = max(0, min(int(count.reshape(-1)[0]), len(boxes[0])))
    listed = np.column_stack([boxes[0], scores[0].reshape(-1), classes[0].reshape(-1)])
    return _listed(np.asarray(listed[:number], np.float32), labels)


def _listed(rows: Floats, labels: int) -> Candidates:
    """A class that the card does not have (padding is often -1) is no box."""
    rows = rows[np.isfinite(rows).all(axis=1)]
    rows = rows[(rows[:, 5] >= 0) & (rows[:, 5] < labels)]
    return of_winners(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64), labels)
