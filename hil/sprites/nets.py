"""Surfaces of bodies that are given by a signed distance."""

import numpy as np

from hil.sprites.mesh import Field, Floats, Ints, Mesh


def skin_of(solid: Field, half_mm: Floats, pitch_mm: float) -> Mesh:
    """Return the zero surface of a signed distance field (negative inside) by naive surface nets.

    half_mm (3,) is half the box that holds the body. Vertices sit at the mean of the crossings of each grid cell
    (S. F. F. Gibson, "Constrained elastic surface nets", MICCAI 1998, without the relaxation).
    """
    axes = [np.arange(-h - 2 * pitch_mm, h + 2.01 * pitch_mm, pitch_mm) for h in half_mm]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    value = solid(grid.reshape(-1, 3)).reshape(grid.shape[:3])
    total, count = np.zeros((*value.shape, 3)), np.zeros(value.shape)
    faces = np.concatenate([_crossings(axis, grid, value, total, count) for axis in range(3)])
    used, back = np.unique(faces, return_inverse=True)
    place = total.reshape(-1, 3)[used] / count.reshape(-1, 1)[used]
    chart = np.column_stack([place[:, :2], np.ones(len(used))])
    return Mesh(place, back.reshape(-1, 3), chart)


def _crossings(axis: int, grid: Floats, value: Floats, total: Floats, count: Floats) -> Ints:
    """Add the crossings of the edges along one axis to their four cells; return the faces (m, 3) across them."""
    here, there = [slice(1, -1)] * 3, [slice(1, -1)] * 3
    here[axis], there[axis] = slice(0, -1), slice(1, None)
    first, second = value[tuple(here)], value[tuple(there)]
    crossed = np.nonzero((first < 0) != (second < 0))
    share = (first[crossed] / (first[crossed] - second[crossed]))[:, None]
    low = grid[tuple(here)][crossed]
    point = low + share * (grid[tuple(there)][crossed] - low)
    index = [ids + (0 if a == axis else 1) for a, ids in enumerate(crossed)]
    one, two = (axis + 1) % 3, (axis + 2) % 3
    corners = []
    for step_one, step_two in ((0, 0), (1, 0), (1, 1), (0, 1)):
        at = list(index)
        at[one], at[two] = at[one] - 1 + step_one, at[two] - 1 + step_two
        np.add.at(total, tuple(at), point)
        np.add.at(count, tuple(at), 1.0)
        corners.append(np.ravel_multi_index(tuple(at), value.shape))
    quad = np.stack(corners, axis=1)
    inward = first[crossed] >= 0
    quad[inward] = quad[inward][:, ::-1]
    return np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
