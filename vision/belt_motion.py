"""How far the belt moved, read from the pictures alone: for footage that came without an encoder.

Whatever moves with the belt is followed, its texture as well as the pieces on it; what stands still (light, dirt on the
lens, rails) is taken off first. Shifts are found by phase correlation (Kuglin and Hines, 1975), refined on the overlap,
and the same over a longer stretch, so that small errors do not add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.types import FootageError

Grey = NDArray[np.float32]

_ROWS_PX = 512
_STAYED_PX = 3
_FINE_PX = 4
_GHOST = 0.7


class BlindBelt(FootageError):  # noqa: N818 - a fact
    """The belt cannot be followed in the picture; the text says where, how poor it was and what to do instead."""


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """``min_quality`` is the least correlation of two aligned pictures that counts as seen, ``max_blind_s`` the longest
    stretch that may be bridged, ``max_blind`` the largest share of pictures. Pictures are searched at ``rows_px``;
    ``reach`` is the largest shift between two pictures, as a share of the picture; ``stride`` how far the belt moves
    between two long looks. A change of speed by the share ``jump`` within ``heavy_s`` cannot be; ``jumps`` of
    them are too many."""

    min_quality: float = 0.2
    max_blind_s: float = 0.5
    max_blind: float = 0.3
    rows_px: int = _ROWS_PX
    reach: float = 0.45
    stride: float = 0.3
    jump: float = 0.6
    jumps: int = 3
    heavy_s: float = 0.1


class Shift(NamedTuple):
    """From one picture to another: ``down`` and ``right`` in pixels; ``quality`` is the correlation once aligned."""

    down: float
    right: float
    quality: float


class BeltPath(NamedTuple):
    """``travelled_px`` at every picture, from 0 on, growing downwards; ``quality`` is the median correlation (0..1),
    ``blind`` the share of pictures that had to be bridged."""

    travelled_px: tuple[float, ...]
    quality: float
    blind: float


def follow_belt(
    images: Sequence[NDArray[np.uint8]] | Iterable[NDArray[np.uint8]],
    captured_ns: Sequence[int],
    plate: Grey,
    settings: MotionSettings | None = None,
) -> BeltPath:
    """The belt's path through pictures (height, width, 3, BGR) taken at ``captured_ns``; ``plate`` is ``still_part`` of
    some of them. Raises BlindBelt when the belt shows no texture or does not run down the picture."""
    rules = settings or MotionSettings()
    follower = _Follower(plate, rules)
    for image in images:
        follower.see(image)
    shifts = follower.shifts
    seconds = [(after - before) / 1e9 for before, after in pairwise(captured_ns)]
    if len(seconds) != len(shifts) or not shifts:
        raise BlindBelt("Two pictures at least are needed to see the belt move.")
    _check_direction(shifts, rules)
    _check_jumps(shifts, seconds, rules)
    steps, blind = _bridged(shifts, seconds, captured_ns[0], rules)
    scaled = follower.scale_px * np.concatenate([[0.0], np.cumsum(steps)])
    return BeltPath(tuple(map(float, scaled)), float(np.median([s.quality for s in shifts])), blind)


def still_part(images: Iterable[NDArray[np.uint8]], rows_px: int = _ROWS_PX) -> Grey:
    """What does not move: the mean of pictures taken far apart, at the size they are searched at."""
    small = [_small(image, rows_px) for image in images]
    if not small:
        raise BlindBelt("There is no picture to see the belt in.")
    return np.asarray(np.mean(small, axis=0), np.float32)


class _Follower:
    """Picture after picture: the shift from the one before, and now and then from one further back."""

    def __init__(self, plate: Grey, settings: MotionSettings) -> None:
        self._plate = plate
        self._settings = settings
        self._before: Grey | None = None
        self._anchor: Grey | None = None
        self._since_anchor: list[int] = []
        self.shifts: list[Shift] = []
        self.scale_px = 1.0

    def see(self, image: NDArray[np.uint8]) -> None:
        """The next picture."""
        now = self._moving_part(_small(image, self._settings.rows_px))
        self.scale_px = image.shape[0] / now.shape[0]
        if self._before is None or self._anchor is None:
            self._before = self._anchor = now
            return
        shift = shift_between(self._before, now, None)
        self.shifts.append(shift)
        self._before = now
        if shift.quality < self._settings.min_quality:
            self._anchor, self._since_anchor = now, []
            return
        self._since_anchor.append(len(self.shifts) - 1)
        gone = sum(self.shifts[n].down for n in self._since_anchor)
        following = gone + max(0.0, self.shifts[-1].down)
        if following > self._settings.stride * now.shape[0]:
            self._settle(now, gone)

    def _moving_part(self, small: Grey) -> Grey:
        """Without as much of the still part as the picture holds: a dark picture holds none."""
        power = float((self._plate * self._plate).sum())
        share = float((small * self._plate).sum()) / power if power > 0 else 0.0
        return np.asarray(small - np.float32(share) * self._plate, np.float32)

    def _settle(self, now: Grey, gone: float) -> None:
        """One long look back corrects the short ones since."""
        assert self._anchor is not None
        if len(self._since_anchor) > 1:
            far = shift_between(self._anchor, now, gone)
            if far.quality >= self._settings.min_quality and abs(far.down - gone) < 0.1 * abs(gone):
                for n in self._since_anchor:
                    self.shifts[n] = self.shifts[n]._replace(down=self.shifts[n].down * far.down / gone)
        self._anchor, self._since_anchor = now, []


def shift_between(before: Grey, after: Grey, about: float | None) -> Shift:
    """How ``after`` lies against ``before`` (both without their still part); ``about`` is a first guess downwards."""
    down, right = _coarse(before, after) if about is None else (round(about), 0)
    here, there = _overlap(before, after, down, right)
    if min(here.shape) < 16:
        return Shift(down, right, 0.0)
    fine_down, fine_right = _fine(_surface(here, there))
    return Shift(down + fine_down, right + fine_right, _alike(here, there))


def _coarse(before: Grey, after: Grey) -> tuple[int, int]:
    """Whole pixels (down, right). Video compression leaves a ghost of the picture before in its old place: when what
    moved is nearly as well seen as what stayed, it is the belt that moved."""
    surface = _surface(before, after)
    best = _highest(surface)
    if max(map(abs, best)) > _STAYED_PX:
        return best
    rows, columns = (min(_STAYED_PX + 1, side // 2) for side in surface.shape)
    for y in (slice(None, rows), slice(-rows + 1, None)):
        for x in (slice(None, columns), slice(-columns + 1, None)):
            surface[y, x] = -1.0
    moved = _highest(surface)
    stays = _alike(*_overlap(before, after, *best))
    return moved if _alike(*_overlap(before, after, *moved)) > _GHOST * stays else best


def _highest(surface: Grey) -> tuple[int, int]:
    """Place of the highest peak as a signed shift (down, right)."""
    down, right = divmod(int(surface.argmax()), surface.shape[1])
    rows, columns = surface.shape
    return down - rows * (down > rows // 2), right - columns * (right > columns // 2)


def _fine(surface: Grey) -> tuple[float, float]:
    """Shift (down, right) below a pixel or two: the centre of gravity of the peak next to no shift at all."""
    reach = _FINE_PX
    near = np.roll(surface, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    y, x = divmod(int(near.argmax()), near.shape[1])
    rows, columns = (slice(max(0, at - 2), at + 3) for at in (y, x))
    weight = np.maximum(near[rows, columns], 0.0)
    total = float(weight.sum())
    if total <= 0:
        return 0.0, 0.0
    ys, xs = np.mgrid[rows, columns][:, : weight.shape[0], : weight.shape[1]]
    return float((ys * weight).sum()) / total - reach, float((xs * weight).sum()) / total - reach


def _surface(before: Grey, after: Grey) -> Grey:
    """Phase correlation of two pictures of one size: high where a shift makes them alike, (0, 0) first."""
    rows, columns = before.shape
    window = np.outer(np.hanning(rows), np.hanning(columns)).astype(np.float32)
    cross = np.conj(np.fft.rfft2(before * window)) * np.fft.rfft2(after * window)
    cross /= np.abs(cross) + 1e-9
    return np.asarray(np.fft.irfft2(cross, (rows, columns)), np.float32)


def _overlap(before: Grey, after: Grey, down: int, right: int) -> tuple[Grey, Grey]:
    """The parts of both pictures that show the same belt."""
    height, width = before.shape
    rows, columns = max(0, height - abs(down)), max(0, width - abs(right))
    y, x = max(0, -down), max(0, -right)
    here = before[y : y + rows, x : x + columns]
    there = after[max(0, down) : max(0, down) + rows, max(0, right) : max(0, right) + columns]
    return np.ascontiguousarray(here), np.ascontiguousarray(there)


def _alike(here: Grey, there: Grey) -> float:
    """Correlation of two aligned pictures after a slight blur, 0 where one of them shows nothing."""
    if min(here.shape, default=0) < 16:
        return 0.0
    a, b = (cv2.GaussianBlur(part, (0, 0), 1.0) for part in (here, there))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _small(image: NDArray[np.uint8], rows_px: int) -> Grey:
    """Grey, at most ``rows_px`` high, clipped pieces and light flattened by taking off what is broad."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    scale = min(1.0, rows_px / grey.shape[0])
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    flat = np.asarray(grey, np.float32)
    flat = flat - cv2.GaussianBlur(flat, (0, 0), 8.0)
    return np.asarray(np.clip(flat, -12.0, 12.0), np.float32)


