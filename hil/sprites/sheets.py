"""Torn, bent, dented and crumpled sheet: the shape most shredder scrap has."""

import cv2
import numpy as np

from hil.sprites.mesh import Field, Floats, Ints, Mesh, thicken
from hil.sprites.noise import fractal, waves


def blank(inside: Field, half_mm: tuple[float, float], pitch_mm: float) -> tuple[Floats, Ints]:
    """Return points (n, 2) and faces (m, 3) of the flat region where the field is negative, its largest piece only."""
    xs = np.arange(-half_mm[0] - pitch_mm, half_mm[0] + 1.01 * pitch_mm, pitch_mm)
    ys = np.arange(-half_mm[1] - pitch_mm, half_mm[1] + 1.01 * pitch_mm, pitch_mm)
    grid = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)
    value = inside(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    kept = value < 0
    cells = kept[:-1, :-1] & kept[1:, :-1] & kept[:-1, 1:] & kept[1:, 1:]
    count, names, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=4)
    if count < 2:
        raise ValueError("the outline of the sheet is empty")
    i, j = np.nonzero(names == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))
    width = grid.shape[1]
    a = i * width + j
    b, c, d = a + width, a + width + 1, a + 1
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    points = _snapped(grid, value, pitch_mm).reshape(-1, 2)
    used, back = np.unique(faces, return_inverse=True)
    return points[used], back.reshape(-1, 3).astype(np.int64)


def _snapped(grid: Floats, value: Floats, pitch_mm: float) -> Floats:
    """Return the grid with the points next to the outline moved onto it, by at most half a cell."""
    slope = np.stack(list(np.gradient(value, pitch_mm)), axis=-1)
    steep = np.maximum((slope**2).sum(axis=-1, keepdims=True), 0.05)
    near = (np.abs(value) < 1.5 * pitch_mm)[..., None]
    step = -value[..., None] * slope / steep
    return np.asarray(grid + near * np.clip(step, -0.45 * pitch_mm, 0.45 * pitch_mm))


def torn_outline(rng: np.random.Generator, length_mm: float, width_mm: float, ragged_mm: float) -> Field:
    """Return a ragged polygon of about the given size, with tears that run in from the edge."""
    corners = int(rng.integers(3, 7))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 2 * np.pi)
    angles += rng.normal(0, 0.3, corners)
    facing = np.column_stack([np.cos(angles), np.sin(angles)])
    reach = np.hypot(facing[:, 0] * length_mm / 2, facing[:, 1] * width_mm / 2) * rng.uniform(0.65, 1.0, len(angles))
    rough, fine = fractal(rng, 20, 3), waves(rng, 5)
    tears = [_tear(rng, length_mm, width_mm) for _ in range(int(rng.integers(0, 3)))]

    def value(points: Floats) -> Floats:
        edge = (points @ facing.T - reach).max(axis=1)
        box = np.maximum(np.abs(points[:, 0]) - length_mm / 2, np.abs(points[:, 1]) - width_mm / 2)
        edge = np.maximum(edge, box) + ragged_mm * rough(points) + 0.22 * ragged_mm * fine(points)
        for tear in tears:
            edge = np.maximum(edge, tear(points))
        return np.asarray(edge)

    return value


def _tear(rng: np.random.Generator, length_mm: float, width_mm: float) -> Field:
    """Return a wedge that opens outward: positive inside it."""
    angle, aside = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.7)
    tip = np.array([np.cos(angle) * length_mm, np.sin(angle) * width_mm]) * rng.uniform(0.12, 0.42)
    inward = np.array([np.cos(angle + aside), np.sin(angle + aside)])
    opening, wobble = rng.choice([rng.uniform(0.05, 0.25), rng.uniform(0.3, 1.2)]), waves(rng, 14)

    def value(points: Floats) -> Floats:
        along = (points - tip) @ inward
        across = (points - tip) @ np.array([-inward[1], inward[0]]) + 0.8 * wobble(points)
        return np.asarray(np.minimum(along, opening * along - np.abs(across)))

    return value


def punched(outline: Field, holes: list[tuple[float, float, float]]) -> Field:
    """Return the outline with round holes (x, y, radius in mm) taken out."""

    def value(points: Floats) -> Floats:
        edge = outline(points)
        for x, y, radius in holes:
            edge = np.maximum(edge, radius - np.hypot(points[:, 0] - x, points[:, 1] - y))
        return edge

    return value


