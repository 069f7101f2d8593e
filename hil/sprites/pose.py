"""How a piece comes to rest on the belt."""

import numpy as np

from hil.sprites.body import Body, Part
from hil.sprites.extra import needed
from hil.sprites.mesh import Floats


def _about(axis: Floats, angle: float) -> Floats:
    """Return the rotation (3, 3) by an angle about a unit axis (Rodrigues)."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * (skew @ skew))


def _downward(face: Floats) -> Floats:
    """Return the rotation that turns a unit normal to straight down."""
    axis = np.cross(face, [0.0, 0.0, -1.0])
    length = float(np.linalg.norm(axis))
    if length < 1e-9:
        return np.eye(3) if face[2] < 0 else np.diag([1.0, -1.0, -1.0])
    return _about(axis / length, float(np.arctan2(length, -face[2])))


def _centre(body: Body) -> Floats:
    """Return the centre of mass (3,)."""
    total, weight = np.zeros(3), 0.0
    for part in body.parts:
        a, b, c = (part.mesh.vertices[part.mesh.faces[:, i]] for i in range(3))
        six = np.einsum("ij,ij->i", a, np.cross(b, c)) * part.density
        total += ((a + b + c) / 4 * six[:, None]).sum(axis=0)
        weight += float(six.sum())
    return np.asarray(total / weight)


def stable_turns(body: Body) -> tuple[list[Floats], Floats]:
    """Return rotations (3, 3) that put the piece on a stable side, and the chance of each.

    A side of the convex hull is stable when the centre of mass stands over it; the chance falls with the height of the
    centre (in units of the lowest) and grows with the side's area. Needs scipy, of the extra `train`.
    """
    points = np.concatenate([part.mesh.vertices for part in body.parts])
    hull, centre = needed("scipy.spatial").ConvexHull(points), _centre(body)
    turns, heights, areas = [], [], []
    for plane, corners in zip(hull.equations, hull.simplices, strict=True):
        height = -float(plane[:3] @ centre + plane[3])
        if _stands_over(centre + height * plane[:3], points[corners], plane[:3]):
            a, b, c = points[corners]
            turns.append(_downward(plane[:3]))
            heights.append(height)
            areas.append(float(np.linalg.norm(np.cross(b - a, c - a))) / 2)
    if not turns:
        lowest = int(np.argmax(hull.equations[:, :3] @ centre + hull.equations[:, 3]))
        return [_downward(hull.equations[lowest, :3])], np.ones(1)
    ratio = np.array(heights) / max(min(heights), 1e-6)
    chance = (np.array(areas) + 1.0) * np.exp(-2.5 * (ratio - 1))
    return turns, chance / chance.sum()


def _stands_over(foot: Floats, corners: Floats, up: Floats) -> bool:
    """Return whether a point of the plane lies in the triangle, with a little tolerance."""
    a, b, c = corners
    twice = float(np.linalg.norm(np.cross(b - a, c - a))) + 1e-12
    turns = [float(up @ np.cross(q - p, foot - p)) / twice for p, q in ((a, b), (b, c), (c, a))]
    return min(turns) > -0.02 or max(turns) < 0.02


def laid(body: Body, rng: np.random.Generator, yaw: float) -> Body:
    """Return the piece at rest: on a stable side, turned by yaw radians, lowest point at z = 0, centred in x and y."""
    turns, chance = stable_turns(body)
    turn = turns[int(rng.choice(len(turns), p=chance))]
    whole = _about(np.array([0.0, 0.0, 1.0]), yaw) @ turn
    points = np.concatenate([part.mesh.vertices for part in body.parts]) @ whole.T
    low, high = points.min(axis=0), points.max(axis=0)
    shift = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return Body(
        tuple(
            Part(p.mesh.moved(p.mesh.vertices @ whole.T - shift), p.substance, p.finish, p.density) for p in body.parts
        )
    )
