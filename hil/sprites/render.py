"""One piece on the belt, seen from straight above under the line's light, rendered with Mitsuba."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hil.sprites.body import Body
from hil.sprites.extra import VARIANT, mitsuba
from hil.sprites.finish import Surface, surface_of
from hil.sprites.geometry import build, generator
from hil.sprites.materials import Node, mesh_node
from hil.sprites.mesh import Floats
from hil.sprites.pose import laid

MM_PER_PX = 0.625
SPP = 48
MARGIN_PX = 2
WHITE_LINEAR = 0.578
TILE_REFLECTANCE = 0.9

# The belt runs along x (left to right in the picture), the bars lie across it, along y. Each bar: centre x, y, z,
# half width, half length in mm, radiance. The last number of a light is the radiance of the dim surroundings.
Bar = tuple[float, float, float, float, float, float]
LIGHTS: dict[str, tuple[tuple[Bar, ...], float]] = {
    "bars": (((-210, 0, 260, 26, 300, 1.0), (210, 0, 260, 26, 300, 1.0)), 0.055),
    "low": (((-300, 0, 130, 14, 300, 1.0), (300, 0, 130, 14, 300, 1.0)), 0.012),
    "dome": ((), 1.0),
    "slanted": (((60, 240, 200, 60, 60, 1.0),), 0.03),
}  # fmt: skip


def renderer_name() -> str:
    """Return what the index says of the renderer; raises RendererMissingError."""
    return f"mitsuba {mitsuba().__version__} {VARIANT}"


def _lamp(bar: Bar) -> Node:
    mi = mitsuba()

    x, y, z, half_width, half_length, radiance = bar
    place = mi.ScalarTransform4f().look_at(origin=[x, y, z], target=[0, 0, 0], up=[0, 1, 0.01])
    return {
        "type": "rectangle",
        "to_world": place @ mi.ScalarTransform4f().scale([half_width, half_length, 1]),
        "emitter": {"type": "area", "radiance": {"type": "d65", "scale": radiance}},
    }


def _surroundings(radiance: float, even: bool) -> Node:
    """Return the housing as a tiny panorama: its walls above, a dark belt below, a darker hole for the camera."""
    mi = mitsuba()

    rows = np.full((16, 32, 3), radiance, dtype=np.float32)
    rows[8:] *= 0.12
    rows[0] *= 0.35 if even else 0.6
    return {
        "type": "envmap",
        "bitmap": mi.Bitmap(rows),
        "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], 90),
    }


def _scene(light: str, half_mm: tuple[float, float], spp: int, seed: int) -> Node:
    """Return camera, film and light around an empty belt; half_mm is half the picture."""
    mi = mitsuba()

    width, height = (round(2 * half / MM_PER_PX) for half in half_mm)
    look = mi.ScalarTransform4f().look_at(origin=[0, 0, 900], target=[0, 0, 0], up=[0, 1, 0])
    bars, dim = LIGHTS[light]
    scene: Node = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 6, "hide_emitters": True},
        "surroundings": _surroundings(dim, not bars),
        "camera": {
            "type": "orthographic", "near_clip": 1.0, "far_clip": 2000.0,
            "to_world": look @ mi.ScalarTransform4f().scale([half_mm[0], half_mm[0], 1]),
            "film": {"type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgba",
                     "component_format": "float32", "rfilter": {"type": "box"}},
            "sampler": {"type": "multijitter", "sample_count": spp, "seed": seed},
        },
    }  # fmt: skip
    return scene | {f"lamp{i}": _lamp(bar) for i, bar in enumerate(bars)}


def _shot(scene: Node, spp: int, seed: int) -> Floats:
    mi = mitsuba()

    return np.asarray(mi.render(mi.load_dict(scene), spp=spp, seed=seed), dtype=np.float64)


@cache
def white_balance(light: str) -> tuple[float, float, float]:
    """Return the gains that bring a white diffuse tile on the belt to 200 of 255 in each channel."""
    scene = _scene(light, (5.0, 5.0), 1024, 1)
    scene["tile"] = {
        "type": "rectangle",
        "to_world": _tile_size(),
        "bsdf": {"type": "diffuse", "reflectance": {"type": "uniform", "value": TILE_REFLECTANCE}},
    }
    red, green, blue = WHITE_LINEAR / _shot(scene, 1024, 1)[..., :3].mean(axis=(0, 1))
    return float(red), float(green), float(blue)


def _tile_size() -> object:
    mi = mitsuba()

    return mi.ScalarTransform4f().scale([60, 60, 1])


def encoded(shot: Floats, gains: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return a premultiplied linear picture (h, w, 4) as 8-bit BGRA, sRGB, un-premultiplied."""
    alpha = np.clip(shot[..., 3:], 0, 1)
    colour = np.clip(shot[..., :3] * gains / np.maximum(alpha, 1e-4), 0, 1)
    curve = np.where(colour <= 0.0031308, 12.92 * colour, 1.055 * colour ** (1 / 2.4) - 0.055)
    return np.round(np.concatenate([curve[..., ::-1], alpha], axis=2) * 255).astype(np.uint8)


def appearance(body: Body, view: "View", seed: int) -> list[Surface]:
    """Return the look of each part; parts of one finish share their draw, so that a cable has one colour."""
    return [
        surface_of(generator(seed, view.form, view.number, part.finish), part.finish, part.mesh) for part in body.parts
    ]


@dataclass(frozen=True, slots=True)
class View:
    """One sprite to be rendered: piece `number` of a form, its `view`-th pose, under a light."""

    form: str
    number: int
    view: int
    light: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A rendered sprite: image (h, w, 4) BGRA, how the piece was turned, how high it stands, what it weighs."""

    image: NDArray[np.uint8]
    yaw_deg: float
    height_mm: float
    mass_g: float


def render_sprite(view: View, seed: int, spp: int = SPP) -> Shot:
    """Return one view of one piece; raises RendererMissingError."""
    body = build(view.form, view.number, seed)
    rng = generator(seed, view.form, view.number, "pose", view.view)
    yaw, shot_seed = float(rng.uniform(0, 2 * np.pi)), int(rng.integers(2**31))
    resting = laid(body, rng, yaw)
    points = np.concatenate([part.mesh.vertices for part in resting.parts])
    px = np.ceil(2 * np.abs(points[:, :2]).max(axis=0) / MM_PER_PX) + 2 * MARGIN_PX
    scene = _scene(view.light, (float(px[0]) * MM_PER_PX / 2, float(px[1]) * MM_PER_PX / 2), spp, shot_seed)
    for i, (part, surface) in enumerate(zip(resting.parts, appearance(body, view, seed), strict=True)):
        scene[f"part{i}"] = mesh_node(part.mesh, surface, part.substance)
    image = encoded(_shot(scene, spp, shot_seed), white_balance(view.light))
    return Shot(image, float(np.degrees(yaw)), float(points[:, 2].max()), body.mass_g())
