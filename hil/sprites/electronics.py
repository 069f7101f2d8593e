"""Circuit boards, round cells and flat lithium packs."""

import numpy as np

from hil.sprites.body import Body, Part
from hil.sprites.mesh import Floats, Mesh, open_edges, thicken
from hil.sprites.sheets import bend, blank, crease, dent, torn_outline
from hil.sprites.solids import box
from hil.sprites.strands import lathe

TIN = 7.3
RESIN = 1.9


def block(low: Floats, high: Floats) -> Mesh:
    """Return a plain box with crisp edges between two corners."""
    vertices: list[Floats] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for end in (0, 1):
            one, two = (axis + 1) % 3, (axis + 2) % 3
            corners = np.empty((4, 3))
            corners[:, axis] = (low, high)[end][axis]
            corners[:, one] = np.array([low[one], high[one], high[one], low[one]])
            corners[:, two] = np.array([low[two], low[two], high[two], high[two]])
            order = [0, 1, 2, 3] if end else [3, 2, 1, 0]
            base = 4 * len(vertices)
            faces += [
                [base + order[0], base + order[1], base + order[2]],
                [base + order[0], base + order[2], base + order[3]],
            ]
            vertices.append(corners)
    points = np.concatenate(vertices)
    return Mesh(points, np.array(faces), np.column_stack([points[:, :2], np.ones(len(points))]))


def _chip(place: Floats, half: Floats, top: float, height: float) -> list[Part]:
    """Return a black package with a row of tinned legs on two sides."""
    low, high = np.array([*(place - half), top]), np.array([*(place + half), top + height])
    parts = [Part(block(low, high), "plastic", "chip", RESIN)]
    for x in np.arange(low[0] + 0.6, high[0] - 0.5, 1.6):
        leg = block(np.array([x, low[1] - 1.1, top]), np.array([x + 0.7, high[1] + 1.1, top + 0.35]))
        parts.append(Part(leg, "zinc", "solder", TIN))
    return parts


def _capacitor(place: Floats, radius: float, height: float, top: float) -> list[Part]:
    """Return a standing electrolytic capacitor: sleeve and bright top."""
    cylinder = lathe(np.array([[0, radius], [height / 2, radius], [height, radius], [height, radius - 0.5]]), 20)
    upright = cylinder.vertices[:, [1, 2, 0]] + [*place, top]
    cap = lathe(np.array([[0, radius * 0.8], [0.3, radius * 0.8]]), 20)
    lid = cap.vertices[:, [1, 2, 0]] + [*place, top + height - 0.1]
    return [Part(cylinder.moved(upright), "plastic", "sleeve", 1.5), Part(cap.moved(lid), "aluminium", "solder", 2.7)]


def _one_component(rng: np.random.Generator, place: Floats, top: float) -> list[Part]:
    """Return one component standing on the board at a place (2,)."""
    kind = rng.random()
    if kind < 0.3:
        return _chip(place, rng.uniform(2, 6.5, 2), top, rng.uniform(1, 2.5))
    if kind < 0.42:
        return _capacitor(place, rng.uniform(2, 4.5), rng.uniform(4, 10), top)
    half = rng.uniform([1.0, 0.6], [2.2, 1.2]) if kind < 0.85 else rng.uniform(3, 8, 2)
    height = 0.8 if kind < 0.85 else rng.uniform(3, 8)
    finish = rng.choice(["small", "solder", "small"]) if kind < 0.85 else "socket"
    substance = "zinc" if finish == "solder" else "plastic"
    mesh = block(np.array([*(place - half), top]), np.array([*(place + half), top + height]))
    return [Part(mesh, substance, str(finish), RESIN if substance == "plastic" else TIN)]


def board(rng: np.random.Generator, length_mm: float) -> Body:
    """Return a broken circuit board with its components, some torn off."""
    width = length_mm * rng.uniform(0.4, 0.9)
    outline = torn_outline(rng, length_mm, width, 0.8)
    points, faces = blank(outline, (length_mm / 2 + 2, width / 2 + 2), 0.6)
    parts = [
        Part(thicken(np.column_stack([points, np.zeros(len(points))]), faces, points, 1.6), "plastic", "board", RESIN)
    ]
    count = int(length_mm * width / rng.uniform(50, 160)) + 3
    for _ in range(count):
        place = points[rng.integers(len(points))]
        if outline(place[None])[0] < -4.5:
            parts += _one_component(rng, place, 0.8)
    for _ in range(count * 2):
        place = points[rng.integers(len(points))]
        if outline(place[None])[0] < -1.5:
            face = rng.choice([-1.1, 0.75])
            low = np.array([*(place - rng.uniform(0.3, 0.8, 2)), face])
            parts.append(Part(block(low, low + np.array([*rng.uniform(0.7, 1.6, 2), 0.35])), "zinc", "solder", TIN))
    return Body(tuple(parts + (_fingers(points) if rng.random() < 0.5 else [])))


