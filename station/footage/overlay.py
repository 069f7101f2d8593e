"""What the sorter knew about each picture of a recording, and drawing it over the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from control.types import Ejector, MachineSample, ShotResult
from station.recording.reader import Recording
from station.recording.words import Step
from station.types import Mark, PieceRecord
from vision.types import Box, Sighting

_STRIP_PX = 16
_TEXT = cv2.FONT_HERSHEY_SIMPLEX
_SOFT = (190, 190, 190)
_DARK = (40, 36, 33)
_COLOURS = ((43, 86, 181), (30, 138, 168), (172, 124, 63), (163, 79, 125), (131, 143, 47), (107, 70, 163))
_REST = (127, 122, 118)
_Searched = tuple[int, int, "tuple[Marked, ...] | None"]


class Marked(NamedTuple):
    """One piece in the picture it was found in; ``outline`` is int32 (n, 2), pixels."""

    mark: Mark
    outline: NDArray[np.int32]


class Knowledge(NamedTuple):
    """What the newest search at a picture marked; ``tick`` is the picture's, ``searched_tick`` that of the search."""

    tick: float
    searched_tick: float
    marked: tuple[Marked, ...]


class Shown(NamedTuple):
    """Everything there is to draw: ``by_seq`` per picture, the shots that were fired, and the scale of the picture."""

    by_seq: Mapping[int, Knowledge]
    shots: tuple[PieceRecord, ...]
    ejectors: tuple[Ejector, ...]
    rest: str
    ticks_per_px: float

    @property
    def outlets(self) -> tuple[str, ...]:
        """In the order of their bars along the belt."""
        return tuple(dict.fromkeys(e.outlet for e in sorted(self.ejectors, key=lambda e: e.distance_mm)))


def knowledge_of(recording: Recording, mm_per_px: float) -> Shown:
    """Read a recording once; ``mm_per_px`` is the scale of its pictures."""
    settings = recording.settings()
    stamps: list[int] = []
    ticks: list[int] = []
    frames: list[_Searched] = []
    shots: list[PieceRecord] = []
    for step in recording.steps():
        taken = [sample.taken_ns for sample in step.inputs.machine if isinstance(sample, MachineSample)]
        if taken:
            stamps.append(taken[-1])
            ticks.append(step.outputs.status.tick)
        if step.inputs.frame is not None:
            seen = _marked(step) if step.outputs.looked else None
            frames.append((step.inputs.frame.seq, step.inputs.frame.captured_ns, seen))
        shots.extend(record for record in step.outputs.records if _has_fired(record))
    places = np.interp([captured_ns for _, captured_ns, _ in frames], stamps, ticks) if stamps else [0.0] * len(frames)
    return Shown(
        _carried(frames, [float(place) for place in places]),
        tuple(shots),
        settings.ejectors,
        settings.recipe.rest_outlet,
        settings.ticks_per_mm * mm_per_px,
    )


def _marked(step: Step) -> tuple[Marked, ...]:
    """There is one mark per sighting, in the same order."""
    seen = step.answers.found or ()
    return tuple(Marked(mark, outline_px(sighting)) for mark, sighting in zip(step.outputs.marks, seen, strict=True))


def outline_px(sighting: Sighting) -> NDArray[np.int32]:
    """The sighting's strips laid over its box, int32 (n, 2) pixels, clockwise; the box itself where it has none."""
    box, strips = sighting.box, sighting.outline
    if not strips:
        right, low = box.x + box.w, box.y + box.h
        return np.array([(box.x, box.y), (right, box.y), (right, low), (box.x, low)], np.int32)
    middles = [(strip.left_mm + strip.right_mm) / 2 for strip in strips]
    across = np.array([strips[0].left_mm, *middles, strips[-1].right_mm])
    rear = np.array([strips[0].rear_mm, *(strip.rear_mm for strip in strips), strips[-1].rear_mm])
    front = np.array([strips[0].front_mm, *(strip.front_mm for strip in strips), strips[-1].front_mm])
    x = box.x + (across - across[0]) * (box.w / max(1e-6, across[-1] - across[0]))
    scale = box.h / max(1e-6, front.max() - rear.min())
    upper, lower = box.y + (rear - rear.min()) * scale, box.y + (front - rear.min()) * scale
    there = np.stack((x, upper), axis=1)
    back = np.stack((x, lower), axis=1)[::-1]
    outline: NDArray[np.int32] = np.rint(np.concatenate((there, back))).astype(np.int32)
    return outline