def bend(points: Floats, through: Floats, angle: float, turn: float, radius_mm: float) -> Floats:
    """Return points (n, 3) with all beyond a line rolled up around it.

    The line passes `through` (2,) and its normal lies at `angle` in the plane; `turn` is signed, all in radians.
    """
    normal, sign = np.array([np.cos(angle), np.sin(angle)]), np.sign(turn) or 1.0
    s = (points[:, :2] - through) @ normal
    t = (points[:, :2] - through) @ np.array([-normal[1], normal[0]])
    near = (s > -radius_mm) & (s < radius_mm * (1 + abs(turn)))
    level = float(points[near, 2].mean()) if near.any() else 0.0
    z = (points[:, 2] - level) * sign
    swept = np.clip(s / radius_mm, 0, abs(turn))
    rest = np.maximum(s - radius_mm * abs(turn), 0)
    arm = np.maximum(radius_mm - z, 0.2 * radius_mm)
    new_s = np.where(s > 0, arm * np.sin(swept) + rest * np.cos(swept), s)
    new_z = np.where(s > 0, radius_mm - arm * np.cos(swept) + rest * np.sin(swept), z)
    plane = through + new_s[:, None] * normal + t[:, None] * np.array([-normal[1], normal[0]])
    return np.column_stack([plane, new_z * sign + level])


def crease(rng: np.random.Generator, points: Floats, size_mm: float, amount: float, count: int) -> Floats:
    """Return points lifted along random straight creases; `amount` is the mean slope of the facets."""
    lifted = points.copy()
    for _ in range(count):
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4) * size_mm
        s = points[:, 0] * np.cos(angle) + points[:, 1] * np.sin(angle) - offset
        softness = rng.uniform(0.4, 2.5)
        fold = softness * np.logaddexp(0, np.clip(s / softness, -60, 60))
        lifted[:, 2] += rng.normal(0, amount) * fold
    lifted[:, 2] -= lifted[:, 2].mean()
    return lifted


def dent(rng: np.random.Generator, points: Floats, size_mm: float, depth_mm: float, count: int) -> Floats:
    """Return points pushed in by round tools at random places."""
    pushed = points.copy()
    for _ in range(count):
        centre = rng.uniform(-0.4, 0.4, 2) * size_mm
        width = rng.uniform(0.06, 0.22) * size_mm
        far = ((points[:, :2] - centre) ** 2).sum(axis=1) / width**2
        pushed[:, 2] += rng.normal(0, depth_mm) * np.exp(-far)
    return pushed


def crumple(rng: np.random.Generator, points: Floats, size_mm: float, violence: float) -> Floats:
    """Return a flat blank (n, 2) as points (n, 3): creased, dented, then rolled over one to three lines.

    `violence` runs from 0 (a hand-cut strip) to 1 (out of the hammer mill).
    """
    solid = np.column_stack([points, np.zeros(len(points))])
    solid = crease(rng, solid, size_mm, 0.15 + 0.4 * violence, int(rng.integers(2, int(4 + 7 * violence))))
    solid = dent(rng, solid, size_mm, (0.01 + 0.06 * violence) * size_mm, int(rng.integers(2, 8)))
    solid[:, 2] += violence * rng.uniform(0, 0.3) * fractal(rng, rng.uniform(8, 18), 2)(points)
    balled = 3 if rng.random() < 0.3 * violence else 0
    for _ in range(balled + int(rng.integers(0, 2) + round(2.6 * violence * rng.random()))):
        turn = rng.normal(0, 0.35 + 0.9 * violence + 0.3 * balled)
        through = rng.uniform(-0.25, 0.25, 2) * size_mm
        radius = rng.uniform(0.03, 0.16) * size_mm
        solid = bend(solid, through, rng.uniform(0, 2 * np.pi), float(np.clip(turn, -2.6, 2.6)), max(radius, 1.2))
    return solid


def shred(
    rng: np.random.Generator, length_mm: float, aspect: float, thickness_mm: float, *, violence: float, ragged: float
) -> Mesh:
    """Return one shred of sheet; `aspect` is width over length, `ragged` the depth of the torn edge in mm."""
    width = length_mm * aspect
    outline = torn_outline(rng, length_mm, width, ragged)
    if rng.random() < 0.1:
        at = rng.uniform(-0.25, 0.25, 2) * [length_mm, width]
        outline = punched(outline, [(float(at[0]), float(at[1]), float(rng.uniform(1.5, max(2.0, width / 7))))])
    pitch = float(np.clip(length_mm / 90, 0.45, 0.9))
    points, faces = blank(outline, (length_mm / 2 + 3, width / 2 + 3), pitch)
    solid = crumple(rng, points, length_mm, violence)
    return thicken(solid, faces, points, thickness_mm)
