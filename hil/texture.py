"""The worn rubber of an endless belt, made from random numbers: grain, streaks, scratches, dust, stains, splice."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import BeltKind, Look, View

Plane = NDArray[np.float32]


class Rubber(NamedTuple):
    """Grey level of a belt kind, its colour cast (blue, green, red), and how strongly each kind of wear shows."""

    grey: float
    cast: tuple[float, float, float]
    grain: float
    streaks: float
    scratches: float
    dust: float
    stains: float


_RUBBERS: dict[BeltKind, Rubber] = {
    "dark": Rubber(40.0, (1.02, 1.0, 0.98), 2.2, 0.10, 1.0, 1.0, 0.16),
    "worn": Rubber(58.0, (0.96, 1.0, 1.03), 3.2, 0.20, 2.2, 2.2, 0.30),
    "light": Rubber(128.0, (0.95, 1.01, 1.0), 2.6, 0.07, 1.2, 0.8, 0.22),
}
_DUST_CAST = (0.86, 0.96, 1.04)


def belt_loop(look: Look, view: View) -> NDArray[np.uint8]:
    """One turn of the belt, uint8 (rows, width_px, 3) BGR at exposure 1, whose last row continues in its first."""
    rubber = _RUBBERS[look.belt]
    rng = np.random.default_rng(look.seed)
    shape = (max(2, round(look.loop_mm / view.mm_per_px)), view.width_px)
    unit = 0.625 / view.mm_per_px
    grey = _rubber(rng, shape, unit, rubber)
    grey *= 1 - rubber.stains * look.dirt * _stains(rng, shape, unit)
    grey += rubber.scratches * look.dirt * _scratches(rng, shape, unit)
    grey += rubber.grey * _splice(rng, shape, unit)
    dust = rubber.dust * look.dirt * _dust(rng, shape, unit)
    loop = np.empty((*shape, 3), np.uint8)
    for channel in range(3):
        tinted = grey * rubber.cast[channel] + dust * _DUST_CAST[channel]
        loop[..., channel] = np.clip(tinted, 0, 255)
    return loop


def waves(rng: np.random.Generator, shape: tuple[int, int], along_px: float, across_px: float) -> Plane:
    """Smooth random waves of about unit height, float32, periodic along the belt (the rows)."""
    rows, columns = shape
    count = max(3, round(rows / along_px))
    knots = rng.normal(size=(count, max(3, round(columns / across_px)) + 1)).astype(np.float32)
    wrapped = np.concatenate([knots[-2:], knots, knots[:2]])
    stretch = rows / count
    wide = cv2.resize(wrapped, (columns, round(stretch * (count + 4))), interpolation=cv2.INTER_CUBIC)
    first = round(2 * stretch)
    return np.asarray(wide[first : first + rows], np.float32)


def _rubber(rng: np.random.Generator, shape: tuple[int, int], unit: float, rubber: Rubber) -> Plane:
    long_wave = 0.05 * waves(rng, shape, 1100 * unit, 500 * unit) + 0.025 * waves(rng, shape, 160 * unit, 120 * unit)
    streaks = waves(rng, shape, 900 * unit, 7 * unit) * 0.35 + waves(rng, shape, 2500 * unit, 60 * unit) * 0.65
    grain = _grain(rng, shape) + 0.8 * waves(rng, shape, 5 * unit, 3 * unit)
    polished = np.exp(-(np.linspace(-1.6, 1.6, shape[1], dtype=np.float32) ** 2))
    shine = 1 + long_wave + rubber.streaks * streaks + 0.16 * (polished - 0.4)
    return np.asarray(rubber.grey * shine + rubber.grain * grain, np.float32)


def _grain(rng: np.random.Generator, shape: tuple[int, int]) -> Plane:
    plate = np.empty(shape, np.int8)
    cv2.setRNGSeed(int(rng.integers(1 << 31)))
    cv2.randn(plate, np.zeros(1), np.full(1, 40.0))
    return plate.astype(np.float32) / np.float32(40)


def _stains(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Plane:
    """Share of darkening, 0..1: oily patches with ragged edges and a few drips."""
    patches = waves(rng, shape, 150 * unit, 110 * unit) + 0.35 * waves(rng, shape, 14 * unit, 12 * unit)
    drips = np.zeros(shape, np.uint8)
    for _ in range(round(shape[0] * shape[1] / (90_000 * unit * unit))):
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        axes = (1 + int(rng.exponential(4 * unit)), 1 + int(rng.exponential(6 * unit)))
        cv2.ellipse(
            drips, centre, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(60, 220)), -1, cv2.LINE_AA
        )
    soft = cv2.GaussianBlur(drips, (0, 0), max(0.4, 1.3 * unit)).astype(np.float32) / 255
    return np.asarray(np.clip((patches - 0.9) * 0.9, 0, 1) + soft, np.float32)


def _scratches(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Plane:
    """Added grey levels: long scores along the travel, short scuffs at any angle, broken up as real ones are."""
    drawn = np.zeros(shape, np.uint8)
    area = shape[0] * shape[1] / (unit * unit)
    for _ in range(round(area / 22_000)):
        _score(rng, drawn, float(rng.normal(0, 0.03)), float(rng.exponential(260 * unit)), int(rng.integers(4, 26)))
    for _ in range(round(area / 16_000)):
        _score(rng, drawn, float(rng.uniform(-1.5, 1.5)), float(rng.exponential(22 * unit)), int(rng.integers(6, 40)))
    broken = np.clip(0.55 + 0.7 * waves(rng, shape, 24 * unit, 9 * unit), 0, 1.4)
    return np.asarray(drawn.astype(np.float32) * broken * min(1.0, unit), np.float32)


def _score(rng: np.random.Generator, canvas: NDArray[np.uint8], slope: float, length: float, grey: int) -> None:
    rows, columns = canvas.shape
    x, y = float(rng.uniform(0, columns)), float(rng.uniform(0, rows))
    steps = np.linspace(0, 1, 7)
    bend = rng.normal(0, 0.012) * length * steps**2
    along = y + length * np.cos(slope) * steps
    line = np.stack([x + length * np.sin(slope) * steps + bend, along], axis=1)
    for turn in (0, -rows):
        points = np.round((line + np.array([0, turn])) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], False, grey, 1, cv2.LINE_AA, 4)


def _dust(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Plane:
    """Added grey levels: fine specks everywhere, more of them in drifts and along the edges of the belt."""
    specks = np.zeros(shape, np.float32)
    count = round(shape[0] * shape[1] / (420 * unit * unit))
    rows, columns = rng.integers(shape[0], size=count), rng.integers(shape[1], size=count)
    specks[rows, columns] = rng.exponential(34 * unit * unit, size=count)
    specks = np.asarray(cv2.GaussianBlur(specks, (0, 0), max(0.45, 0.75 * unit)), np.float32)
    drifts = np.clip(waves(rng, shape, 320 * unit, 140 * unit) - 0.2, 0, 2)
    edge = np.abs(np.linspace(-1, 1, shape[1], dtype=np.float32)) ** 10
    film = 2.4 * drifts * np.clip(0.6 + 0.5 * waves(rng, shape, 9 * unit, 6 * unit), 0, 2)
    return np.asarray(specks * (0.7 + drifts + 1.5 * edge) + film + 9 * edge, np.float32)


def _splice(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Plane:
    """Share of brightness added by the vulcanised joint: a slanted band with a dark and a bright lip."""
    rows, columns = shape
    ragged = waves(rng, (3, columns), 1, 18 * unit)[0] * 1.2 * unit
    lip = rows * 0.5 + 0.27 * (np.arange(columns, dtype=np.float32) - columns / 2) + ragged
    distance = (np.arange(rows, dtype=np.float32)[:, None] - lip[None, :]) / unit
    width = 96.0
    band = 0.07 * ((distance > 0) & (distance < width))
    lips = [
        share * np.exp(-(((distance - place) / spread) ** 2))
        for share, place, spread in ((-0.32, 0.0, 2.2), (0.22, 4.0, 1.8), (-0.24, width, 2.0), (0.12, width + 4, 2.5))
    ]
    return np.asarray(band + sum(lips), np.float32)
