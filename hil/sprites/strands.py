"""Long round things: wires, tangles, cables, tubes, cells, cans."""

import numpy as np

from hil.sprites.mesh import Floats, Mesh, merge, ring, sweep
from hil.sprites.noise import fractal, waves


def meander(rng: np.random.Generator, length_mm: float, curl: float, points: int) -> Floats:
    """Return a random smooth path (points, 3) of the given length; `curl` is the turning in radians per 100 mm."""
    along = np.linspace(0, length_mm, points)[:, None]
    turn, climb = waves(rng, 45, 6), waves(rng, 60, 6)
    drift = rng.normal(0, 0.5) * curl
    heading = curl * (turn(along) * 0.8 + drift * along[:, 0] / 100)
    rise = 0.25 * climb(along) * min(curl, 1.2)
    step = np.column_stack([np.cos(heading) * np.cos(rise), np.sin(heading) * np.cos(rise), np.sin(rise)])
    path = np.cumsum(step * (length_mm / points), axis=0)
    return np.asarray(path - path.mean(axis=0))


def knot(rng: np.random.Generator, size_mm: float, length_mm: float, points: int) -> Floats:
    """Return a path that loops around inside a flat ball of the given size: a tangle."""
    t = np.linspace(0, 2 * np.pi, points)
    loops = max(2.0, length_mm / (2.4 * size_mm))
    path = np.zeros((points, 3))
    for order in (0.37, 0.7, 1.0, 1.4):
        swing = rng.normal(size=(2, 3)) / order**0.5
        path += np.cos(order * loops * t)[:, None] * swing[0] + np.sin(order * loops * t)[:, None] * swing[1]
    path -= path.mean(axis=0)
    return np.asarray(path * (size_mm / 2 / np.abs(path[:, :2]).max()) * [1, 1, 0.35])


def round_bar(path: Floats, radius_mm: Floats, sides: int = 12) -> Mesh:
    """Return a round bar along a path; radius_mm is one value for each point."""
    return sweep(path, radius_mm[:, None, None] * ring(sides))


def wire(rng: np.random.Generator, size_mm: float, radius_mm: float) -> Mesh:
    """Return one bent wire, or with luck a tangle of a few, about size_mm across."""
    if rng.random() < 0.45:
        paths = [
            knot(rng, size_mm * rng.uniform(0.7, 1), size_mm * rng.uniform(3, 9), 260)
            for _ in range(int(rng.integers(1, 4)))
        ]
    else:
        curl = rng.uniform(0.3, 2.6)
        count = int(rng.integers(1, 3))
        paths = [meander(rng, size_mm * rng.uniform(0.9, 1.5), curl, 140) for _ in range(count)]
    return merge([round_bar(path, np.full(len(path), radius_mm), 8) for path in paths])


def strand(rng: np.random.Generator, path: Floats, radius_mm: float) -> list[Mesh]:
    """Return the fine copper strands that stick out at the end of a cable, following a short path."""
    bars = []
    for _ in range(int(rng.integers(4, 8))):
        angle, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.65) * radius_mm
        away = np.linspace(0.4, rng.uniform(0.6, 2.2), len(path))[:, None]
        offset = np.array([np.cos(angle), np.sin(angle), rng.uniform(-0.7, 0.7)]) * spread
        bars.append(round_bar(path + away * offset, np.full(len(path), max(0.3, radius_mm * 0.22)), 6))
    return bars


def cable(rng: np.random.Generator, size_mm: float, radius_mm: float) -> tuple[list[Mesh], list[Mesh]]:
    """Return insulations and bare copper of one to three lengths of cable."""
    skins, cores = [], []
    tangled = rng.random() < 0.35
    for _ in range(int(rng.integers(1, 4)) if tangled or radius_mm < 2 else 1):
        if tangled:
            path = knot(rng, size_mm, size_mm * rng.uniform(2.5, 5), 320)
        else:
            path = meander(rng, size_mm * rng.uniform(1.0, 1.7), rng.uniform(0.4, 2.4), 200)
        bare = int(len(path) * rng.uniform(0.05, 0.12))
        skins.append(round_bar(path[bare:-bare], np.full(len(path) - 2 * bare, radius_mm), 14))
        for end in (path[: bare + 2], path[-bare - 2 :][::-1]):
            cores += strand(rng, end[::-1], radius_mm)
    return skins, cores


def squashed(profile: Floats, flat: Floats, perimeter: float) -> Floats:
    """Return round profiles (k, s, 2) pressed to `flat` (k,) of their height, the perimeter kept."""
    wide = np.minimum(np.sqrt(np.maximum(2 - flat**2, 0.2)), 0.5 * perimeter)
    return np.stack([profile[..., 0] * wide[:, None], profile[..., 1] * flat[:, None]], axis=-1)


