"""Outputs of the NanoDet family: a grid per stride, class probabilities in each cell, and how far each side may be.

The distance from the cell's middle to each side is the mean of a softmax over ``bins`` steps of one stride each
(distribution focal loss: Li et al., Generalized Focal Loss, 2020). Either two outputs per stride, (1, cells, classes)
and (1, cells, 4 * bins), or one for all strides, (1, cells of all strides, classes + 4 * bins).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision.detectors.candidates import Candidates, Floats, of_scores, promising
from vision.detectors.spec import DetectorSpec


def cells(spec: DetectorSpec, stride: int) -> int:
    """How many cells the grid of a stride has."""
    return -(-spec.width_px // stride) * -(-spec.height_px // stride)


def decode_nanodet(outputs: Sequence[Floats], spec: DetectorSpec, labels: int) -> Candidates:
    scores, distances = _joined(outputs, labels)
    rows = promising(scores, spec.min_score)
    scores, distances = scores[rows], distances[rows]
    middles = np.concatenate([_middles(spec, stride) for stride in spec.strides])[rows]
    strides = np.concatenate([np.full(cells(spec, stride), stride, np.float32) for stride in spec.strides])[rows]
    sides = _means(distances.reshape(len(distances), 4, spec.bins)) * strides[:, np.newaxis]
    boxes = np.concatenate([middles - sides[:, :2], middles + sides[:, 2:]], axis=1)
    size = np.array([spec.width_px, spec.height_px] * 2, np.float32)
    return of_scores(np.asarray(np.clip(boxes, 0, size), np.float32), scores)


def _joined(outputs: Sequence[Floats], labels: int) -> tuple[Floats, Floats]:
    """Class probabilities (cells, labels) and distances (cells, 4 * bins) of all strides; outputs per stride come all
    classes first."""
    if len(outputs) == 1:
        return outputs[0][0][:, :labels], outputs[0][0][:, labels:]
    half = len(outputs) // 2
    scores = [output[0] for output in outputs[:half]]
    return np.concatenate(scores), np.concatenate([output[0] for output in outputs[half:]])


def _means(distances: Floats) -> Floats:
    shares = np.exp(distances - distances.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    return np.asarray(shares @ np.arange(distances.shape[2], dtype=np.float32), np.float32)


def _middles(spec: DetectorSpec, stride: int) -> Floats:
    """(cells, 2): x and y in pixels, row by row."""
    columns, rows = -(-spec.width_px // stride), -(-spec.height_px // stride)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return np.asarray((np.stack([x.ravel(), y.ravel()], axis=1) + spec.offset) * stride, np.float32)
