"""The look of a surface: tarnish, oxide, rust, paint, print and dirt, as seeded fields over its vertices."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hil.sprites.mesh import Floats, Mesh
from hil.sprites.noise import fractal, patches, step, waves
from hil.sprites.palette import CABLES, DEEP_RUST, METALS, PAINTS, PLASTICS, PRINTS, RUST, VERDIGRIS, Colour, Metal

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Surface:
    """What the renderer needs at each vertex; colours are linear sRGB, 0..1.

    `sheen` (n, 3) multiplies what the metal reflects, `rough` (n,) is its GGX roughness, `cover` (n,) is the share
    hidden by a layer of colour `tint` (n, 3). `coat` is the roughness of that layer, or of the plastic; 0 means matte.
    """

    tint: Floats
    cover: Floats
    sheen: Floats
    rough: Floats
    coat: float = 0.0


Look = Callable[[Rng, Mesh], Surface]


def linear(colour: Colour) -> Floats:
    """Return an 8-bit sRGB colour as linear values (3,)."""
    c = np.array(colour) / 255
    return np.asarray(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4))


def mixed(first: Floats, second: Floats, share: Floats) -> Floats:
    """Return colours (n, 3) that go from first to second as share (n,) goes from 0 to 1."""
    return np.asarray(first + (second - first) * share[:, None])


def pick(rng: Rng, colours: tuple[Colour, ...], spread: float = 0.12) -> Floats:
    """Return one of the colours, linear, a little lighter or darker."""
    return linear(colours[int(rng.integers(len(colours)))]) * float(np.exp(rng.normal(0, spread)))


def _stretched(rng: Rng, points: Floats) -> Floats:
    """Return points (n, 3) drawn out along one direction, so that fields over them become streaks."""
    way = rng.normal(size=3) * [1, 1, 0.3]
    way /= np.linalg.norm(way)
    return np.asarray(points - 0.88 * np.outer(points @ way, way))


def _dirt(rng: Rng, points: Floats, share: float) -> Floats:
    """Return how much of the surface dirt hides (n,): smudges with soft borders, broken up by streaks."""
    smudge = fractal(rng, rng.uniform(9, 30), 4, 0.6)(points) + 0.5 * fractal(rng, 6, 3)(_stretched(rng, points))
    return rng.uniform(0.4, 0.8) * patches(smudge, share, 1.1)


def metal(rng: Rng, mesh: Mesh, kind: Metal) -> Surface:
    """Return an aged metal surface: clouds of tarnish, scratches, dirt in patches, a thin film of dust all over."""
    points = mesh.vertices
    amount = rng.uniform(*kind.tarnish)
    clouds = fractal(rng, rng.uniform(10, 40), 4, 0.6)(points)
    tarnish = np.clip(amount + 0.35 * clouds * np.sqrt(amount * (1 - amount) + 0.02), 0, 1)
    scratches = fractal(rng, rng.uniform(2.5, 6), 2)(_stretched(rng, points))
    sheen = mixed(pick(rng, kind.clean, 0.04), pick(rng, kind.tarnished, 0.06), tarnish)
    sheen = sheen * (1 + rng.uniform(0.02, 0.08) * scratches)[:, None]
    film = rng.uniform(0.02, 0.12) * (1 + 0.3 * waves(rng, 20)(points))
    cover = np.maximum(_dirt(rng, points, rng.uniform(*kind.dirt_share)), film)
    tint = np.tile(pick(rng, kind.dirt), (len(points), 1)) * (1 + 0.15 * fractal(rng, 5, 2)(points))[:, None]
    rough = rng.uniform(*kind.rough) * (1 + 0.12 * fractal(rng, 9, 3)(points) + 0.12 * scratches) + 0.08 * tarnish
    return Surface(np.clip(tint, 0, 1), np.clip(cover, 0, 1), np.clip(sheen, 0, 1), np.clip(rough, 0.06, 0.7))


def layered(base: Surface, tint: Floats, cover: Floats, coat: float = 0.0) -> Surface:
    """Return a surface with one more layer on top."""
    whole = np.maximum(base.cover, cover)
    return Surface(mixed_by(base.tint, tint, cover / np.maximum(whole, 1e-6)), whole, base.sheen, base.rough, coat)


def mixed_by(first: Floats, second: Floats, share: Floats) -> Floats:
    """Return colours (n, 3) or (3,) mixed vertex by vertex, the share clipped to 0..1."""
    return np.asarray(first + (second - first) * np.clip(share, 0, 1)[:, None])


def _plain(name: str) -> Look:
    return lambda rng, mesh: metal(rng, mesh, METALS[name])


def _copper(rng: Rng, mesh: Mesh) -> Surface:
    """Return copper from bright pink to brown oxide, now and then with verdigris."""
    base = metal(rng, mesh, METALS["copper"])
    if rng.random() > 0.22:
        return base
    green = 0.9 * patches(fractal(rng, 8, 4, 0.7)(mesh.vertices), rng.uniform(0.03, 0.3), 0.7)
    return layered(base, np.tile(pick(rng, VERDIGRIS), (len(green), 1)), green)


def _rust(rng: Rng, points: Floats) -> Floats:
    """Return rust colours (n, 3): orange powder over dark scale."""
    deep, light = pick(rng, DEEP_RUST), pick(rng, RUST)
    share = step(fractal(rng, rng.uniform(8, 25), 4, 0.65)(points), -1.8, 1.6)
    return mixed(deep, light, share) * (1 + 0.16 * fractal(rng, 2.5, 2)(points))[:, None]


def painted(rng: Rng, mesh: Mesh, base: Surface, share: float) -> Surface:
    """Return a surface with chipped paint, on both faces or only the outer one, never on the torn edge."""
    facing = mesh.chart[:, 2]
    where = (facing > 0.5) | ((facing < -0.5) & (rng.random() < 0.5))
    chips = patches(fractal(rng, rng.uniform(12, 35), 5, 0.7)(mesh.vertices), share, 0.06) * where
    colour = np.tile(pick(rng, PAINTS), (len(where), 1)) * (1 + 0.05 * fractal(rng, 10, 2)(mesh.vertices))[:, None]
    return layered(base, np.clip(colour, 0, 1), chips, float(rng.uniform(0.12, 0.35)))


def _steel(rng: Rng, mesh: Mesh) -> Surface:
    """Return bright, grey or mill-scale steel, a third of it with chipped paint, some with spots of rust."""
    base = metal(rng, mesh, METALS["steel"])
    if rng.random() < 0.5:
        spots = 0.85 * patches(fractal(rng, 6, 4, 0.75)(mesh.vertices), rng.uniform(0.01, 0.12), 0.3)
        base = layered(base, _rust(rng, mesh.vertices), spots)
    return painted(rng, mesh, base, 1 - 0.7 * rng.random() ** 2) if rng.random() < 0.35 else base


def _rusty(rng: Rng, mesh: Mesh) -> Surface:
    base = metal(rng, mesh, METALS["steel"])
    share = rng.uniform(0.6, 1.0)
    cover = np.maximum(0.94 * patches(fractal(rng, rng.uniform(14, 40), 4, 0.65)(mesh.vertices), share, 0.9), 0.55)
    return layered(base, np.clip(_rust(rng, mesh.vertices), 0, 1), cover)


def _aluminium(rng: Rng, mesh: Mesh) -> Surface:
    base = metal(rng, mesh, METALS["aluminium"])
    return painted(rng, mesh, base, rng.uniform(0.6, 0.97)) if rng.random() < 0.12 else base


def _profile(rng: Rng, mesh: Mesh) -> Surface:
    base = metal(rng, mesh, METALS["profile"])
    return painted(rng, mesh, base, rng.uniform(0.85, 0.99)) if rng.random() < 0.25 else base


def _print(rng: Rng, mesh: Mesh) -> Surface:
    """Return a printed can: bare inside, outside a ground colour with bands, a badge and fine lettering."""
    base = metal(rng, mesh, METALS["foil"])
    u, v, side = mesh.chart.T
    ground, second, third = (pick(rng, PRINTS) for _ in range(3))
    colour = np.tile(ground, (len(u), 1))
    tilt = rng.uniform(-0.5, 0.5)
    band = np.sin((u + tilt * v) / rng.uniform(6, 14) + 0.6 * waves(rng, 40)(mesh.chart[:, :2]))
    colour = mixed_by(colour, second, step(band, 0.55, 0.7))
    badge = np.hypot((u - 2) / rng.uniform(14, 24), np.sin(v / 33 * 1.0) * 33 / rng.uniform(14, 24))
    colour = mixed_by(colour, third, step(-badge, -1.0, -0.95))
    letters = step(waves(rng, 4, 20)(mesh.chart[:, :2] * [0.8, 1.3]), 0.7, 0.8) * (np.abs(np.sin(u / 9)) > 0.8)
    colour = mixed_by(colour, linear((240, 240, 240)), letters)
    worn = 1 - patches(fractal(rng, 12, 4, 0.7)(mesh.vertices), rng.uniform(0.01, 0.12), 0.1)
    return layered(base, np.clip(colour, 0, 1), rng.uniform(0.8, 0.96) * worn * (side > 0.5), 0.15)


def _flat(colours: tuple[Colour, ...], coat: tuple[float, float], mottle: float = 0.05, dust: float = 0.15) -> Look:
    """Return the look of a plainly coloured body with a little dust."""

    def look(rng: Rng, mesh: Mesh) -> Surface:
        points = mesh.vertices
        colour = np.tile(pick(rng, colours), (len(points), 1)) * (1 + mottle * fractal(rng, 8, 3)(points))[:, None]
        grime = rng.uniform(0, dust) + _dirt(rng, points, rng.uniform(0, dust))
        tint = mixed_by(colour, pick(rng, METALS["steel"].dirt), np.clip(grime, 0, 0.9))
        n = len(points)
        return Surface(np.clip(tint, 0, 1), np.ones(n), np.ones((n, 3)), np.full(n, 0.4), float(rng.uniform(*coat)))

    return look


def _board(rng: Rng, mesh: Mesh) -> Surface:
    """Return a board: solder mask green, blue, red or brown, paler tracks, tinned pads, a pale broken edge."""
    base = _flat(
        ((24, 84, 50), (30, 100, 56), (22, 70, 44), (24, 54, 110), (150, 110, 58), (122, 90, 52), (110, 24, 26)),
        (0.15, 0.3),
        0.04,
        0.08,
    )(rng, mesh)
    u, v, side = mesh.chart.T
    pitch = rng.uniform(2.2, 4.0)
    lines = np.minimum(
        np.abs((u / pitch) % 1 - 0.5),
        np.where(
            waves(rng, 14)(mesh.chart[:, :2]) > 0,
            np.abs((v / pitch) % 1 - 0.5),
            np.abs(((u + v) / pitch / 1.4) % 1 - 0.5),
        ),
    )
    region = waves(rng, 18)(mesh.chart[:, :2] + 40 * side[:, None]) > -0.4
    tint = mixed_by(base.tint, base.tint * 1.5 + 0.01, (lines < 0.13) * region * 0.9)
    silk = (waves(rng, 3.5, 20)(mesh.chart[:, :2]) > 1.9) & (side > 0)
    tint = mixed_by(tint, linear((225, 225, 215)), 0.85 * silk)
    tint = mixed_by(tint, linear((150, 146, 108)), 0.9 * (side == 0))
    return Surface(np.clip(tint, 0, 1), base.cover, base.sheen, base.rough, base.coat)


def _wrapper(rng: Rng, mesh: Mesh) -> Surface:
    """Return a printed cell: two colours along its length, lettering around, bare steel at the ends and in tears."""
    base = metal(rng, mesh, METALS["stainless"])
    u, v, side = mesh.chart.T
    first, second = pick(rng, PRINTS), pick(rng, (*PRINTS, (196, 134, 70), (24, 24, 26)))
    colour = mixed_by(np.tile(first, (len(u), 1)), second, step(u, 0.62, 0.64))
    letters = (waves(rng, 5, 20)(np.column_stack([u * 40, v])) > 0.8) & (np.abs(u - 0.35) < 0.14)
    colour = mixed_by(colour, linear((240, 240, 240)), letters.astype(float))
    torn = 1 - patches(fractal(rng, 14, 3)(mesh.vertices), max(0.0, rng.uniform(-0.2, 0.3)), 0.05)
    worn = layered(base, np.clip(colour, 0, 1), torn * (side > 0) * 0.97, 0.15)
    rust = 0.8 * patches(fractal(rng, 5, 3)(mesh.vertices), max(0.0, rng.uniform(-0.15, 0.12)), 0.3)
    return layered(worn, _rust(rng, mesh.vertices), rust, 0.15)


def _pack(rng: Rng, mesh: Mesh) -> Surface:
    """Return a cased battery: black, white or grey, with a printed label on its upper face."""
    base = _flat(((30, 30, 32), (44, 46, 50), (205, 206, 208), (150, 152, 156), (30, 60, 120)), (0.2, 0.35))(rng, mesh)
    u, v, side = mesh.chart.T
    inside = (np.abs(u) < 0.42 * np.ptp(u)) & (np.abs(v) < 0.36 * np.ptp(v)) & (side != 0)
    label = np.tile(pick(rng, ((228, 228, 226), (206, 60, 44), (150, 156, 160), (60, 110, 170))), (len(u), 1))
    ink = (waves(rng, 4, 20)(mesh.chart[:, :2] * [1.0, 0.6]) > 0.7) & (np.abs(np.sin(v / 2.1)) > 0.55)
    label = mixed_by(label, linear((30, 30, 30)), 0.85 * ink)
    tint = mixed_by(base.tint, label, 0.95 * inside)
    return Surface(np.clip(tint, 0, 1), base.cover, base.sheen, base.rough, base.coat)


def _paper(rng: Rng, mesh: Mesh) -> Surface:
    """Return paper, card or printed film, with blocks of print on some."""
    base = _flat(((222, 218, 208), (236, 236, 234), (176, 142, 100), (160, 126, 88), (206, 204, 198)), (0, 0), 0.04)(
        rng, mesh
    )
    if rng.random() < 0.5:
        return base
    ink = patches(waves(rng, 9, 20)(mesh.chart[:, :2]), rng.uniform(0.1, 0.5), 0.06) * (mesh.chart[:, 2] > 0)
    return Surface(mixed_by(base.tint, pick(rng, PRINTS), ink * 0.8), base.cover, base.sheen, base.rough)


def _wood(rng: Rng, mesh: Mesh) -> Surface:
    base = _flat(((190, 150, 100), (168, 128, 84), (140, 104, 70), (120, 104, 90), (206, 172, 122)), (0, 0), 0.04)(
        rng, mesh
    )
    grain = waves(rng, 3.0, 24)(mesh.vertices * [0.05, 1, 1])
    return Surface(np.clip(base.tint * (1 + 0.22 * grain)[:, None], 0, 1), base.cover, base.sheen, base.rough)


LOOKS: dict[str, Look] = {
    **{name: _plain(name) for name in METALS},
    "copper": _copper,
    "steel": _steel,
    "rusty": _rusty,
    "aluminium": _aluminium,
    "profile": _profile,
    "print": _print,
    "board": _board,
    "wrapper": _wrapper,
    "pack": _pack,
    "paper": _paper,
    "wood": _wood,
    "chip": _flat(((30, 30, 32), (38, 38, 40)), (0.25, 0.4), 0.03, 0.05),
    "sleeve": _flat(((26, 30, 60), (24, 24, 26), (110, 40, 30), (40, 90, 70)), (0.15, 0.25)),
    "small": _flat(((160, 130, 90), (30, 30, 32), (190, 180, 160), (120, 90, 60)), (0.25, 0.35)),
    "socket": _flat(((230, 226, 214), (26, 26, 28), (40, 70, 140), (190, 186, 176), (60, 130, 70)), (0.2, 0.35)),
    "insulation": _flat(CABLES, (0.2, 0.4), 0.03, 0.25),
    "plastic": _flat(PLASTICS, (0.12, 0.4), 0.03, 0.2),
    "stone": _flat(
        ((128, 122, 114), (150, 146, 140), (104, 98, 92), (158, 92, 70), (176, 166, 148)), (0, 0), 0.16, 0.3
    ),
    "glass": _flat(((34, 74, 40), (70, 40, 18), (86, 104, 98), (92, 104, 106)), (0.04, 0.1), 0.03, 0.06),
}


def surface_of(rng: Rng, finish: str, mesh: Mesh) -> Surface:
    """Return the drawn look of a finish on a mesh."""
    return LOOKS[finish](rng, mesh)