def tube(rng: np.random.Generator, length_mm: float, radius_mm: float, wall_mm: float) -> Mesh:
    """Return a cut, bent and perhaps crushed length of tube."""
    count, sides = max(50, int(length_mm / 0.8)), max(24, int(radius_mm * 2 * np.pi / 0.8))
    path = meander(rng, length_mm, rng.uniform(0.0, 1.3), count)
    along = np.linspace(0, 1, count)
    crush = np.ones(count)
    for _ in range(int(rng.integers(0, 3))):
        centre, width = rng.choice([0.0, 1.0, rng.random()]), rng.uniform(0.12, 0.5)
        crush *= 1 - rng.uniform(0.3, 0.85) * np.exp(-(((along - centre) / width) ** 2))
    unit = np.broadcast_to(ring(sides), (count, sides, 2))
    outer, inner = unit * radius_mm, unit * (radius_mm - wall_mm)
    flat = np.maximum(crush, 2.4 * wall_mm / radius_mm)
    bruise = fractal(rng, radius_mm * 1.5, 2)
    mesh = sweep(path, squashed(outer, flat, 3.2), squashed(inner, np.maximum(flat - 0.1, 0.1), 3.2))
    lumps = bruise(mesh.vertices)[:, None] * rng.uniform(0.05, 0.35)
    return mesh.moved(_slanted(rng, mesh.vertices + lumps * mesh.vertices / radius_mm * [0, 0.4, 0.4], length_mm))


def _slanted(rng: np.random.Generator, points: Floats, length_mm: float) -> Floats:
    """Return points sheared near both ends, as a saw or a shear cuts."""
    moved = points.copy()
    ends = np.abs(points[:, 0]) / (length_mm / 2)
    moved[:, 0] += rng.normal(0, 0.5) * np.clip(ends - 0.5, 0, 0.5) * 2 * (points[:, 1] + 0.6 * points[:, 2])
    return moved


def hollow(rng: np.random.Generator, length_mm: float, width_mm: float, height_mm: float, wall_mm: float) -> Mesh:
    """Return a length of rectangular hollow profile, a little twisted."""
    count, each = max(40, int(length_mm / 1.0)), 16
    side = np.linspace(-1, 1, each, endpoint=False)
    square = np.concatenate(
        [
            np.column_stack([np.ones(each), side]),
            np.column_stack([-side, np.ones(each)]),
            np.column_stack([-np.ones(each), -side]),
            np.column_stack([side, -np.ones(each)]),
        ]
    )
    half = np.array([width_mm, height_mm]) / 2
    path = meander(rng, length_mm, rng.uniform(0, 0.5), count)
    dent = 1 - 0.35 * rng.random() * np.exp(-(((np.linspace(0, 1, count) - rng.random()) / 0.2) ** 2))
    outer = np.broadcast_to(square * half, (count, 4 * each, 2)) * dent[:, None, None]
    inner = np.broadcast_to(square * (half - wall_mm), (count, 4 * each, 2)) * dent[:, None, None]
    mesh = sweep(path, outer, inner)
    return mesh.moved(_slanted(rng, mesh.vertices, length_mm))


def lathe(outline: Floats, sides: int) -> Mesh:
    """Return the solid of revolution around x of an outline (k, 2) of places and radii in mm."""
    path = np.column_stack([outline[:, 0], np.zeros((len(outline), 2))])
    straight = np.column_stack([np.linspace(outline[0, 0], outline[-1, 0], len(outline)), path[:, 1:]])
    mesh = sweep(straight, outline[:, 1][:, None, None] * ring(sides))
    moved = mesh.vertices.copy()
    moved[:, 0] = np.concatenate(
        [
            np.repeat(outline[:, 0], sides),
            np.full(sides, outline[0, 0]),
            np.full(sides, outline[-1, 0]),
            outline[[0, -1], 0],
        ]
    )
    return mesh.moved(moved)


def can(rng: np.random.Generator, flatten: float) -> Mesh:
    """Return a crushed drinks can (66 mm wide, 115 mm tall, then squeezed); `flatten` is its height when done, 0..1."""
    neck = np.array(
        [
            [-57, 12],
            [-54.5, 24],
            [-57.5, 25],
            [-55, 27],
            [-46, 33],
            [44, 33],
            [53, 27.5],
            [57.5, 26.5],
            [57.5, 25.5],
            [53, 25],
            [53, 6],
        ],
        dtype=float,
    )
    steps = np.linalg.norm(np.diff(neck, axis=0), axis=1)
    where = np.concatenate([[0], np.cumsum(steps)])
    fine = np.arange(0, where[-1], 0.9)
    outline = np.column_stack([np.interp(fine, where, neck[:, 0]), np.interp(fine, where, neck[:, 1])])
    mesh = lathe(outline, 220)
    points = mesh.vertices.copy()
    fold, dents = fractal(rng, 34, 2), fractal(rng, 55, 2)
    short = rng.uniform(0.45, 0.95)
    mid = np.exp(-((points[:, 0] / 45) ** 4))
    shrink = 1 - 0.12 * (1 - short) / 0.55 * mid * np.abs(np.sin(points[:, 0] / rng.uniform(5, 9) + dents(points)))
    points[:, 1:] *= shrink[:, None]
    points[:, 2] *= flatten * (1 + 0.25 * dents(points * [1, 1, 0]))
    points[:, 2] += 0.8 * np.abs(fold(points * [1, 1, 0.2])) + 2.0 * dents(points)
    points[:, 1] *= 1 + 0.35 * (1 - flatten)
    points[:, 0] = points[:, 0] * short + 0.06 * points[:, 1] * rng.normal() + 2.0 * dents(points * [0, 1, 1])
    angle = np.arctan2(mesh.vertices[:, 2], mesh.vertices[:, 1])
    bare = (np.abs(mesh.vertices[:, 0]) > 46) | (np.hypot(mesh.vertices[:, 1], mesh.vertices[:, 2]) < 24)
    chart = np.column_stack([mesh.vertices[:, 0], angle * 33, np.where(bare, -1.0, 1.0)])
    return Mesh(points * 0.82, mesh.faces, chart)
