"""Light correction per lane, from a picture of a white board or of the empty belt: lamps are never even.

The correction is made once at set-up and kept in a file that the calibration names. It is a gain per lane and colour;
over a whole picture it would cost more than the finder, so only the crops are multiplied, and the finder scales what
it asks of each lane instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Gains = NDArray[np.float32]

LANES = 64
_LEAST_GAIN, _MOST_GAIN = 0.4, 3.0
_DARK_LEVELS = 6.0
_BRIGHT_LEVELS = 250.0


class FlatFieldRefused(Exception):  # noqa: N818 - refused things are named as facts
    """A light correction that cannot be made or read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class FlatField:
    """Gains (lanes, 3) for blue, green and red of lanes of equal width, from the picture's left edge to its right."""

    gains: tuple[tuple[float, float, float], ...]

    def brightness(self) -> tuple[float, ...]:
        """How bright each lane is, 1 where it needs no correction."""
        return tuple(3 / sum(lane) for lane in self.gains)

    def corrected(self, crop: Picture, left_px: float, right_px: float, width_px: int) -> Picture:
        """A crop (h, w, 3) that shows the columns ``left_px`` to ``right_px`` of a picture ``width_px`` wide, evenly
        lit."""
        wide = crop.shape[1]
        middles = left_px + (np.arange(wide) + 0.5) * (right_px - left_px) / wide
        lanes = (np.arange(len(self.gains)) + 0.5) * width_px / len(self.gains)
        table = np.array(self.gains)
        gains = np.stack([np.interp(middles, lanes, table[:, channel]) for channel in range(3)], axis=1)
        full = np.broadcast_to(gains.astype(np.float32), crop.shape)
        return np.asarray(cv2.multiply(crop, full, dtype=cv2.CV_8U), np.uint8)


def fit_flat_field(pictures: Sequence[Picture]) -> FlatField:
    """The correction from pictures of one size, BGR, of a white board or the empty belt, best of several places.

    Medians over each lane leave a few pieces or stains without effect. Raises FlatFieldRefused where a lane is too dark
    or over-exposed.
    """
    if not pictures:
        raise FlatFieldRefused("A light correction needs at least one picture of the empty belt or a white board.")
    columns = np.median([np.median(picture, axis=0) for picture in pictures], axis=0)
    edges = np.linspace(0, len(columns), LANES + 1).round().astype(int)
    lanes = np.array([columns[first:last].mean(axis=0) for first, last in pairwise(edges)])
    if float(lanes.min()) < _DARK_LEVELS:
        raise FlatFieldRefused(
            "Part of the picture is too dark for a light correction: open the lens or light the belt."
        )
    if float(lanes.max()) > _BRIGHT_LEVELS:
        raise FlatFieldRefused("Part of the picture is over-exposed: shorten the exposure and take it again.")
    smooth = cv2.GaussianBlur(lanes.astype(np.float32), (0, 0), sigmaX=0.1, sigmaY=1.0, borderType=cv2.BORDER_REPLICATE)
    gains = np.clip(np.median(smooth, axis=0) / smooth, _LEAST_GAIN, _MOST_GAIN)
    return FlatField(tuple((round(b, 4), round(g, 4), round(r, 4)) for b, g, r in gains.tolist()))


def save_flat_field(field: FlatField, file: Path) -> None:
    """Write it as JSON; what stood there is replaced as a whole."""
    fresh = file.with_suffix(file.suffix + ".new")
    fresh.write_text(json.dumps({"gains_bgr": field.gains}) + "\n", encoding="utf-8")
    fresh.replace(file)


def load_flat_field(file: Path) -> FlatField:
    """Read what ``save_flat_field`` wrote; raises FlatFieldRefused."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["gains_bgr"]
        gains = tuple((float(b), float(g), float(r)) for b, g, r in rows)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FlatFieldRefused(f"{file} is no light correction ({error}): make it anew.") from error
    if not gains or not all(_LEAST_GAIN <= gain <= _MOST_GAIN for lane in gains for gain in lane):
        raise FlatFieldRefused(f"{file}: gains must lie between {_LEAST_GAIN} and {_MOST_GAIN}: make it anew.")
    return FlatField(gains)
