"""Pictures of pieces out of a recording that kept its frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from station.recording.reader import Recording
from station.recording.words import KeptFrame, Step
from vision.types import Box

_MARGIN = 0.5


def write_pictures(recording: Recording, pieces: Collection[int], folder: Path) -> Mapping[int, Path]:
    """One picture per piece into ``folder``: the last kept one that shows it, cut out with some belt around it.

    Pieces that no kept picture shows are left out. The folder is made when there is something to write.
    """
    best: dict[int, tuple[KeptFrame, Box]] = {}
    boxes: dict[tuple[int, int], list[tuple[int, Box]]] = {}
    for entry in recording.entries():
        if isinstance(entry, Step) and entry.inputs.frame is not None:
            stamp = entry.inputs.frame
            marks = [(mark.piece_id, mark.box) for mark in entry.outputs.marks if mark.piece_id in pieces]
            if marks:
                boxes[stamp.seq, stamp.captured_ns] = marks
        elif isinstance(entry, KeptFrame):
            marks = boxes.pop((entry.stamp.seq, entry.stamp.captured_ns), [])
            best |= {piece: (entry, box) for piece, box in marks}
    return {piece: _write(folder / f"piece-{piece}.png", *shown) for piece, shown in sorted(best.items())}


def decoded(frame: KeptFrame) -> NDArray[np.uint8] | None:
    """The picture, uint8 (height, width, 3), BGR; None when it is damaged."""
    image = cv2.imdecode(np.frombuffer(frame.encoded, np.uint8), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)


def _write(path: Path, frame: KeptFrame, box: Box) -> Path:
    image = decoded(frame)
    if image is not None:
        more = round(max(box.w, box.h) * _MARGIN)
        top, left = max(0, box.y - more), max(0, box.x - more)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image[top : box.y + box.h + more, left : box.x + box.w + more])
    return path