def _check_direction(shifts: Sequence[Shift], settings: MotionSettings) -> None:
    """The belt has to run down the picture; says how to turn it when it does not."""
    seen = [s for s in shifts if s.quality >= settings.min_quality]
    if len(seen) < max(1, (1 - settings.max_blind) * len(shifts)):
        quality = float(np.median([s.quality for s in shifts]))
        raise BlindBelt(
            f"The belt cannot be followed in the picture: quality {quality:.2f}, at least "
            f"{settings.min_quality:g} is needed. It shows too little texture, or moves more than "
            f"{settings.reach:.0%} of the picture between two pictures. Give its speed or a tick table instead."
        )
    down, right = (float(np.median([getattr(s, name) for s in seen])) for name in ("down", "right"))
    turn = 180 if abs(down) >= abs(right) and down < -0.5 else 90 if right > 0.5 else 270 if right < -0.5 else 0
    if turn and abs(right) + max(0.0, -down) > abs(down) / 2:
        raise BlindBelt(f"The belt does not run down the picture: turn it, with --rotate {turn}.")


def _check_jumps(shifts: Sequence[Shift], seconds: Sequence[float], settings: MotionSettings) -> None:
    """A belt is heavy: between two pictures it neither stops nor starts. Only a picture can, when its compression keeps
    showing old belt."""
    seen = [(s.down / t, t) for s, t in zip(shifts, seconds, strict=True) if s.quality >= settings.min_quality]
    fast = float(np.quantile([abs(speed) for speed, _ in seen], 0.9))
    jumps = sum(
        abs(speed - before) > settings.jump * fast and t < settings.heavy_s and fast * t > _STAYED_PX
        for (before, _), (speed, t) in pairwise(seen)
    )
    if jumps >= settings.jumps and jumps > 0.02 * len(seen):
        raise BlindBelt(
            f"The belt seems to stop or start {jumps} times from one picture to the next, which no belt does: the "
            "video is compressed so strongly that it goes on showing old belt. Use better footage, or give the speed."
        )


def _bridged(
    shifts: Sequence[Shift], seconds: Sequence[float], first_ns: int, settings: MotionSettings
) -> tuple[NDArray[np.float64], float]:
    """Pixels per step; steps that were not seen take the speed of their neighbours. Raises BlindBelt for long ones."""
    seen = np.array([s.quality >= settings.min_quality for s in shifts])
    ends = np.cumsum(seconds)
    blind_s = 0.0
    for n, (is_seen, lasts) in enumerate(zip(seen, seconds, strict=True)):
        blind_s = 0.0 if is_seen else blind_s + lasts
        if blind_s > settings.max_blind_s:
            raise BlindBelt(
                f"The belt cannot be followed {ends[n] - blind_s:.1f} s to {ends[n]:.1f} s after the start: quality "
                f"{shifts[n].quality:.2f}, at least {settings.min_quality:g} is needed. Cut that part off, or give the "
                "speed or a tick table instead."
            )
    middles = ends - np.array(seconds) / 2
    speeds = np.array([s.down for s in shifts]) / np.array(seconds)
    speeds = np.where(seen, speeds, np.interp(middles, middles[seen], speeds[seen]))
    return speeds * np.array(seconds), float(1 - seen.mean())
