"""Optics of the substances: measured constants of the metals, and what Mitsuba makes of a surface."""

from functools import cache

import numpy as np

from hil.sprites.extra import mitsuba
from hil.sprites.finish import Surface
from hil.sprites.mesh import Floats, Mesh, normals

BUILT_IN = {"copper": "Cu", "aluminium": "Al", "gold": "Au"}

# Rows of wavelength in nm, refractive index, extinction coefficient; from the refractiveindex.info database (CC0).
# brass: 70 % Cu, 30 % Zn. M. R. Querry, Optical constants, Contractor Report CRDC-CR-85034 (1985).
# iron: P. B. Johnson and R. W. Christy, Phys. Rev. B 9, 5056-5070 (1974).
# stainless: austenitic 18.5 % Cr 9.3 % Ni. B. Karlsson and C. G. Ribbing, J. Appl. Phys. 53, 6340-6346 (1982).
# zinc: W. S. M. Werner, K. Glantschnig, C. Ambrosch-Draxl, J. Phys. Chem. Ref. Data 38, 1013-1092 (2009).
MEASURED: dict[str, tuple[tuple[float, float, float], ...]] = {
    "brass": (
        (360, 1.503, 1.815), (380, 1.487, 1.818), (400, 1.445, 1.805), (420, 1.350, 1.786), (440, 1.191, 1.797),
        (460, 0.994, 1.883), (480, 0.816, 2.046), (500, 0.686, 2.250), (520, 0.602, 2.464), (540, 0.549, 2.668),
        (560, 0.505, 2.860), (580, 0.468, 3.059), (600, 0.450, 3.253), (620, 0.449, 3.434), (640, 0.444, 3.609),
        (660, 0.445, 3.778), (680, 0.444, 3.943), (700, 0.446, 4.106), (740, 0.455, 4.424), (780, 0.464, 4.737),
        (830, 0.483, 5.115),
    ),
    "iron": (
        (354, 1.93, 2.35), (368, 2.02, 2.43), (381, 2.12, 2.50), (397, 2.24, 2.58), (413, 2.35, 2.65),
        (431, 2.48, 2.71), (451, 2.59, 2.77), (471, 2.67, 2.82), (496, 2.74, 2.88), (521, 2.86, 2.91),
        (549, 2.95, 2.93), (582, 2.94, 2.99), (617, 2.88, 3.05), (659, 2.92, 3.10), (704, 2.86, 3.19),
        (756, 2.87, 3.28), (821, 2.94, 3.39), (892, 2.96, 3.56),
    ),
    "stainless": (
        (360, 1.4354, 2.5447), (380, 1.4786, 2.6681), (400, 1.5249, 2.7925), (420, 1.5762, 2.9240),
        (440, 1.6386, 3.0555), (460, 1.7169, 3.1785), (480, 1.7921, 3.2933), (500, 1.8636, 3.4010),
        (520, 1.9349, 3.5072), (540, 2.0072, 3.6166), (560, 2.0807, 3.7298), (580, 2.1557, 3.8451),
        (600, 2.2325, 3.9594), (620, 2.3122, 4.0504), (640, 2.3962, 4.1378), (660, 2.4839, 4.2261),
        (680, 2.5731, 4.3155), (700, 2.6617, 4.4066), (740, 2.8331, 4.5851), (780, 2.9915, 4.7009),
        (840, 3.2096, 4.8744),
    ),
    "zinc": (
        (354.241, 0.5240, 2.9907), (381.490, 0.5508, 3.2986), (413.281, 0.6029, 3.6376), (450.852, 0.6794, 4.0209),
        (495.937, 0.7858, 4.4636), (551.041, 0.9322, 4.9850), (619.921, 1.1356, 5.6116), (708.481, 1.4247, 6.3811),
        (826.561, 1.8489, 7.3486), (991.874, 2.4976, 8.5981),
    ),
}  # fmt: skip

GLOSS_SHARE = {"plastic": 0.055, "glass": 0.09}
METALS = frozenset(BUILT_IN) | frozenset(MEASURED)

Node = dict[str, object]


