"""Lays a cut-out on a belt as a camera might see it: any angle, size and light, often only an irregular part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from station.training.grounds import patch

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
OVERSIZE = 2


@dataclass(frozen=True, slots=True)
class Laying:
    """How widely crops differ. ``fill`` is the range of the piece's longer side over the crop's; shares are chances.

    ``irregular`` pieces are cut out of the face of the cut-out, so that nothing is learned from the outline of a coin
    or a can. ``gain`` is the range of light on the piece, ``tint`` the spread of its white balance, ``balance`` the
    camera's, ``colourful`` that of its saturation: narrow, since hue is all that tells copper from brass. ``coarse``
    ones were seen from afar and lost their fine detail. ``belts`` counts the painted and the invented ones to lie on.
    """

    irregular: float = 0.2
    irregular_coins: float = 0.3
    fill: tuple[float, float] = (0.62, 1.0)
    gain: tuple[float, float] = (0.45, 1.1)
    tint: float = 0.02
    balance: float = 0.01
    colourful: float = 0.06
    shadow: tuple[float, float] = (0.0, 0.8)
    coarse: float = 0.2
    noise: tuple[float, float] = (0.0, 5.0)
    jpeg: float = 0.5
    squeezed: float = 0.14
    belts: tuple[int, int] = (24, 40)


def lay(
    rng: np.random.Generator, cutout: Picture, grounds: Sequence[Picture], size_px: int, how: Laying, irregular: bool
) -> Picture:
    """One crop uint8 (size_px, size_px, 3) BGR of a cut-out (h, w, 4) BGRA on one of the belts."""
    side = size_px * OVERSIZE
    part = _irregular(rng, cutout) if irregular else cutout
    piece = _placed(rng, part, side, how)
    ground = patch(rng, grounds, side).astype(np.float32)
    cover = _softened(rng, piece[..., 3])
    ground *= 1 - _shadow(rng, cover, how)[..., np.newaxis]
    ground += cover[..., np.newaxis] * (_lit(rng, piece[..., :3], how) - ground)
    return _camera(rng, ground, size_px, how)


def seen_again(rng: np.random.Generator, crop: Picture, how: Laying) -> Picture:
    """A crop (size, size, 3) as another camera might have taken it: turned, mirrored, other light, blur and noise."""
    turned = np.rot90(crop, int(rng.integers(4)))
    mirrored = np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)
    milder = replace(how, gain=(0.8, 1.2))
    return _camera(rng, _lit(rng, mirrored, milder), crop.shape[0], milder)


def _irregular(rng: np.random.Generator, cutout: Picture) -> Picture:
    """A torn part of the face; the whole cut-out when the part would be next to nothing."""
    height, width = cutout.shape[:2]
    count = int(rng.integers(3, 10))
    turns = np.sort(rng.uniform(0, 2 * np.pi, count))
    reach = rng.uniform(0.18, 0.6, count)
    centre = rng.uniform(0.3, 0.7, 2)
    points = np.stack([centre[0] + reach * np.cos(turns), centre[1] + reach * np.sin(turns)], axis=1)
    outline = np.round(points * (width, height)).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [outline], 255)
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(mask, (0, 0), max(height, width) * float(rng.uniform(0.01, 0.05)))
        mask = np.where(blurred > 127, 255, 0).astype(np.uint8)
    kept = np.minimum(mask, cutout[..., 3])
    rows, columns = np.flatnonzero(kept.max(axis=1)), np.flatnonzero(kept.max(axis=0))
    if (kept > 127).sum() < 0.06 * height * width or min(len(rows), len(columns)) < 8:
        return cutout
    part = cutout.copy()
    part[..., 3] = kept
    return part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _placed(rng: np.random.Generator, piece: Picture, side: int, how: Laying) -> Picture:
    """The piece turned, mirrored, stretched and scaled into a square, its box near the middle."""
    turn = float(rng.uniform(0, 2 * np.pi))
    stretch = np.exp(rng.normal(0, how.squeezed, 2)) * (1 if rng.random() < 0.5 else -1, 1)
    turning = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = np.diag(np.exp(rng.normal(0, how.squeezed / 2, 2))) @ turning @ np.diag(stretch)
    moved = _points(piece) @ matrix.T
    low, high = moved.min(axis=0), moved.max(axis=0)
    scale = side * float(rng.uniform(*how.fill)) / max(float((high - low).max()), 1.0)
    target = side / 2 + rng.normal(0, 0.03, 2) * side
    affine = np.concatenate([matrix * scale, (target - scale * (low + high) / 2)[:, np.newaxis]], axis=1)
    return np.asarray(
        cv2.warpAffine(piece, affine, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8
    )


def _points(piece: Picture, most: int = 800) -> NDArray[np.int64]:
    """Some points (n, 2) of the piece as x, y; the corners of the picture when it is empty."""
    found = np.argwhere(piece[..., 3] > 127)[:, ::-1]
    if not len(found):
        return np.array([[0, 0], piece.shape[1::-1]])
    return np.asarray(found[:: max(1, len(found) // most)], np.int64)


def _softened(rng: np.random.Generator, alpha: NDArray[np.uint8]) -> Plane:
    """The cover 0..1 of the belt, eroded or grown a little as masks are, with a soft edge."""
    width = int(rng.integers(0, 3))
    if width:
        kernel = np.ones((2 * width - 1, 2 * width - 1), np.uint8)
        alpha = np.asarray(cv2.erode(alpha, kernel) if rng.random() < 0.7 else cv2.dilate(alpha, kernel), np.uint8)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.6, 1.8))) / np.float32(255), np.float32)


def _shadow(rng: np.random.Generator, cover: Plane, how: Laying) -> Plane:
    """Share of light the belt beside the piece loses."""
    shift = rng.normal(0, 0.03, 2) * cover.shape[0]
    few = cv2.resize(cover, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    moved = cv2.warpAffine(few, np.array([[1, 0, shift[0] / 4], [0, 1, shift[1] / 4]], np.float64), few.shape[::-1])
    blurred = cv2.GaussianBlur(moved, (0, 0), few.shape[0] * float(rng.uniform(0.01, 0.05)))
    full = cv2.resize(blurred, cover.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full * np.float32(rng.uniform(*how.shadow)), np.float32)


def _lit(rng: np.random.Generator, face: Picture, how: Laying) -> NDArray[np.float32]:
    """The face under another light: gain, white balance, contrast, saturation and a fall-off across it."""
    tint = np.exp(rng.normal(0, how.tint, 3)) * float(rng.uniform(*how.gain))
    tones = np.power(np.arange(256, dtype=np.float32) / 255, float(np.exp(rng.normal(0, 0.12)))) * 255
    colourful = float(np.exp(rng.normal(0, how.colourful)))
    mixing = (np.eye(3) * colourful + (1 - colourful) / 3) * tint[:, np.newaxis]
    lit = cv2.transform(cv2.LUT(face, tones.astype(np.float32)), mixing.astype(np.float32))
    slope = rng.normal(0, 0.12, 2).astype(np.float32)
    ramp = np.linspace(-1, 1, face.shape[0], dtype=np.float32)
    lit *= (1 + slope[0] * ramp[:, np.newaxis] + slope[1] * ramp)[..., np.newaxis]
    return np.asarray(lit, np.float32)


def _camera(rng: np.random.Generator, scene: NDArray[np.float32], size_px: int, how: Laying) -> Picture:
    """Blur, sampling, noise and compression."""
    seen = np.asarray(np.clip(_blurred(rng, scene), 0, 255), np.float32)
    if rng.random() < how.coarse:
        few = round(size_px * float(rng.uniform(0.3, 0.9)))
        seen = np.asarray(cv2.resize(seen, (few, few), interpolation=cv2.INTER_AREA), np.float32)
    sampling = cv2.INTER_AREA if seen.shape[0] > size_px else cv2.INTER_LINEAR
    seen = np.asarray(cv2.resize(seen, (size_px, size_px), interpolation=sampling), np.float32)
    seen += rng.standard_normal(seen.shape, np.float32) * np.float32(rng.uniform(*how.noise))
    seen *= np.exp(rng.normal(0, 0.1) + rng.normal(0, how.balance, 3)).astype(np.float32)
    taken = np.clip(seen, 0, 255).astype(np.uint8)
    return _compressed(taken, int(rng.integers(35, 96))) if rng.random() < how.jpeg else taken


def _blurred(rng: np.random.Generator, scene: NDArray[np.float32]) -> NDArray[np.float32]:
    """Motion along or across, and defocus; neither, one or both."""
    seen = scene
    if rng.random() < 0.4:
        length = int(rng.integers(2, 9))
        size = (1, length) if rng.random() < 0.5 else (length, 1)
        seen = np.asarray(cv2.blur(seen, size), np.float32)
    if rng.random() < 0.4:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.5, 2.5))), np.float32)
    return seen


def _compressed(picture: Picture, quality: int) -> Picture:
    _done, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