def _carried(frames: Sequence[_Searched], ticks: Sequence[float]) -> dict[int, Knowledge]:
    """Marks of a search hold for the pictures after it: what they mark moves with the belt."""
    found: dict[int, Knowledge] = {}
    marks: tuple[Marked, ...] = ()
    searched = 0.0
    for (seq, _captured_ns, seen), tick in zip(frames, ticks, strict=True):
        if seen is not None:
            marks, searched = seen, tick
        found[seq] = Knowledge(tick, searched, marks)
    return found


def _has_fired(record: PieceRecord) -> bool:
    return record.report is not None and record.report.result is ShotResult.fired and record.ejection is not None


def drawn(image: NDArray[np.uint8], known: Knowledge | None, shown: Shown) -> NDArray[np.uint8]:
    """The picture with outlines, class, confidence and destination, and below it a strip per outlet: lanes that are
    open at this moment are lit, and the piece they are meant for is named."""
    height, width = image.shape[:2]
    strip = _STRIP_PX * len(shown.outlets)
    canvas = np.full((height + strip + strip % 2, width, 3), _DARK, np.uint8)
    canvas[:height] = image
    if known is not None:
        moved_px = round((known.tick - known.searched_tick) / shown.ticks_per_px)
        for marked in known.marked:
            _draw_mark(canvas[:height], marked, moved_px, shown)
        _draw_strips(canvas, height, known.tick, shown)
    return canvas


def colour_of(outlet: str, shown: Shown) -> tuple[int, int, int]:
    """BGR, the colours of the page."""
    outlets = shown.outlets
    return _COLOURS[outlets.index(outlet) % len(_COLOURS)] if outlet in outlets else _REST


def _draw_mark(image: NDArray[np.uint8], marked: Marked, moved_px: int, shown: Shown) -> None:
    mark = marked.mark
    box = Box(mark.box.x, mark.box.y + moved_px, mark.box.w, mark.box.h)
    if box.y >= image.shape[0]:
        return
    colour = colour_of(mark.outlet, shown) if mark.decided else _SOFT
    outline = marked.outline + np.array((0, moved_px), np.int32)
    cv2.polylines(image, [outline], True, colour, 2 if mark.decided else 1, cv2.LINE_AA)
    words = f"{mark.label} {mark.confidence:.2f}"
    _write(image, words, (box.x, max(10, box.y - 4)), colour)
    destination = f"#{mark.piece_id} > {mark.outlet}" if mark.decided else f"#{mark.piece_id}"
    _write(image, destination, (box.x, min(image.shape[0] - 4, box.y + box.h + 12)), colour)


def _draw_strips(canvas: NDArray[np.uint8], top: int, tick: float, shown: Shown) -> None:
    """One strip per outlet: its lanes across the belt."""
    for row, outlet in enumerate(shown.outlets):
        y = top + row * _STRIP_PX
        colour = colour_of(outlet, shown)
        open_now = _open_at(outlet, tick, shown)
        lanes = [e for e in shown.ejectors if e.outlet == outlet]
        left = min(e.left_mm for e in lanes)
        px_per_mm = canvas.shape[1] / max(1.0, max(e.right_mm for e in lanes) - left)
        for lane in lanes:
            lit = any(record.ejection is not None and record.ejection.outputs >> lane.output & 1 for record in open_now)
            x0, x1 = (round((mm - left) * px_per_mm) for mm in (lane.left_mm, lane.right_mm))
            cv2.rectangle(canvas, (x0 + 1, y + 2), (x1 - 1, y + _STRIP_PX - 3), colour, -1 if lit else 1)
        _write(
            canvas, " ".join([outlet, *(f"#{record.piece.id}" for record in open_now)]), (4, y + 12), (235, 235, 235)
        )


def _open_at(outlet: str, tick: float, shown: Shown) -> list[PieceRecord]:
    """Shots into ``outlet`` that are on at this tick, or were within the last 50 pixels of belt, so that a
    picture rate slower than the valves still shows each of them."""
    linger = 50 * shown.ticks_per_px
    return [
        record
        for record in shown.shots
        if record.decision.outlet == outlet
        and record.ejection is not None
        and record.ejection.open_tick <= tick <= record.ejection.close_tick + linger
    ]


def _write(image: NDArray[np.uint8], words: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(image, words, at, _TEXT, 0.4, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, words, at, _TEXT, 0.4, tuple(min(255, part + 60) for part in colour), 1, cv2.LINE_AA)
