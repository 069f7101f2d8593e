"""The feeder: which piece of scrap lies where on the belt, drawn at random from the sprites."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hil.stamp import PlacedSprite, SpriteLike

_TRIES = 12
_SAMPLES = 14


class ScrapSprite(SpriteLike, Protocol):
    """What the world needs of a sprite beside its picture."""

    @property
    def label(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def mass_g(self) -> float: ...


@dataclass(frozen=True, slots=True)
class FeederSettings:
    """``pieces_per_s`` at the nominal ``speed_mm_s``: the feeder works per belt length, so it stops with the belt.

    ``mix`` weighs pieces by form or by label; a form or label that is not named weighs 1 in an empty mix, else 0.
    ``touching`` is the share of pieces laid against or partly onto the piece before. ``turn_deg`` limits how far a
    sprite is turned from the attitude in which its light bars lie across the belt. ``seed`` decides everything.
    """

    pieces_per_s: float = 20.0
    speed_mm_s: float = 1500.0
    belt_width_mm: float = 800.0
    margin_mm: float = 45.0
    ahead_mm: float = 250.0
    touching: float = 0.06
    gap_mm: float = 14.0
    turn_deg: float = 40.0
    mix: tuple[tuple[str, float], ...] = ()
    seed: int = 1


@dataclass(frozen=True, slots=True)
class WorldPiece:
    """A piece on the belt with all that is true of it.

    ``outline`` is float32 (n, 2), points spread evenly over the piece: belt position in mm at which each passes the
    datum line, and its place across. ``half_mm`` is half its length along the belt.
    """

    truth_id: int
    label: str
    form: str
    mass_g: float
    placed: PlacedSprite
    outline: NDArray[np.float32]
    half_mm: float


class Feeder:
    """Lays pieces onto the belt ahead of the camera; the same settings and sprites give the same pieces."""

    def __init__(self, settings: FeederSettings, sprites: Sequence[ScrapSprite]) -> None:
        """Raises ValueError when no sprite has any weight."""
        self._settings = settings
        self._sprites = sprites
        self._chances = _chances(settings, sprites)
        self._rng = np.random.default_rng(settings.seed)
        self._next_mm: float | None = None
        self.fed = 0
        self._near: deque[tuple[float, float, float]] = deque(maxlen=40)

    def skip(self, pos_mm: float) -> None:
        """Nothing is laid up to this position: the feeder stood still."""
        self._next_mm = pos_mm

    def feed(self, pos_mm: float) -> tuple[WorldPiece, ...]:
        """The pieces laid onto the belt since it was last asked; the first call says where the belt begins."""
        laid: list[WorldPiece] = []
        if self._next_mm is None:
            self._next_mm = pos_mm
        while self._next_mm <= pos_mm:
            piece = self._lay(self._next_mm + self._settings.ahead_mm)
            if piece is not None:
                laid.append(piece)
            spacing = self._settings.speed_mm_s / self._settings.pieces_per_s
            self._next_mm += spacing * float(self._rng.uniform(0.2, 1.8))
        return tuple(laid)

    def _lay(self, at_mm: float) -> WorldPiece | None:
        """None when the belt is too full there."""
        sprite = self._sprites[int(self._rng.choice(len(self._sprites), p=self._chances))]
        radius = max(sprite.image.shape[:2]) * sprite.mm_per_px / 2
        touching = bool(self._near) and float(self._rng.uniform()) < self._settings.touching
        place = self._beside(radius) if touching else self._alone(at_mm, radius)
        if place is None:
            return None
        self._near.append((*place, radius))
        self.fed += 1
        return lay(self.fed, sprite, self._placed(sprite, place))

    def _alone(self, at_mm: float, radius: float) -> tuple[float, float] | None:
        low = self._settings.margin_mm + min(radius, self._settings.belt_width_mm / 4)
        for n in range(_TRIES):
            across = float(self._rng.uniform(low, self._settings.belt_width_mm - low))
            at = at_mm + n * float(self._rng.uniform(0, 12))
            if all(math.hypot(at - a, across - b) > radius + r + self._settings.gap_mm for a, b, r in self._near):
                return at, across
        return None

    def _beside(self, radius: float) -> tuple[float, float]:
        """Against or partly onto the last piece, never downstream of it."""
        at, across, last_radius = self._near[-1]
        way = float(self._rng.uniform(0, math.pi))
        reach = (radius + last_radius) * float(self._rng.uniform(0.45, 0.85))
        low, high = self._settings.margin_mm, self._settings.belt_width_mm - self._settings.margin_mm
        return at + reach * math.sin(way), min(high, max(low, across + reach * math.cos(way)))

    def _placed(self, sprite: ScrapSprite, place: tuple[float, float]) -> PlacedSprite:
        turn = 90 + 180 * int(self._rng.integers(2)) + float(self._rng.uniform(-1, 1)) * self._settings.turn_deg
        return PlacedSprite(sprite, *place, turn, bool(self._rng.integers(2)), float(self._rng.uniform(0.85, 1.1)))


def lay(truth_id: int, sprite: ScrapSprite, placed: PlacedSprite) -> WorldPiece:
    """A piece with the outline that its sprite has where it was placed."""
    outline = _outline(placed)
    half = float(np.ptp(outline[:, 0])) / 2
    return WorldPiece(truth_id, sprite.label, sprite.form, sprite.mass_g, placed, outline, half)


def _chances(settings: FeederSettings, sprites: Sequence[ScrapSprite]) -> NDArray[np.float64]:
    """Chance of each sprite: the weight of its form or label, shared evenly among the sprites of that name."""
    weights = dict(settings.mix) or {sprite.form: 1.0 for sprite in sprites}
    names = [sprite.form if sprite.form in weights else sprite.label for sprite in sprites]
    chances = np.array([weights.get(name, 0.0) / names.count(name) for name in names])
    if chances.sum() <= 0:
        raise ValueError("The feeder's mix names no form and no label that the sprites have.")
    return np.asarray(chances / chances.sum())


def _outline(placed: PlacedSprite) -> NDArray[np.float32]:
    cover = placed.sprite.image[..., 3] > 127
    cover = cover[:, ::-1] if placed.flip else cover
    step = max(1, max(cover.shape) // _SAMPLES)
    rows, columns = np.nonzero(cover[step // 2 :: step, step // 2 :: step])
    middle = (np.array(cover.shape) - 1) / 2
    y = (rows * step + step // 2 - middle[0]) * placed.sprite.mm_per_px
    x = (columns * step + step // 2 - middle[1]) * placed.sprite.mm_per_px
    cos, sin = math.cos(math.radians(placed.angle_deg)), math.sin(math.radians(placed.angle_deg))
    across = placed.across_mm + cos * x + sin * y
    at = placed.at_mm - (cos * y - sin * x)
    return np.stack([at, across], axis=1).astype(np.float32)
