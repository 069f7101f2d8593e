"""The pieces that a change sends elsewhere, as one picture: each cut out, with its fate then and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from station.footage.piece_pictures import piece_pictures
from station.recording.reader import Recording
from station.types import PieceRecord
from station.whatif.score import fate
from station.whatif.trial import Moved

_TILE_PX = 150
_WORDS_PX = 66
_COLUMNS = 6
_MOST = 120
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER = 245
Picture = NDArray[np.uint8]


def write_sheet(recording: Recording, moved: Sequence[Moved], out: Path) -> int:
    """Write a PNG of the first 120 that the recorded pictures show; how many there are. Nothing is written for none."""
    shown = [one for one in moved if one.then is not None][:_MOST]
    with TemporaryDirectory(prefix="station-") as folder:
        records = [one.then for one in shown if one.then is not None]
        files = piece_pictures(recording, records, Path(folder))
        tiles = [tile for one in shown if (tile := _tile(one, files)) is not None]
    if not tiles:
        return 0
    rows = -(-len(tiles) // _COLUMNS)
    sheet = np.full((rows * (_TILE_PX + _WORDS_PX), _COLUMNS * _TILE_PX, 3), _PAPER, np.uint8)
    for n, tile in enumerate(tiles):
        row, column = divmod(n, _COLUMNS)
        y, x = row * (_TILE_PX + _WORDS_PX), column * _TILE_PX
        sheet[y : y + _TILE_PX + _WORDS_PX, x : x + _TILE_PX] = tile
    cv2.imwrite(str(out), sheet)
    return len(tiles)


def _tile(moved: Moved, files: Mapping[int, Path]) -> Picture | None:
    """One piece with four short lines below it; None when no kept picture shows it."""
    then = moved.then
    file = None if then is None else files.get(then.piece.id)
    image = None if file is None else cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None or then is None:
        return None
    tile = np.full((_TILE_PX + _WORDS_PX, _TILE_PX, 3), _PAPER, np.uint8)
    tile[2 : _TILE_PX - 2, 2 : _TILE_PX - 2] = _fitted(np.asarray(image, np.uint8), _TILE_PX - 4)
    known = "" if moved.name is None else f" is {moved.name}"
    lines = (f"#{then.piece.id}{known}", f"then {_end(then)}", f"now  {_end(moved.now)}")
    for n, line in enumerate(lines):
        cv2.putText(tile, line, (4, _TILE_PX + 14 + 19 * n), _FONT, 0.38, (30, 30, 30), 1, cv2.LINE_AA)
    return tile


def _end(record: PieceRecord | None) -> str:
    return "no piece" if record is None else f"{fate(record)} {record.decision.label} {record.decision.confidence:.2f}"


def _fitted(image: Picture, side: int) -> Picture:
    """The whole picture in a square, belt grey around it."""
    scale = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.full((side, side, 3), 60, np.uint8)
    y, x = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[y : y + small.shape[0], x : x + small.shape[1]] = small
    return square
