"""Closed triangle meshes in millimetres, made with numpy alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Field = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Mesh:
    """A surface: vertices (n, 3) in mm, faces (m, 3) counter-clockwise from outside.

    `chart` (n, 3) gives each vertex its place on the flat blank before it was bent: u and v in mm, and the side it
    lies on (+1 upper or outer face, -1 lower or inner face, 0 edge). Paint and print are drawn on it.
    """

    vertices: Floats
    faces: Ints
    chart: Floats

    def moved(self, vertices: Floats) -> "Mesh":
        """Return the same surface with its vertices at other places."""
        return replace(self, vertices=vertices)


def volume_mm3(mesh: Mesh) -> float:
    """Return the enclosed volume by the divergence theorem; positive when the faces look outward."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def normals(vertices: Floats, faces: Ints) -> Floats:
    """Return unit vertex normals (n, 3), weighted by face area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(total, faces[:, corner], across)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def merge(meshes: list[Mesh]) -> Mesh:
    """Return several surfaces as one, which may overlap."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.chart for mesh in meshes]),
    )


def open_edges(faces: Ints) -> Ints:
    """Return the directed edges (k, 2) that have a face on one side only."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, back, counts = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(edges[counts[back.ravel()] == 1])


def thicken(middle: Floats, faces: Ints, flat: Floats, thickness_mm: float) -> Mesh:
    """Return a solid of the given thickness around an open surface; flat (n, 2) is where its points lay in the blank.

    The rim has vertices of its own, so that it shades as a cut edge.
    """
    half = normals(middle, faces) * thickness_mm / 2
    upper, lower, n = middle + half, middle - half, len(middle)
    edges = open_edges(faces)
    rim = np.unique(edges)
    place = np.zeros(n, dtype=np.int64)
    place[rim] = np.arange(len(rim))
    top, bottom = 2 * n + place[edges], 2 * n + len(rim) + place[edges]
    walls = np.concatenate(
        [np.stack([top[:, 1], top[:, 0], bottom[:, 0]], 1), np.stack([top[:, 1], bottom[:, 0], bottom[:, 1]], 1)]
    )
    sides = np.concatenate([np.ones(n), -np.ones(n), np.zeros(2 * len(rim))])
    blank = np.concatenate([flat, flat, flat[rim], flat[rim]])
    return Mesh(
        np.concatenate([upper, lower, upper[rim], lower[rim]]),
        np.concatenate([faces, faces[:, ::-1] + n, walls]),
        np.column_stack([blank, sides]),
    )


def _frames(path: Floats) -> tuple[Floats, Floats]:
    """Return two unit vectors (k, 3) across the path at each point, turning as little as possible along it."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-12)
    side = np.cross(ahead[0], [0.0, 0.0, 1.0] if abs(ahead[0, 2]) < 0.9 else [1.0, 0.0, 0.0])
    across = np.empty_like(path)
    for k, direction in enumerate(ahead):
        side = side - direction * (side @ direction)
        side /= max(float(np.linalg.norm(side)), 1e-12)
        across[k] = side
    return across, np.cross(ahead, across)


def _skin(rings: int, sides: int) -> Ints:
    """Return the faces of a tube of rings, looking outward."""
    k, s = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    a, b = (k * sides + s).ravel(), (k * sides + (s + 1) % sides).ravel()
    return np.concatenate([np.stack([a, b, b + sides], 1), np.stack([a, b + sides, a + sides], 1)])


def _chart(path: Floats, profile: Floats, side: float) -> Floats:
    """Return u along the path and v around the profile, in mm, for every vertex of a sweep."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    turn = np.linalg.norm(np.diff(profile[-1], axis=0, append=profile[-1][:1]), axis=1)
    around = np.concatenate([[0.0], np.cumsum(turn)[:-1]])
    u, v = np.meshgrid(along, around, indexing="ij")
    return np.column_stack([u.ravel(), v.ravel(), np.full(u.size, side)])


def sweep(path: Floats, profile: Floats, inner: Floats | None = None) -> Mesh:
    """Return a profile carried along a path (k, 3).

    Profiles are (k, s, 2) in mm, one closed ring per point of the path, counter-clockwise and around the origin. With
    `inner` the body is a pipe, without it the ends are closed by flat caps.
    """
    across, up = _frames(path)
    rings, sides = profile.shape[:2]
    outer = (path[:, None] + across[:, None] * profile[..., :1] + up[:, None] * profile[..., 1:]).reshape(-1, 3)
    skin, chart = _skin(rings, sides), _chart(path, profile, 1.0)
    s = np.arange(sides)
    t, last, n = (s + 1) % sides, (rings - 1) * sides, len(outer)
    if inner is None:
        ends = outer[:sides], outer[last:]
        middles = np.stack([end.mean(axis=0) for end in ends])
        first = np.stack([n + t, n + s, np.full(sides, n + 2 * sides)], 1)
        second = np.stack([n + sides + s, n + sides + t, np.full(sides, n + 2 * sides + 1)], 1)
        caps = np.concatenate([chart[:sides], chart[last:], chart[[0, last]]]) * [1, 1, 0]
        return Mesh(
            np.concatenate([outer, *ends, middles]),
            np.concatenate([skin, first, second]),
            np.concatenate([chart, caps]),
        )
    bore = (path[:, None] + across[:, None] * inner[..., :1] + up[:, None] * inner[..., 1:]).reshape(-1, 3)
    mouth = np.concatenate([np.stack([t, s, n + s], 1), np.stack([t, n + s, n + t], 1)])
    far = np.concatenate([np.stack([s, t, n + t], 1), np.stack([s, n + t, n + s], 1)]) + last
    faces = np.concatenate([skin, skin[:, ::-1] + n, mouth, far])
    return Mesh(np.concatenate([outer, bore]), faces, np.concatenate([chart, chart * [1, 1, -1]]))


def ring(sides: int) -> Floats:
    """Return the unit circle (sides, 2), counter-clockwise."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])
