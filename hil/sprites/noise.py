"""Seeded smooth random fields, for dents, torn edges, dirt and rust."""

import numpy as np

from hil.sprites.mesh import Field, Floats


def waves(rng: np.random.Generator, wavelength_mm: float, count: int = 14) -> Field:
    """Return a smooth field over points (n, d <= 3) in mm, with mean 0 and deviation about 1."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    numbers = direction * (2 * np.pi / wavelength_mm * rng.uniform(0.6, 1.6, (count, 1)))
    phase = rng.uniform(0, 2 * np.pi, count)

    def value(points: Floats) -> Floats:
        return np.asarray(np.cos(points @ numbers[:, : points.shape[1]].T + phase).sum(axis=1) * np.sqrt(2 / count))

    return value


def fractal(rng: np.random.Generator, wavelength_mm: float, octaves: int = 3, gain: float = 0.55) -> Field:
    """Return a sum of waves, each octave half as long and `gain` times as strong; deviation about 1."""
    layers = [waves(rng, wavelength_mm / 2**k) for k in range(octaves)]
    weights = np.array([gain**k for k in range(octaves)])
    weights /= np.linalg.norm(weights)

    def value(points: Floats) -> Floats:
        return np.asarray(sum(w * layer(points) for w, layer in zip(weights, layers, strict=True)))

    return value


def step(value: Floats, low: float, high: float) -> Floats:
    """Return 0 below low, 1 above high, and a smooth climb between."""
    t = np.clip((value - low) / max(high - low, 1e-9), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def patches(value: Floats, share: float, softness: float) -> Floats:
    """Return a mask 0..1 that covers about `share` of the points of a field, with a soft or crisp border."""
    if share <= 0:
        return np.zeros_like(value)
    edge = float(np.quantile(value, 1 - min(share, 1.0)))
    spread = float(value.std()) * softness
    return step(value, edge - spread, edge + spread)
