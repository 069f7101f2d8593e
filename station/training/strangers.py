"""Things that are no class at all, made up: pieces of two materials, wrong colours, invented textures, bare belt.

The network learns from them to say "unknown" (outlier exposure, Hendrycks et al. 2019, arXiv 1812.04606). None of them
is a photograph of what the model is later measured with as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
_SIDE = 160


def stranger(rng: np.random.Generator, metals: Sequence[tuple[str, Picture]]) -> Picture | None:
    """A cut-out (h, w, 4) BGRA of something unknown, None for nothing but belt; ``metals`` are (family, cut-out)."""
    kind = rng.random()
    if kind < 0.08:
        return None
    if kind < 0.62:
        return _two_in_one(rng, metals)
    if kind < 0.8:
        return _wrong_colour(rng, metals)
    return _invention(rng)


def _two_in_one(rng: np.random.Generator, metals: Sequence[tuple[str, Picture]]) -> Picture:
    """A copper-coloured or brass-coloured face, part of it taken from another family or turned into a white metal."""
    red = [one for one in metals if one[0].startswith("copper")]
    outer_family, outer = red[int(rng.integers(len(red)))]
    others = [face for family, face in metals if family != outer_family]
    face = _square(outer)
    other = _square(others[int(rng.integers(len(others)))])
    if rng.random() < 0.6:
        other = _greyed(rng, face if rng.random() < 0.6 else other)
    share = _part(rng)
    if rng.random() < 0.5:
        face, other = _with_alpha(other, face), face
    mixed = face.copy()
    blend = share[..., np.newaxis]
    mixed[..., :3] = np.clip(face[..., :3] * (1 - blend) + other[..., :3] * blend, 0, 255).astype(np.uint8)
    return mixed


def _part(rng: np.random.Generator) -> NDArray[np.float32]:
    """Which part of a face is exchanged: mostly a disc in the middle, else a half or blotches; 0..1, soft edge."""
    grid = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32) / _SIDE - 0.5
    kind = rng.random()
    if kind < 0.6:
        off = rng.normal(0, 0.02, 2)
        inside = np.hypot(grid[0] - off[0], grid[1] - off[1]) < rng.uniform(0.26, 0.42)
    elif kind < 0.8:
        turn = rng.uniform(0, 2 * np.pi)
        inside = grid[0] * np.sin(turn) + grid[1] * np.cos(turn) > rng.normal(0, 0.1)
    else:
        knots = rng.normal(size=(6, 6)).astype(np.float32)
        inside = cv2.resize(knots, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) > 0
    return np.asarray(cv2.GaussianBlur(inside.astype(np.float32), (0, 0), float(rng.uniform(0.5, 2.0))), np.float32)


def _greyed(rng: np.random.Generator, face: Picture) -> Picture:
    """The face as if of a white metal: neutral as steel to warm as cupronickel under a lamp (blue, green, red)."""
    grey = face[..., :3].astype(np.float32).mean(axis=2, keepdims=True)
    warm = float(rng.uniform(0, 1)) * np.array([-0.3, -0.02, 0.08]) + rng.normal(0, 0.025, 3)
    white = grey * float(rng.uniform(0.85, 1.35)) * np.exp(warm)
    kept = float(rng.uniform(0.0, 0.25))
    return _with_alpha(np.clip(white * (1 - kept) + face[..., :3] * kept, 0, 255).astype(np.uint8), face)


def _wrong_colour(rng: np.random.Generator, metals: Sequence[tuple[str, Picture]]) -> Picture:
    """A coin-like face in a hue no metal has, or with light and dark exchanged."""
    coloured = [face for family, face in metals if family.startswith("copper")]
    face = _square(coloured[int(rng.integers(len(coloured)))])
    if rng.random() < 0.3:
        return _with_alpha(255 - face[..., :3], face)
    tones = cv2.cvtColor(face[..., :3], cv2.COLOR_BGR2HSV)
    tones[..., 0] = (tones[..., 0].astype(int) + int(rng.integers(35, 145))) % 180
    tones[..., 1] = np.clip(tones[..., 1] * float(rng.uniform(0.8, 1.6)), 0, 255)
    return _with_alpha(np.asarray(cv2.cvtColor(tones, cv2.COLOR_HSV2BGR), np.uint8), face)


def _invention(rng: np.random.Generator) -> Picture:
    """Stripes, checks, spots or noise in loud colours, in a rounded outline."""
    grid = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(6, 40)
    along = (grid[0] * np.sin(turn) + grid[1] * np.cos(turn)) / pitch
    across = (grid[0] * np.cos(turn) - grid[1] * np.sin(turn)) / pitch
    few = int(rng.integers(3, 40))
    pattern = (
        np.sin(2 * np.pi * along) > 0,
        (np.sin(2 * np.pi * along) > 0) ^ (np.sin(2 * np.pi * across) > 0),
        np.hypot(np.sin(np.pi * along), np.sin(np.pi * across)) < 0.6,
        cv2.resize(rng.random((few, few)), (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST) > 0.5,
    )[int(rng.integers(4))]
    two = rng.integers(0, 256, (2, 3))
    face = np.where(pattern[..., np.newaxis], two[0], two[1]).astype(np.float32)
    face *= np.exp(cv2.resize(rng.normal(0, 0.25, (4, 4)), (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC))[
        ..., np.newaxis
    ]
    knots = rng.normal(0, 0.12, (5, 5)).astype(np.float32)
    radius = np.hypot(grid[0] - _SIDE / 2, grid[1] - _SIDE / 2) / _SIDE
    inside = radius + cv2.resize(knots, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) < rng.uniform(0.3, 0.45)
    return np.dstack([np.clip(face, 0, 255), inside * 255]).astype(np.uint8)


def _square(cutout: Picture) -> Picture:
    return np.asarray(cv2.resize(cutout, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _with_alpha(colours: Picture, shape: Picture) -> Picture:
    return np.dstack([colours[..., :3], shape[..., 3]])
