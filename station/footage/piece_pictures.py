"""Pictures of pieces for people: each from the kept frame that shows it best, outlined, with some belt around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2

from station.recording.codec import decode
from station.recording.layout import EYE, EyeSettings
from station.recording.pictures import decoded
from station.recording.reader import Recording
from station.recording.words import KeptFrame
from station.types import PieceRecord
from vision.types import Box

_AROUND = 0.6
_LEAST_AROUND_PX = 24
_OUTLINE = (80, 220, 255)


class _View(NamedTuple):
    """How badly a picture shows a piece: ``error`` is 0 for a box of just its size; and where it lies in it."""

    error: float
    box: Box


def piece_pictures(recording: Recording, records: Collection[PieceRecord], folder: Path) -> Mapping[int, Path]:
    """Picture files by piece number, PNG, in ``folder``; pieces that no kept frame shows are left out."""
    wanted = {record.piece.id: record for record in records}
    scale = _mm_per_px(recording)
    views = _views(recording, wanted, scale)
    best: dict[int, tuple[_View, KeptFrame]] = {}
    for frame in recording.frames():
        for piece_id, view in views.get((frame.stamp.seq, frame.stamp.captured_ns), ()):
            if piece_id not in best or view.error < best[piece_id][0].error:
                best[piece_id] = (view, frame)
    found = {piece_id: _cut(folder / f"{piece_id}.png", view.box, frame) for piece_id, (view, frame) in best.items()}
    return {piece_id: path for piece_id, path in found.items() if path is not None}


def _views(
    recording: Recording, wanted: Mapping[int, PieceRecord], scale: float | None
) -> dict[tuple[int, int], list[tuple[int, _View]]]:
    """Which pieces each searched frame shows."""
    found: dict[tuple[int, int], list[tuple[int, _View]]] = {}
    for step in recording.steps():
        if step.inputs.frame is None:
            continue
        rows = [
            (mark.piece_id, _View(_error(wanted[mark.piece_id], mark.box, scale), mark.box))
            for mark in step.outputs.marks
            if mark.piece_id in wanted
        ]
        if rows:
            found[step.inputs.frame.seq, step.inputs.frame.captured_ns] = rows
    return found


def _error(record: PieceRecord, box: Box, scale: float | None) -> float:
    """How far the box is from the size of the piece, in millimetres; without a scale smaller boxes are better."""
    piece = record.piece
    if scale is None:
        return float(box.w * box.h)
    return abs(box.h * scale - piece.length_mm) + abs(box.w * scale - (piece.right_mm - piece.left_mm))


def _mm_per_px(recording: Recording) -> float | None:
    attachment = recording.attachments.get(EYE)
    return None if attachment is None else decode(EyeSettings, attachment.content).mm_per_px


def _cut(path: Path, box: Box, frame: KeptFrame) -> Path | None:
    image = decoded(frame)
    if image is None:
        return None
    cv2.rectangle(image, (box.x - 3, box.y - 3), (box.x + box.w + 2, box.y + box.h + 2), _OUTLINE, 1)
    around = max(_LEAST_AROUND_PX, round(max(box.w, box.h) * _AROUND))
    top, left = max(0, box.y - around), max(0, box.x - around)
    cv2.imwrite(str(path), image[top : box.y + box.h + around, left : box.x + box.w + around])
    return path
