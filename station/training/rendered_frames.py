"""Frames of the simulated belts with every piece outlined, in the form of frames that people outlined."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import BeltKind, Look
from hil.picture import Painter
from hil.sprites.atlas import Sprite
from hil.stamp import PlacedSprite
from station.training.dataset import Scene, pieces_in_view
from station.training.evaluate import Progress
from station.training.frames import POLYGONS

_BELTS: tuple[BeltKind, ...] = get_args(BeltKind)
_SAME_KIND = 2
_BARE = 24
_STRIDE_MM = 733.0
_LEAST_PX = 150
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def write_frames(
    folder: Path, held_out: Sequence[Sprite], *, pieces: int, seed: int, on_progress: Progress | None = None
) -> None:
    """Paint held-out pieces on two belts of each kind until about ``pieces`` are outlined, a sub-folder for each.

    Pieces lie as they fall, some against each other; the first frames of a belt are bare. What a piece covers is
    not part of the outline of the one below. ``folder`` must not hold them yet.
    """
    belts = [(belt, number) for belt in _BELTS for number in range(_SAME_KIND)]
    made = 0
    for place, (belt, number) in enumerate(belts):
        rng = np.random.default_rng((seed, place))
        painter = Painter(Look(seed=int(rng.integers(1 << 31)), belt=belt), Scene().view)
        until = pieces * (place + 1) / len(belts)
        into = folder / f"{belt}-{number + 1}"
        into.mkdir(parents=True)
        polygons: dict[str, list[dict[str, list[int]]]] = {}
        while made < until or len(polygons) <= _BARE:
            belt_mm = _STRIDE_MM * len(polygons)
            placed = pieces_in_view(rng, held_out, Scene(), belt_mm) if len(polygons) >= _BARE else []
            picture, outlines = _painted(painter, placed, belt_mm)
            name = f"{belt}_{len(polygons):03d}.png"
            cv2.imwrite(str(into / name), picture, _FAST_PNG)
            polygons[name] = [{"x": one[:, 0].tolist(), "y": one[:, 1].tolist()} for one in outlines]
            made += len(outlines)
            if on_progress is not None:
                on_progress(min(made, pieces), pieces)
        (into / POLYGONS).write_text(json.dumps(polygons), encoding="utf-8")


def _painted(
    painter: Painter, placed: Sequence[PlacedSprite], belt_mm: float
) -> tuple[NDArray[np.uint8], list[NDArray[np.int32]]]:
    """The picture at a belt position, and the outline (n, 2) of what shows of each piece, where it is enough to see."""
    stamps = [painter.stamp(one) for one in placed]
    picture = np.empty(painter.view.shape, np.uint8)
    painter.paint(picture, belt_mm, stamps)
    seen, owners = painter.truth(belt_mm, stamps)
    outlines = []
    for one in seen:
        mine = (owners == one.number + 1).astype(np.uint8)
        contours, _ = cv2.findContours(mine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        largest = max(contours, key=cv2.contourArea, default=None)
        if largest is not None and cv2.contourArea(largest) >= _LEAST_PX:
            outlines.append(np.asarray(largest.reshape(-1, 2), np.int32))
    return picture, outlines
