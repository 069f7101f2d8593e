"""How the simulated belt, its light and its camera look: the knobs a scene is painted with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

BeltKind = Literal["dark", "light", "worn"]


@dataclass(frozen=True, slots=True)
class View:
    """What the camera covers: ``width_px`` across the belt, ``height_px`` along it, row 0 on the datum line."""

    width_px: int = 1280
    height_px: int = 1024
    mm_per_px: float = 0.625

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of its pictures: (height, width, 3)."""
        return (self.height_px, self.width_px, 3)


@dataclass(frozen=True, slots=True)
class Look:
    """One belt under one lamp before one camera; the same look paints the same belt.

    ``white_balance`` are gains of blue, green, red; ``falloff`` is the share of light lost in the far corners;
    ``noise`` the standard deviation of the sensor noise in grey levels; ``motion_blur_mm`` belt speed times exposure;
    ``defocus_mm`` the standard deviation of the lens blur on the belt; ``shadow`` the share of light a piece takes
    from the belt beside it; ``dirt`` scales dust, stains and scratches; ``loop_mm`` is the length of the endless belt.
    """

    seed: int = 1
    belt: BeltKind = "dark"
    exposure_gain: float = 1.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    falloff: float = 0.25
    noise: float = 2.2
    motion_blur_mm: float = 0.6
    defocus_mm: float = 0.35
    shadow: float = 0.55
    dirt: float = 1.0
    loop_mm: float = 3000.0


def vary(rng: np.random.Generator, loop_mm: float = 1500.0) -> Look:
    """A look drawn at random for training: every knob moves as far as plants differ."""
    kinds: tuple[BeltKind, ...] = ("dark", "worn", "light")
    warm = float(rng.normal(0.0, 0.05))
    green = float(rng.normal(1.0, 0.02))
    return Look(
        seed=int(rng.integers(1 << 31)),
        belt=kinds[int(rng.choice(3, p=(0.5, 0.35, 0.15)))],
        exposure_gain=float(rng.uniform(0.7, 1.35)),
        white_balance=(1.0 - warm, green, 1.0 + warm),
        falloff=float(rng.uniform(0.05, 0.45)),
        noise=float(rng.uniform(1.0, 5.0)),
        motion_blur_mm=float(rng.uniform(0.0, 2.0)),
        defocus_mm=float(rng.uniform(0.15, 0.8)),
        shadow=float(rng.uniform(0.2, 0.75)),
        dirt=float(rng.uniform(0.3, 2.0)),
        loop_mm=loop_mm,
    )
