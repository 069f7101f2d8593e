"""Marks of a picture that was searched, carried on by the belt into one that was not."""

from __future__ import annotations

from station.types import Mark
from vision.types import Outlines

_STILL_MM_S = 5.0


def stands(speed_mm_s: float) -> bool:
    """Slower than what a belt at rest may seem to creep."""
    return abs(speed_mm_s) < _STILL_MM_S


def travelled_mm(speed_mm_s: float, since_ns: int) -> float:
    """How far the belt has come; one that stands has not, however long its last search is ago."""
    return 0.0 if stands(speed_mm_s) else speed_mm_s * since_ns / 1e9


def carried(marks: tuple[Mark, ...], outlines: Outlines, px: float) -> tuple[tuple[Mark, ...], Outlines]:
    """Both ``px`` further down the picture, which is where the belt runs; outlines are x, y, x, y, ..."""
    down = round(px)
    if down == 0:
        return marks, outlines
    moved = tuple(mark._replace(box=mark.box._replace(y=mark.box.y + down)) for mark in marks)
    return moved, tuple(tuple(at + down * (n % 2) for n, at in enumerate(outline)) for outline in outlines)
