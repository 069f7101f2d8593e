"""What the camera over the simulated belt sees: the belt, the pieces on it, their shadows, the lamp and the sensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.lens import NOISE_SPARE_PX, as_bytes, black_level, blurred, light_plate, noise_plate, sensor_gain
from hil.look import Look, View
from hil.stamp import PlacedSprite, Stamp, cut_stamp
from hil.texture import belt_loop
from vision.types import Box

_WRAP_PX = 32


class Seen(NamedTuple):
    """Truth about one stamp in one picture.

    ``number`` is its place in the painted sequence, ``box`` bounds its pixels inside the picture (covered ones too),
    ``visible`` is the share of all its pixels that are in the picture and uncovered, ``whole``: no edge cuts it.
    """

    number: int
    box: Box
    visible: float
    whole: bool


class _Window(NamedTuple):
    """Where a stamp meets the picture: slices of the picture, and of the stamp."""

    rows: slice
    columns: slice
    stamp_rows: slice
    stamp_columns: slice


class Painter:
    """Paints pictures of one ``look`` through one ``view``; the noise goes on from call to call."""

    def __init__(self, look: Look, view: View) -> None:
        self.look = look
        self.view = view
        self._belt, self._turn = _exposed_belt(look, view)
        self._light = light_plate(look, view)
        self._noise = noise_plate(look, view)
        self._rng = np.random.default_rng(look.seed)

    def stamp(self, placed: PlacedSprite) -> Stamp:
        """Turn, scale, light and blur a sprite once; takes about a millisecond, printing it is cheap."""
        return cut_stamp(placed, self.look, self.view)

    def paint(self, into: NDArray[np.uint8], belt_mm: float, stamps: Sequence[Stamp]) -> None:
        """Paint the picture at belt position ``belt_mm`` into uint8 (h, w, 3) BGR; later stamps lie on top."""
        scroll = round(belt_mm / self.view.mm_per_px)
        first = -scroll % self._turn
        np.copyto(into, self._belt[first : first + self.view.height_px])
        for stamp in stamps:
            _print(into, stamp, stamp.row + scroll)
        cv2.multiply(into, self._light, into, 1 / 255)
        x, y = self._rng.integers(NOISE_SPARE_PX, size=2)
        cv2.add(into, self._noise[y : y + self.view.height_px, x : x + self.view.width_px], into)

    def darkness(self, into: NDArray[np.uint8]) -> None:
        """What a covered lens shows: nothing but the sensor's noise."""
        np.copyto(into, self._noise[: self.view.height_px, : self.view.width_px])

    def truth(self, belt_mm: float, stamps: Sequence[Stamp]) -> tuple[tuple[Seen, ...], NDArray[np.int32]]:
        """The pieces in view at ``belt_mm``, and who is on top: int32 (h, w) of number + 1, 0 for bare belt."""
        owners = np.zeros(self.view.shape[:2], np.int32)
        scroll = round(belt_mm / self.view.mm_per_px)
        for number, stamp in enumerate(stamps):
            window = _window(stamp, stamp.row + scroll, self.view.shape)
            if window is not None:
                part = stamp.solid[window.stamp_rows, window.stamp_columns]
                owners[window.rows, window.columns][part] = number + 1
        shares = np.bincount(owners.ravel(), minlength=len(stamps) + 1)
        found = (_seen(n, stamp, scroll, self.view, int(shares[n + 1])) for n, stamp in enumerate(stamps))
        return tuple(seen for seen in found if seen is not None), owners


def _exposed_belt(look: Look, view: View) -> tuple[NDArray[np.uint8], int]:
    """The belt loop as the sensor sees it, its start repeated at its end, and the rows of one turn."""
    loop = belt_loop(look, view)
    turn = loop.shape[0]
    rows = np.arange(-_WRAP_PX, turn + _WRAP_PX) % turn
    soft = blurred(loop[rows].astype(np.float32), look, view)[_WRAP_PX:-_WRAP_PX]
    seen = as_bytes(soft * sensor_gain(look) - black_level(look))
    return seen[np.arange(turn + view.height_px) % turn], turn


def _print(picture: NDArray[np.uint8], stamp: Stamp, row: int) -> None:
    window = _window(stamp, row, picture.shape)
    if window is None:
        return
    below = picture[window.rows, window.columns]
    cv2.multiply(below, stamp.keep[window.stamp_rows, window.stamp_columns], below, 1 / 255)
    cv2.add(below, stamp.add[window.stamp_rows, window.stamp_columns], below)


def _window(stamp: Stamp, row: int, shape: tuple[int, ...]) -> _Window | None:
    """None when the stamp is out of the picture."""
    height, width = stamp.solid.shape
    top, bottom = max(0, row), min(shape[0], row + height)
    left, right = max(0, stamp.column), min(shape[1], stamp.column + width)
    if top >= bottom or left >= right:
        return None
    inner_rows, inner_columns = slice(top - row, bottom - row), slice(left - stamp.column, right - stamp.column)
    return _Window(slice(top, bottom), slice(left, right), inner_rows, inner_columns)


def _seen(number: int, stamp: Stamp, scroll: int, view: View, shown_px: int) -> Seen | None:
    row = stamp.row + scroll
    window = _window(stamp, row, view.shape)
    if window is None:
        return None
    part = stamp.solid[window.stamp_rows, window.stamp_columns]
    total, inside = int(stamp.solid.sum()), int(part.sum())
    if inside == 0:
        return None
    x, y, w, h = cv2.boundingRect(part.astype(np.uint8))
    return Seen(number, Box(window.columns.start + x, window.rows.start + y, w, h), shown_px / total, inside == total)
