"""Chunky bodies from signed distances: castings, fittings, stones, splinters."""

import numpy as np

from hil.sprites.mesh import Field, Floats, Mesh
from hil.sprites.nets import skin_of
from hil.sprites.noise import fractal, waves


def box(centre: Floats, half_mm: Floats, corner_mm: float = 0.6) -> Field:
    """Return the signed distance of a box with rounded corners."""

    def value(points: Floats) -> Floats:
        beyond = np.abs(points - centre) - (half_mm - corner_mm)
        outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
        return np.asarray(outside + np.minimum(beyond.max(axis=1), 0) - corner_mm)

    return value


def rod(centre: Floats, axis: Floats, radius_mm: float, half_mm: float) -> Field:
    """Return the signed distance of a round bar of length 2 half_mm along a unit axis."""

    def value(points: Floats) -> Floats:
        along = (points - centre) @ axis
        away = np.linalg.norm(points - centre - along[:, None] * axis, axis=1)
        return np.asarray(np.maximum(away - radius_mm, np.abs(along) - half_mm))

    return value


def hexagon(centre: Floats, axis: int, across_mm: float, half_mm: float) -> Field:
    """Return a nut blank: `across_mm` over the flats, 2 half_mm long along a coordinate axis."""
    one, two = (axis + 1) % 3, (axis + 2) % 3

    def value(points: Floats) -> Floats:
        moved = points - centre
        angles = np.arange(3) * np.pi / 3
        flats = np.abs(moved[:, [one]] * np.cos(angles) + moved[:, [two]] * np.sin(angles)).max(axis=1)
        return np.asarray(np.maximum(flats - across_mm / 2, np.abs(moved[:, axis]) - half_mm))

    return value


def thread(body: Field, axis: int, pitch_mm: float, span_mm: tuple[float, float], depth_mm: float = 0.8) -> Field:
    """Return a body with screw grooves between two places on a coordinate axis."""
    one, two = (axis + 1) % 3, (axis + 2) % 3

    def value(points: Floats) -> Floats:
        turn = np.arctan2(points[:, two], points[:, one])
        groove = depth_mm * (0.5 + 0.5 * np.cos(2 * np.pi * points[:, axis] / pitch_mm + turn))
        return body(points) + groove * ((points[:, axis] > span_mm[0]) & (points[:, axis] < span_mm[1]))

    return value


def joined(*bodies: Field) -> Field:
    """Return the union."""
    return lambda points: np.minimum.reduce([body(points) for body in bodies])


def cut(body: Field, *tools: Field) -> Field:
    """Return the body with the tools taken out of it."""
    return lambda points: np.maximum.reduce([body(points), *(-tool(points) for tool in tools)])


def broken(rng: np.random.Generator, body: Field, size_mm: float, count: int, grain_mm: float = 0.5) -> Field:
    """Return the body snapped off along `count` rough planes near its ends."""
    planes = []
    for _ in range(count):
        normal = rng.normal(size=3)
        normal[:2] *= 1.6
        planes.append((normal / np.linalg.norm(normal), size_mm * rng.uniform(0.14, 0.4), fractal(rng, 7, 3, 0.7)))

    def value(points: Floats) -> Floats:
        edge = body(points)
        for normal, offset, rough in planes:
            edge = np.maximum(edge, points @ normal - offset + grain_mm * rough(points))
        return np.asarray(edge)

    return value


def roughened(rng: np.random.Generator, body: Field, depth_mm: float, wavelength_mm: float) -> Field:
    """Return the body with an uneven skin, as cast or as broken."""
    skin = fractal(rng, wavelength_mm, 2)
    return lambda points: body(points) + depth_mm * skin(points)


def _axis(index: int) -> Floats:
    return np.asarray(np.eye(3)[index])


def casting(rng: np.random.Generator, length_mm: float, wall_mm: float) -> Mesh:
    """Return a broken piece of a cast housing: floor, walls, ribs, bosses with holes, perhaps a sprue."""
    half = np.array([length_mm / 2, length_mm * rng.uniform(0.28, 0.5), length_mm * rng.uniform(0.1, 0.24)])
    shell = cut(
        box(np.zeros(3), half, min(2.5, wall_mm)),
        box(np.array([0, 0, wall_mm * 1.4]), half - wall_mm * np.array([1, 1, 0.4]), min(2.0, wall_mm)),
    )
    body = shell if rng.random() < 0.65 else box(np.zeros(3), half * [1, 1, 0.55], 2.0)
    extras: list[Field] = []
    for _ in range(int(rng.integers(1, 5))):
        across = rng.integers(0, 2)
        place = np.array([rng.uniform(-0.7, 0.7) * half[0], rng.uniform(-0.7, 0.7) * half[1], 0.0])
        rib = np.where(np.arange(3) == across, half * 0.95, wall_mm * 0.45)
        extras.append(box(place * (np.arange(3) != across), np.array([rib[0], rib[1], half[2] * 0.8])))
    bosses = [rng.uniform(-0.75, 0.75, 2) * half[:2] for _ in range(int(rng.integers(1, 5)))]
    radii = rng.uniform(1.1, 2.4, len(bosses)) * wall_mm
    for place, radius in zip(bosses, radii, strict=True):
        extras.append(rod(np.array([*place, 0.0]), _axis(2), float(radius), float(half[2] * rng.uniform(0.7, 1.15))))
    holes = [
        rod(np.array([*place, 0.0]), _axis(2), float(radius * rng.uniform(0.35, 0.6)), float(half[2] * 2))
        for place, radius in zip(bosses, radii, strict=True)
    ]
    if rng.random() < 0.35:
        extras.append(rod(np.array([half[0] * 0.9, 0.0, 0.0]), _axis(0), wall_mm * 1.5, length_mm * 0.15))
    if rng.random() < 0.4:
        holes.append(rod(np.zeros(3), _axis(2), float(half[1] * rng.uniform(0.35, 0.7)), float(half[2] * 3)))
    whole = roughened(rng, cut(joined(body, *extras), *holes), 0.2, 4)
    field = broken(rng, whole, length_mm, int(rng.integers(1, 4)))
    return skin_of(field, half * [1.15, 1.0, 1.2], float(np.clip(length_mm / 60, 0.6, 1.1)))


