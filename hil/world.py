"""The simulated line itself: pieces ride the belt, air hits them, and each falls into one outlet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from control.types import Ejector, EjectorKind
from hil.feeder import Feeder, FeederSettings, ScrapSprite, WorldPiece, lay
from hil.stamp import PlacedSprite
from hil.types import LaidPiece, Landed, ValveEvent

_ALIKE = 3


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """``ejectors`` as they are set up; what is true of them differs a little.

    Each lane's true delay is off by a fixed amount of standard deviation ``delay_spread_ms``. A jet reaches
    ``blast_mm`` along the belt and ``spill_mm`` beyond its lane on either side. A piece flies when at least ``enough``
    of its area was hit by jets of one bar, give or take ``luck``. ``beyond_mm`` after the last ejector it has landed.
    """

    feeder: FeederSettings
    ejectors: tuple[Ejector, ...]
    rest_outlet: str = "rest"
    delay_spread_ms: float = 0.4
    blast_mm: float = 14.0
    spill_mm: float = 2.0
    enough: float = 0.6
    luck: float = 0.08
    beyond_mm: float = 250.0


class _Blast(NamedTuple):
    """Air (or an open flap) in belt positions: ``until_mm`` is None while it is still on."""

    output: int
    since_mm: float
    until_mm: float | None


class World:
    """Stepped by belt position and told of every valve event; it alone knows what each piece is."""

    def __init__(self, settings: WorldSettings, sprites: Sequence[ScrapSprite]) -> None:
        self._settings = settings
        self._feeder = Feeder(settings.feeder, sprites)
        self._luck = np.random.default_rng(settings.feeder.seed + 2)
        spread = np.random.default_rng(settings.feeder.seed + 3)
        self._ejectors = sorted(settings.ejectors, key=lambda ejector: ejector.distance_mm)
        self._delays_s = {
            e.output: max(0.0, e.delay_ms + float(spread.normal(0, settings.delay_spread_ms))) / 1e3
            for e in self._ejectors
        }
        self._blasts: list[_Blast] = []
        self._by_hand = 0
        self._pieces: list[WorldPiece] = []
        self._sprites = sprites
        self.air_ok = True
        self.is_fed = True
        self.dead: set[int] = set()

    @property
    def fed(self) -> int:
        """Pieces laid onto the belt so far."""
        return self._feeder.fed

    @property
    def pieces(self) -> Sequence[WorldPiece]:
        """Pieces that have not landed, in the order they were laid; later ones lie on top."""
        return self._pieces

    def feed(self, pos_mm: float) -> tuple[WorldPiece, ...]:
        """Lay what the feeder has delivered by the time the belt has run to ``pos_mm``; the new pieces."""
        if not self.is_fed:
            self._feeder.skip(pos_mm)
            return ()
        new = self._feeder.feed(pos_mm)
        self._pieces.extend(new)
        return new

    def clear(self) -> None:
        """The feeder stands, and everything is taken off the belt."""
        self.is_fed = False
        self._pieces = []

    def lay(self, one: LaidPiece, pos_mm: float) -> WorldPiece | None:
        """A piece by hand, with the belt at ``pos_mm``; None when there is none of that class."""
        fitting = [sprite for sprite in self._sprites if sprite.label == one.label]
        if not fitting:
            return None
        if one.size_mm is not None:
            wanted = one.size_mm
            fitting = sorted(fitting, key=lambda sprite: abs(_size_mm(sprite) - wanted))[:_ALIKE]
        self._by_hand += 1
        sprite = fitting[self._by_hand % len(fitting)]
        placed = PlacedSprite(sprite, pos_mm - one.downstream_mm, one.across_mm, 90.0, flip=False, gain=1.0)
        piece = lay(-self._by_hand, sprite, placed)
        self._pieces.append(piece)
        return piece

    def switch(self, event: ValveEvent) -> None:
        """An output was switched; without air a valve or pusher does nothing."""
        delay_s = self._delays_s.get(event.output)
        if delay_s is None:
            return
        mm = event.pos_mm + event.speed_mm_s * delay_s
        if event.on and self.air_ok and event.output not in self.dead:
            self._blasts.append(_Blast(event.output, mm, None))
        elif not event.on:
            self._blasts = [
                blast._replace(until_mm=max(mm, blast.since_mm))
                if blast.output == event.output and blast.until_mm is None
                else blast
                for blast in self._blasts
            ]

    def land(self, pos_mm: float) -> tuple[Landed, ...]:
        """The pieces that have fallen into an outlet by the time the belt has run to ``pos_mm``."""
        last_mm = self._ejectors[-1].distance_mm if self._ejectors else 0.0
        gone_mm = pos_mm - last_mm - self._settings.beyond_mm
        gone = [piece for piece in self._pieces if piece.placed.at_mm + piece.half_mm < gone_mm]
        self._pieces = [piece for piece in self._pieces if piece.placed.at_mm + piece.half_mm >= gone_mm]
        landed = tuple(_landed(piece, self._outlet(piece)) for piece in gone)
        oldest_mm = min((piece.placed.at_mm - piece.half_mm for piece in self._pieces), default=gone_mm)
        self._blasts = [b for b in self._blasts if b.until_mm is None or b.until_mm > oldest_mm]
        return landed

    def _outlet(self, piece: WorldPiece) -> str:
        """The first ejector downstream that takes it, else the rest."""
        enough = self._settings.enough + float(self._luck.uniform(-1, 1)) * self._settings.luck
        for outlet, bar in _bars(self._ejectors).items():
            if self._share_hit(piece, bar) >= enough:
                return outlet
        return self._settings.rest_outlet

    def _share_hit(self, piece: WorldPiece, bar: Sequence[Ejector]) -> float:
        """Share of the piece that air hit; a flap asks only for the piece's middle."""
        hit = np.zeros(len(piece.outline), bool)
        for ejector in bar:
            for blast in self._blasts:
                if blast.output == ejector.output:
                    hit |= self._under(piece, ejector, blast)
        return float(hit.mean())

    def _under(self, piece: WorldPiece, ejector: Ejector, blast: _Blast) -> np.typing.NDArray[np.bool_]:
        is_flap = ejector.kind is EjectorKind.flap
        reach = 0.0 if is_flap else self._settings.blast_mm / 2
        spill = 0.0 if is_flap else self._settings.spill_mm
        at, across = piece.outline[:, 0], piece.outline[:, 1]
        if is_flap:
            at = np.full_like(at, piece.placed.at_mm)
        passes = at + ejector.distance_mm
        until_mm = np.inf if blast.until_mm is None else blast.until_mm
        in_time = (passes >= blast.since_mm - reach) & (passes <= until_mm + reach)
        return in_time & (across >= ejector.left_mm - spill) & (across <= ejector.right_mm + spill)


def _size_mm(sprite: ScrapSprite) -> float:
    rows, columns = np.nonzero(sprite.image[..., 3] > 127)
    return float(max(np.ptp(rows), np.ptp(columns))) * sprite.mm_per_px


def _bars(ejectors: Sequence[Ejector]) -> dict[str, list[Ejector]]:
    bars: dict[str, list[Ejector]] = {}
    for ejector in ejectors:
        bars.setdefault(ejector.outlet, []).append(ejector)
    return bars


def _landed(piece: WorldPiece, outlet: str) -> Landed:
    placed = piece.placed
    return Landed(piece.truth_id, piece.label, piece.form, outlet, piece.mass_g, placed.at_mm, placed.across_mm)