def _spectrum(rows: tuple[tuple[float, float, float], ...], column: int) -> Node:
    return {"type": "spectrum", "value": [(row[0], row[column]) for row in rows]}


def conductor(substance: str) -> Node:
    """Return a rough conductor that reads its roughness and sheen from the vertices."""
    node: Node = {
        "type": "roughconductor",
        "distribution": "ggx",
        "alpha": _attribute("rough"),
        "specular_reflectance": _attribute("sheen"),
    }
    if substance in BUILT_IN:
        return node | {"material": BUILT_IN[substance]}
    return node | {"eta": _spectrum(MEASURED[substance], 1), "k": _spectrum(MEASURED[substance], 2)}


def _attribute(name: str) -> Node:
    return {"type": "mesh_attribute", "name": f"vertex_{name}"}


def _layer(coat: float, substance: str = "plastic") -> Node:
    """Return a painted or plastic layer, or a matte one where coat is 0; its colour comes from the vertices.

    Mitsuba's plastic cannot read its colour from vertices, so the gloss is a thin share of a colourless mirror.
    """
    matte: Node = {"type": "diffuse", "reflectance": _attribute("tint")}
    if coat <= 0:
        return matte
    gloss: Node = {"type": "roughconductor", "material": "none", "distribution": "ggx", "alpha": coat}
    return {"type": "blendbsdf", "weight": GLOSS_SHARE[substance], "below": matte, "over": gloss}


def bsdf(substance: str, coat: float) -> Node:
    """Return the Mitsuba description of a substance: a metal of the tables above, or plastic, matte or glass.

    Glass lies on a dark belt: it is drawn as its dark colour under a strong gloss, without light passing through.
    """
    if substance in METALS:
        blend: Node = {
            "type": "blendbsdf",
            "weight": _attribute("cover"),
            "below": conductor(substance),
            "over": _layer(coat),
        }
        return {"type": "twosided", "inside": blend}
    return {"type": "twosided", "inside": _layer(coat if substance in GLOSS_SHARE else 0.0, substance)}


def attributes(surface: Surface) -> dict[str, Floats]:
    """Return the vertex attributes by name, colours as the coefficients that Mitsuba's spectral upsampling wants."""
    return {
        "rough": surface.rough[:, None],
        "cover": surface.cover[:, None],
        "sheen": _coefficients(surface.sheen),
        "tint": _coefficients(surface.tint),
    }


def _coefficients(colours: Floats) -> Floats:
    """Return upsampling coefficients (n, 3) of linear colours, which are rounded to 1/128 of the square root."""
    steps = np.clip(np.round(np.sqrt(np.clip(colours, 0, 1)) * 128), 6, 127).astype(int)
    unique, back = np.unique(steps, axis=0, return_inverse=True)
    table = np.array([_fetch(*(int(v) for v in row)) for row in unique])
    return np.asarray(table[back.ravel()])


@cache
def _fetch(red: int, green: int, blue: int) -> tuple[float, float, float]:
    mi = mitsuba()
    colour = (np.array([red, green, blue]) / 128) ** 2
    first, second, third = mi.srgb_model_fetch(mi.ScalarColor3f(*colour))
    return float(first), float(second), float(third)


def mesh_node(mesh: Mesh, surface: Surface, substance: str) -> object:
    """Return a Mitsuba mesh in mm that carries its look."""
    mi = mitsuba()
    properties = mi.Properties()
    properties["mesh_bsdf"] = mi.load_dict(bsdf(substance, surface.coat))
    count = len(mesh.vertices)
    node = mi.Mesh(
        "part", count, len(mesh.faces), has_vertex_normals=True, has_vertex_texcoords=False, props=properties
    )
    parameters = mi.traverse(node)
    parameters["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
    parameters["vertex_normals"] = normals(mesh.vertices, mesh.faces).astype(np.float32).ravel()
    parameters["faces"] = mesh.faces.astype(np.uint32).ravel()
    parameters.update()
    for name, values in attributes(surface).items():
        node.add_attribute(f"vertex_{name}", values.shape[1], values.astype(np.float32).ravel())
    return node
