"""Belts to lay cut-outs on: our own painted ones under many lights and rougher inventions, never a photographed one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import View, vary
from hil.texture import belt_loop

Picture = NDArray[np.uint8]
_VIEW = View(width_px=960)
_ROWS_MM = 300.0


def make_grounds(rng: np.random.Generator, painted: int = 16, invented: int = 24) -> list[Picture]:
    """Belts without pieces, uint8 (about 480, 960, 3) BGR each."""
    belts = []
    for _ in range(painted):
        look = vary(rng, _ROWS_MM)
        gains = np.array(look.white_balance) * look.exposure_gain
        belts.append(np.clip(belt_loop(look, _VIEW) * gains, 0, 255).astype(np.uint8))
    return belts + [_invented(rng) for _ in range(invented)]


def patch(rng: np.random.Generator, grounds: Sequence[Picture], side: int) -> Picture:
    """A square of ``side`` px out of one of the belts, at any place, size, quarter turn and brightness."""
    belt = grounds[int(rng.integers(len(grounds)))]
    have = min(round(side * float(rng.uniform(0.6, 1.8))), *belt.shape[:2])
    y, x = (int(rng.integers(extent - have + 1)) for extent in belt.shape[:2])
    part = cv2.resize(belt[y : y + have, x : x + have], (side, side), interpolation=cv2.INTER_AREA)
    lit = cv2.convertScaleAbs(part, alpha=float(np.exp(rng.normal(0, 0.2))))
    return np.ascontiguousarray(np.rot90(np.asarray(lit, np.uint8), int(rng.integers(4))))


def _invented(rng: np.random.Generator, rows: int = 480, columns: int = 960) -> Picture:
    """Blotches, stripes along the travel, specks and scratches over a base that is dark more often than light."""
    base = float(rng.choice((rng.uniform(12, 60), rng.uniform(40, 110), rng.uniform(90, 200)), p=(0.6, 0.3, 0.1)))
    grey = np.full((rows, columns), base, np.float32)
    for grain_px in (4, 20, 90):
        grey += _cloud(rng, rows, columns, grain_px, grain_px) * base * float(rng.uniform(0.02, 0.16))
    grey += _cloud(rng, rows, columns, 400, int(rng.integers(8, 90))) * base * float(rng.uniform(0, 0.35))
    specks = (rng.random((rows, columns)) < rng.uniform(0, 0.003)).astype(np.float32)
    grey += cv2.GaussianBlur(specks, (0, 0), float(rng.uniform(0.6, 2))) * float(rng.uniform(50, 900))
    tint = np.exp(rng.normal(0, 0.08, 3))
    coloured = grey[..., np.newaxis] * tint
    stain = np.clip(_cloud(rng, rows, columns, 120, 25), 0, 1)[..., np.newaxis] * float(rng.uniform(0, 0.6))
    coloured = coloured * (1 - stain) + stain * rng.uniform(0.4, 2.0) * base * np.exp(rng.normal(0, 0.15, 3))
    for _ in range(int(rng.poisson(4))):
        ends = rng.integers(0, columns, 4)
        colour = tuple(float(each) for each in base * rng.uniform(0.3, 2.5) * tint)
        cv2.line(coloured, (int(ends[0]), int(ends[1]) % rows), (int(ends[2]), int(ends[3]) % rows), colour, 1)
    return np.asarray(np.clip(coloured, 0, 255), np.uint8)


def _cloud(rng: np.random.Generator, rows: int, columns: int, along_px: int, across_px: int) -> NDArray[np.float32]:
    """Smooth random waves of about unit height."""
    knots = rng.normal(size=(rows // along_px + 3, columns // across_px + 3)).astype(np.float32)
    return np.asarray(cv2.resize(knots, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)
