"""What a technician does at the simulated line with his hands, as buttons of its page: a real line needs none of it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class HandWord(StrEnum):
    lay_board = "lay_board"
    turn_belt = "turn_belt"
    lay_pieces = "lay_pieces"
    dirty_lens = "dirty_lens"
    clean_lens = "clean_lens"
    blur = "blur"
    sharpen = "sharpen"


class Piece(NamedTuple):
    """A test piece of class ``label``, ``downstream_mm`` of the datum line (negative: before the picture)."""

    label: str
    downstream_mm: float
    across_mm: float


class HandGiven(NamedTuple):
    """``mm``: how far the belt is turned, or how far the board's corner lies from the belt's left edge."""

    word: HandWord
    mm: float = 0.0
    square_mm: float = 45.0
    pieces: tuple[Piece, ...] = ()
