"""Is the picture worth looking at? Frozen, black and over-exposed pictures, told from a few thousand pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sample = NDArray[np.float32]
Brightness = NDArray[np.uint8]

_NEARLY_ALL = 0.98
_FROZEN = "camera-frozen"
_BLACK = "picture-black"
_OVEREXPOSED = "picture-overexposed"


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """``frames``: so many bad pictures in a row make a condition. ``step_px``: every how many pixels to look.

    ``frozen_likeness``: correlation of the fine texture of two pictures (0..1) above which they are the same picture.
    Grey levels: below ``black_level`` nearly everything is black, from ``burnt_level`` on a pixel is burnt out.
    ``dim_share`` and ``bright_share``: middle brightness over its usual value, below and above which light has failed
    or exposure is wrong; ``follow``: share by which one good picture moves the usual value.
    """

    frames: int = 5
    step_px: int = 16
    frozen_likeness: float = 0.6
    black_level: float = 18.0
    dim_share: float = 0.3
    bright_share: float = 2.0
    burnt_level: int = 250
    burnt_share: float = 0.25
    follow: float = 0.01


class PictureHealth:
    """Fed with every frame; a condition is there from the fifth bad picture in a row until the first good one."""

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._before: Sample | None = None
        self._usual: float | None = None
        self._bad = {_FROZEN: 0, _BLACK: 0, _OVEREXPOSED: 0}

    def see(self, image: NDArray[np.uint8], belt_moved: bool) -> tuple[tuple[str, str], ...]:
        """Conditions (code, detail) now; ``belt_moved``: by a few millimetres since the picture before."""
        step = self._settings.step_px
        sample = np.ascontiguousarray(image[::step, ::step])
        bright, green = sample.max(axis=2), sample[..., 1].astype(np.float32)
        middle = float(np.median(bright))
        details = {
            _FROZEN: self._frozen(green) if belt_moved else None,
            _BLACK: self._black(bright, middle),
            _OVEREXPOSED: self._overexposed(bright, middle),
        }
        if belt_moved or self._before is None:
            self._before = green
        self._follow(middle, good=details[_BLACK] is None and details[_OVEREXPOSED] is None)
        return tuple(self._counted(details, belt_moved))

    def _counted(self, details: dict[str, str | None], belt_moved: bool) -> list[tuple[str, str]]:
        found = []
        for code, detail in details.items():
            if code == _FROZEN and not belt_moved:
                continue
            self._bad[code] = self._bad[code] + 1 if detail is not None else 0
            if detail is not None and self._bad[code] >= self._settings.frames:
                found.append((code, detail))
        return found

    def _frozen(self, green: Sample) -> str | None:
        """The texture of a moving belt never repeats, whatever the encoder of the pictures does to it."""
        if self._before is None or self._before.shape != green.shape:
            return None
        likeness = _likeness(self._before, green)
        if likeness < self._settings.frozen_likeness:
            return None
        return f"the belt moved but the picture did not (likeness {likeness:.2f})"

    def _black(self, bright: Brightness, middle: float) -> str | None:
        settings = self._settings
        if float((bright < settings.black_level).mean()) > _NEARLY_ALL:
            return f"nearly every pixel is below {settings.black_level:.0f} of 255"
        if self._usual is not None and middle < settings.dim_share * self._usual:
            return f"brightness is {middle:.0f}, usually {self._usual:.0f}"
        return None

    def _overexposed(self, bright: Brightness, middle: float) -> str | None:
        settings = self._settings
        burnt = float((bright >= settings.burnt_level).mean())
        if burnt > settings.burnt_share:
            return f"{burnt:.0%} of the picture is burnt out"
        if self._usual is not None and middle > settings.bright_share * self._usual:
            return f"brightness is {middle:.0f}, usually {self._usual:.0f}"
        return None

    def _follow(self, middle: float, good: bool) -> None:
        if not good:
            return
        usual = middle if self._usual is None else self._usual
        self._usual = usual + self._settings.follow * (middle - usual)


def _likeness(before: Sample, now: Sample) -> float:
    """Median over columns of the correlation of row-to-row differences: light, streaks and belt sides drop out."""
    first, second = np.diff(before, axis=0), np.diff(now, axis=0)
    spread = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    return float(np.median((first * second).sum(axis=0) / np.maximum(spread, 1e-6)))