def fitting(rng: np.random.Generator, length_mm: float) -> Mesh:
    """Return a pipe fitting: round bars with threads, a hexagon and a through hole, sometimes a branch or a break."""
    radius = length_mm * rng.uniform(0.16, 0.3)
    half = length_mm / 2
    main = thread(rod(np.zeros(3), _axis(0), radius, half), 0, rng.uniform(1.4, 2.4), (half * 0.25, half))
    parts = [main, hexagon(np.array([rng.uniform(-0.6, 0.1) * half, 0, 0]), 0, radius * 2.5, half * 0.25)]
    bores = [rod(np.zeros(3), _axis(0), radius * rng.uniform(0.55, 0.78), half * 1.2)]
    if rng.random() < 0.5:
        branch = np.array([0, 0.6 * length_mm * 0.5, 0])
        arm = rod(branch, _axis(1), radius * 0.85, length_mm * 0.3)
        parts.append(thread(arm, 1, 2.0, (length_mm * 0.35, length_mm)) if rng.random() < 0.5 else arm)
        bores.append(rod(branch, _axis(1), radius * 0.55, length_mm * 0.32))
    if rng.random() < 0.4:
        parts.append(rod(np.array([-half * 0.85, 0, 0]), _axis(0), radius * 1.3, half * 0.15))
    body: Field = cut(joined(*parts), *bores)
    if rng.random() < 0.45:
        body = broken(rng, body, length_mm, 1, 0.4)
    field = roughened(rng, body, 0.06, 3)
    reach = np.array([half, max(radius * 1.5, length_mm * 0.62), radius * 1.5])
    return skin_of(field, reach, float(np.clip(length_mm / 62, 0.5, 0.9)))


def stone(rng: np.random.Generator, length_mm: float) -> Mesh:
    """Return a broken stone or lump of concrete or brick."""
    half = length_mm / 2 * np.array([1.0, rng.uniform(0.55, 0.95), rng.uniform(0.4, 0.75)])
    planes = rng.normal(size=(int(rng.integers(4, 10)), 3))
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    reach = np.linalg.norm(planes * half, axis=1) * rng.uniform(0.6, 0.95, len(planes))
    skin, wobble = fractal(rng, 9, 3, 0.6), waves(rng, length_mm * 0.8)

    def value(points: Floats) -> Floats:
        ball = (np.linalg.norm(points / half, axis=1) - 1) * half.min()
        cuts = (points @ planes.T - reach).max(axis=1)
        return np.asarray(np.maximum(ball + 0.05 * length_mm * wobble(points), cuts) + 0.35 * skin(points))

    return skin_of(value, half * 1.5, float(np.clip(length_mm / 55, 0.5, 1.1)))


def splinter(rng: np.random.Generator, length_mm: float) -> Mesh:
    """Return a split piece of wood, its grain along x."""
    half = np.array([length_mm / 2, length_mm * rng.uniform(0.1, 0.28), max(2.0, length_mm * rng.uniform(0.05, 0.12))])
    grain, edge = waves(rng, 5, 20), fractal(rng, 10, 2)
    block = box(np.zeros(3), half, 0.5)
    slope = rng.uniform(-0.12, 0.12)

    def value(points: Floats) -> Floats:
        slim = points * [0.06, 1.0, 1.0]
        moved = points - np.column_stack([np.zeros(len(points)), slope * points[:, 0], np.zeros(len(points))])
        ends = np.abs(points[:, 0]) - half[0] + 4.0 + 4.0 * edge(points * [0.1, 1.0, 1.0])
        return np.asarray(np.maximum(block(moved) + 0.22 * grain(slim), ends))

    return skin_of(value, half + np.array([0, 0.07 * length_mm, 1.0]), float(np.clip(length_mm / 75, 0.5, 1.0)))
