"""Pieces the sorter never saw: pictures of the belt, one after the other, on which a person draws them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from station.footage.overlay import Marked, knowledge_of
from station.recording.codec import decode
from station.recording.layout import EYE, EyeSettings
from station.recording.reader import Recording
from station.whatif.rerun import origin_of
from vision.geometry import Geometry
from vision.labels import Label
from vision.types import Blob, Box

_ADVANCE = 0.6
_KNOWN = (80, 220, 255)


class BeltView(NamedTuple):
    """A kept picture: its file, the count at its capture as labels count, and what the sorter found in it."""

    file: Path
    tick: float
    found: tuple[Marked, ...]


class Belt:
    """The whole belt of a recording in as few pictures as show every place of it."""

    def __init__(self, views: Sequence[BeltView], geometry: Geometry, ticks_per_mm: float) -> None:
        self.views = tuple(views)
        self._geometry = geometry
        self._ticks_per_mm = ticks_per_mm

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of every picture."""
        return self._geometry.width_px, self._geometry.height_px

    def picture(self, number: int) -> bytes:
        """JPEG of view ``number`` with what the sorter found outlined; raises IndexError."""
        view = self.views[number]
        image = cv2.imread(str(view.file), cv2.IMREAD_COLOR)
        if image is None:
            return b""
        cv2.polylines(image, [marked.outline for marked in view.found], True, _KNOWN, 2, cv2.LINE_AA)
        return cv2.imencode(".jpg", image)[1].tobytes()

    def label(self, number: int, box: Box, said: tuple[str, str, str]) -> Label | None:
        """The label of a piece drawn as ``box`` into view ``number``: what it is, who said so, when.

        None when the box is empty or leaves the picture; raises IndexError.
        """
        width, height = self.size_px
        if box.w < 1 or box.h < 1 or min(box.x, box.y) < 0 or box.x + box.w > width or box.y + box.h > height:
            return None
        seen = self._geometry.place(Blob(box, float(box.w * box.h), _contour(box), touching=False))
        at_tick = round(self.views[number].tick - seen.downstream_mm * self._ticks_per_mm)
        return Label(at_tick, seen.across_mm, seen.length_mm, seen.right_mm - seen.left_mm, *said)


def belt_of(recording: Recording, folder: Path) -> Belt | None:
    """The pictures laid into ``folder``; None when the recording has none or does not hold the eye's settings."""
    attachment = recording.attachments.get(EYE)
    if attachment is None:
        return None
    eye, settings, origin = decode(EyeSettings, attachment.content), recording.settings(), origin_of(recording)
    shown = knowledge_of(recording, eye.mm_per_px)
    advance = _ADVANCE * eye.geometry.height_px * shown.ticks_per_px
    views: list[BeltView] = []
    last: float | None = None
    for frame in recording.frames():
        known = shown.by_seq.get(frame.stamp.seq)
        if known is None or known.tick != known.searched_tick or (last is not None and known.tick - last < advance):
            continue
        last = known.tick
        file = folder / f"belt-{len(views)}.{frame.format}"
        file.write_bytes(frame.encoded)
        views.append(BeltView(file, known.tick - origin.tick + origin.raw, known.marked))
    return Belt(views, eye.geometry, settings.ticks_per_mm) if views else None


def _contour(box: Box) -> NDArray[np.int32]:
    right, low = box.x + box.w - 1, box.y + box.h - 1
    return np.array([[(box.x, box.y)], [(right, box.y)], [(right, low)], [(box.x, low)]], np.int32)