def _fingers(points: Floats) -> list[Part]:
    """Return a row of gold contacts along the longest straight side of the board."""
    edge = points[:, 1].max()
    row = points[points[:, 1] > edge - 1.2]
    bars = []
    for x in np.arange(row[:, 0].min() + 0.8, row[:, 0].max() - 1.2, 1.9):
        bars.append(
            Part(block(np.array([x, edge - 7, -0.84]), np.array([x + 1.25, edge - 0.6, 0.84])), "gold", "contact", 8.0)
        )
    return bars


def cell(rng: np.random.Generator, length_mm: float) -> Body:
    """Return a round cell, dry or NiMH: a wrapped can with a button, perhaps dented or with its wrapper torn."""
    radius = length_mm * rng.choice([0.12, 0.145, 0.26, 0.27])
    half = length_mm / 2
    ends = np.array(
        [
            [-half, radius - 0.8],
            [-half + 0.5, radius],
            *[[x, radius] for x in np.linspace(-half + 1, half - 2.5, 60)],
            [half - 2, radius],
            [half - 1.6, radius - 0.8],
        ]
    )
    skin = lathe(ends, 64)
    points = dent(rng, skin.vertices, length_mm, 0.03 * length_mm * rng.random(), 2)
    if rng.random() < 0.35:
        points = bend(points, np.zeros(2), 0.0, rng.normal(0, 0.25), 30.0)
    knob = lathe(np.array([[half - 1.7, radius * 0.36], [half, radius * 0.36], [half + 0.3, radius * 0.28]]), 28)
    chart = skin.chart.copy()
    chart[:, 0] = (skin.vertices[:, 0] + half) / length_mm
    chart[:, 2] = np.where((ends[0, 0] + 0.6 > skin.vertices[:, 0]) | (skin.vertices[:, 0] > half - 2.0), -1, 1)
    return Body(
        (Part(Mesh(points, skin.faces, chart), "stainless", "wrapper", 2.9), Part(knob, "stainless", "solder", 7.5))
    )


def pouch(rng: np.random.Generator, length_mm: float) -> Body:
    """Return a flat lithium pack: silver pouch or cased phone battery, perhaps swollen or bent, with tabs."""
    half = np.array([length_mm / 2, length_mm * rng.uniform(0.25, 0.4)])
    thick = rng.uniform(3, 6)
    cased = rng.random() < 0.5
    field = box(np.zeros(3), np.array([*half, 5.0]), 1.5)
    flat, faces = blank(lambda p: field(np.column_stack([p, np.zeros(len(p))])), (half[0] + 2, half[1] + 2), 0.8)
    middle = np.column_stack([flat, np.zeros(len(flat))])
    if not cased or rng.random() < 0.3:
        middle = crease(rng, middle, length_mm, 0.05, 3)
    mesh = thicken(middle, faces, flat, thick)
    room = np.clip(np.minimum(half[0] - np.abs(mesh.chart[:, 0]), half[1] - np.abs(mesh.chart[:, 1])), 0, None)
    slope = rng.uniform(2.5, 5) if not cased else 0.8
    swell = rng.uniform(0, 0.5) * (1 - (mesh.chart[:, 0] / half[0]) ** 2) * (1 - (mesh.chart[:, 1] / half[1]) ** 2)
    keep = 0.15 + 0.85 * np.sqrt(np.clip(room / slope, 0, 1)) + swell
    lift, rim = middle[:, 2], np.unique(open_edges(faces))
    base = np.concatenate([lift, lift, lift[rim], lift[rim]])
    points = mesh.vertices.copy()
    points[:, 2] = base + (points[:, 2] - base) * keep
    tabs = [
        Part(
            block(np.array([half[0] - 1, y - 2, -0.15]), np.array([half[0] + rng.uniform(3, 9), y + 2, 0.15])),
            substance,
            "solder",
            5.0,
        )
        for y, substance in ((half[1] * 0.4, "aluminium"), (-half[1] * 0.4, "zinc"))
    ]
    skin = Part(mesh.moved(points), "plastic" if cased else "aluminium", "pack" if cased else "foil", 2.2)
    return Body((skin, *(_contacts(half, thick) if cased else tabs)))


def _contacts(half: Floats, thick: float) -> list[Part]:
    """Return the gold contacts of a cased pack, folded over the upper edge of one end."""
    places = half[1] * np.array([0.1, 0.3, 0.5])
    return [
        Part(
            block(np.array([half[0] - 3, y - 1.6, 0.0]), np.array([half[0] + 0.1, y + 1.6, thick * 0.56])),
            "gold",
            "contact",
            2.2,
        )
        for y in places
    ]
