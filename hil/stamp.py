"""From a sprite to a stamp: turned, scaled, lit and blurred once, so that printing it into a picture is cheap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.lens import as_bytes, black_level, blurred, sensor_gain
from hil.look import Look, View

_SOLID = 0.5


class SpriteLike(Protocol):
    """What painting needs of a sprite: ``image`` is uint8 (h, w, 4) BGRA, colours not multiplied by alpha."""

    @property
    def image(self) -> NDArray[np.uint8]: ...
    @property
    def mm_per_px(self) -> float: ...
    @property
    def height_mm(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PlacedSprite:
    """A sprite lying on the belt.

    ``at_mm`` is the belt position at which the middle of the sprite passes the datum line, ``across_mm`` that middle
    from the belt's left edge. The sprite is mirrored first (``flip``), then turned by ``angle_deg``, counterclockwise
    as seen on the picture; ``gain`` scales its brightness.
    """

    sprite: SpriteLike
    at_mm: float
    across_mm: float
    angle_deg: float
    flip: bool
    gain: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """A placed sprite ready to print, with its shadow.

    The belt below is multiplied by ``keep`` / 255, then ``add`` is added; both uint8 (h, w, 3). ``solid`` (h, w) bool
    marks the piece itself. At belt position 0 its first row is picture row ``row``; its first column is ``column``.
    """

    keep: NDArray[np.uint8]
    add: NDArray[np.uint8]
    solid: NDArray[np.bool_]
    row: int
    column: int


def cut_stamp(placed: PlacedSprite, look: Look, view: View) -> Stamp:
    """The stamp of a placed sprite under a look; takes about a millisecond."""
    middle_row, rest_row = _whole(-placed.at_mm / view.mm_per_px - 0.5)
    middle_column, rest_column = _whole(placed.across_mm / view.mm_per_px - 0.5)
    colour, cover = _turned(placed, view, (rest_column, rest_row))
    colour = _glossy(colour * sensor_gain(look) * np.float32(placed.gain))
    shade = _shadow(cover, placed.sprite.height_mm / view.mm_per_px, look.shadow)
    colour, cover, shade = (blurred(plane, look, view) for plane in (colour * cover[..., None], cover, shade))
    keep = (1 - shade) * (1 - cover)
    height, width = cover.shape
    return Stamp(
        keep=np.repeat(as_bytes(keep * 255)[..., None], 3, axis=2),
        add=as_bytes(colour - black_level(look) * (1 - keep)[..., None]),
        solid=cover > _SOLID,
        row=middle_row - height // 2,
        column=middle_column - width // 2,
    )


def _whole(place_px: float) -> tuple[int, float]:
    """A place as a whole pixel and the rest of it, -0.5 .. 0.5."""
    whole = round(place_px)
    return whole, place_px - whole


def _turned(
    placed: PlacedSprite, view: View, shift_px: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (h, w, 3) and cover (h, w) in 0..1, at the view's scale, turned, with room around for the shadow."""
    sprite = placed.sprite
    scale = sprite.mm_per_px / view.mm_per_px
    image = sprite.image[:, ::-1] if placed.flip else sprite.image
    cover = image[..., 3].astype(np.float32) / np.float32(255)
    layers = np.dstack([image[..., :3].astype(np.float32) * cover[..., None], cover]).astype(np.float32)
    if scale < 0.95:
        size = (max(1, round(layers.shape[1] * scale)), max(1, round(layers.shape[0] * scale)))
        layers = np.asarray(cv2.resize(layers, size, interpolation=cv2.INTER_AREA), np.float32)
        scale = 1.0
    room_px = _room_px(sprite.height_mm / view.mm_per_px)
    turned = _warped(layers, placed.angle_deg, scale, room_px, shift_px)
    cover = np.clip(turned[..., 3], np.float32(0), np.float32(1))
    return turned[..., :3] / np.maximum(cover, np.float32(1e-3))[..., None], cover


def _warped(
    layers: NDArray[np.float32], angle_deg: float, scale: float, room_px: int, shift_px: tuple[float, float]
) -> NDArray[np.float32]:
    height, width = layers.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, scale)
    reach = np.abs(turn[:, :2]) @ (width, height)
    size = (int(reach[0]) + 2 * room_px | 1, int(reach[1]) + 2 * room_px | 1)
    turn[:, 2] += ((size[0] - width) / 2 + shift_px[0], (size[1] - height) / 2 + shift_px[1])
    return np.asarray(cv2.warpAffine(layers, turn, size, flags=cv2.INTER_LINEAR), np.float32)


def _room_px(height_px: float) -> int:
    return 5 + min(22, int(0.8 * height_px))


def _glossy(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bright metal blooms a little and saturates, as it does in a real picture."""
    glint = np.clip(colour - 190, 0, 120)
    return np.asarray(colour + 0.5 * glint + 0.5 * cv2.GaussianBlur(glint, (0, 0), 2.5), np.float32)


def _shadow(cover: NDArray[np.float32], height_px: float, strength: float) -> NDArray[np.float32]:
    """Share of light the belt loses beside a piece: a tight contact shadow and two soft ones, one per light bar."""
    contact = cv2.GaussianBlur(cover, (0, 0), 1.6)
    soft = cv2.GaussianBlur(cover, (0, 0), 1.5 + 0.3 * min(height_px, 24))
    shift = round(min(8.0, 0.25 * height_px))
    cast = np.maximum(np.roll(soft, shift, axis=0), 0.7 * np.roll(soft, -shift, axis=0))
    return np.asarray(strength * np.maximum(0.85 * contact, cast), np.float32)
