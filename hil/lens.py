"""Light, lens and sensor of the simulated camera: where light falls off, what blurs, how noisy it is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.look import Look, View

NOISE_SPARE_PX = 191


def as_bytes(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Rounded and saturated to uint8."""
    return np.asarray(np.clip(plane + 0.5, 0, 255), np.uint8)


def sensor_gain(look: Look) -> NDArray[np.float32]:
    """Gain of blue, green, red: white balance times exposure."""
    return np.asarray(look.white_balance, np.float32) * np.float32(look.exposure_gain)


def black_level(look: Look) -> int:
    """Grey level of total darkness: what a sensor adds so that its noise is not cut off."""
    return max(2, round(3 * look.noise))


def light_plate(look: Look, view: View) -> NDArray[np.uint8]:
    """Share of light at each pixel, uint8 (h, w, 3), 255 where the lamp is brightest; it stays with the camera."""
    rng = np.random.default_rng(look.seed + 1)
    y, x = np.meshgrid(np.linspace(-1, 1, view.height_px), np.linspace(-1, 1, view.width_px), indexing="ij")
    centre_x, centre_y = rng.normal(0, 0.12, 2)
    radius = ((x - centre_x) ** 2 + (y - centre_y) ** 2) / 2
    bars = 0.25 * (1 - np.abs(y) ** 3) + 0.06 * np.cos(2.2 * np.pi * x + float(rng.uniform(0, 6)))
    share = 1 - look.falloff * radius**0.9 + look.falloff * 0.4 * (bars - 0.2)
    plate = np.clip(share / share.max(), 0, 1) * 255
    return np.repeat(as_bytes(plate.astype(np.float32))[..., None], 3, axis=2)


def noise_plate(look: Look, view: View) -> NDArray[np.uint8]:
    """Sensor noise around the black level, larger than the picture by NOISE_SPARE_PX both ways."""
    plate = np.empty((view.height_px + NOISE_SPARE_PX, view.width_px + NOISE_SPARE_PX, 3), np.uint8)
    cv2.setRNGSeed(look.seed % (1 << 31))
    spread = look.noise * np.array([1.15, 0.85, 1.0])
    cv2.randn(plate, np.full(3, float(black_level(look))), spread)
    return plate


def blurred(plane: NDArray[np.float32], look: Look, view: View) -> NDArray[np.float32]:
    """Lens blur, then motion blur along the belt; float32 (h, w) or (h, w, 3)."""
    soft = cv2.GaussianBlur(plane, (0, 0), max(0.15, look.defocus_mm / view.mm_per_px))
    return np.asarray(cv2.filter2D(soft, -1, _smear(look.motion_blur_mm / view.mm_per_px)[:, None]), np.float32)


def _smear(length_px: float) -> NDArray[np.float32]:
    """Weights of a box ``length_px`` long, centred, with an odd number of taps."""
    reach = int(np.ceil(max(0.0, length_px - 1) / 2))
    edges = np.abs(np.arange(-reach, reach + 1, dtype=np.float32))
    weights = np.clip(max(length_px, 1.0) / 2 - edges + 0.5, 0, 1)
    return np.asarray(weights / weights.sum(), np.float32)
