"""What a technician does at the simulated line with his hands, as buttons of its page: a real line needs none of it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from control.types import Ejector

_RUN_UP_MM = 1500.0
_APART_MM = 260.0
_ACROSS_MM = (200.0, 400.0, 600.0)
_TEST_SIZE_MM = 40.0


class HandWord(StrEnum):
    lay_board = "lay_board"
    turn_belt = "turn_belt"
    lay_pieces = "lay_pieces"
    dirty_lens = "dirty_lens"
    clean_lens = "clean_lens"
    blur = "blur"
    sharpen = "sharpen"
    set_speed = "set_speed"


class Piece(NamedTuple):
    """A test piece of class ``label``, ``downstream_mm`` of the datum line (negative: before the picture)."""

    label: str
    downstream_mm: float
    across_mm: float
    size_mm: float | None = None


class HandGiven(NamedTuple):
    """``mm``: how far the belt is turned, how far the board's corner lies from the belt's left edge, the share of
    the drive's speed."""

    word: HandWord
    mm: float = 0.0
    square_mm: float = 45.0
    pieces: tuple[Piece, ...] = ()


def laid(label: str, pieces: int, lane: Ejector | None) -> tuple[Piece, ...]:
    """Test pieces one after the other before the picture, far enough that the belt runs evenly when they come: in the
    middle of a lane and of a size that fits it, or spread over the belt as they come."""
    places = [-_RUN_UP_MM - n * _APART_MM for n in range(pieces)]
    if lane is not None:
        return tuple(Piece(label, place, (lane.left_mm + lane.right_mm) / 2, _TEST_SIZE_MM) for place in places)
    return tuple(Piece(label, place, _ACROSS_MM[n % len(_ACROSS_MM)]) for n, place in enumerate(places))
