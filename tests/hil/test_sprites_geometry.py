"""The pieces of scrap the sprites are made of."""

import numpy as np
import pytest

from hil.sprites.body import Body
from hil.sprites.geometry import FORMS, LARGEST_MM, SMALLEST_MM, build
from hil.sprites.mesh import Mesh, open_edges, volume_mm3

SEED = 11


def _welded(mesh: Mesh) -> Mesh:
    """Return the mesh with vertices at one place made one, as cut edges carry two."""
    unique, back = np.unique(mesh.vertices.round(6), axis=0, return_inverse=True)
    return Mesh(unique, back.ravel()[mesh.faces], np.zeros_like(unique))


def _points(body: Body) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.concatenate([part.mesh.vertices for part in body.parts])


@pytest.mark.parametrize("form", FORMS)
def test_every_part_encloses_a_positive_volume(form: str) -> None:
    for part in build(form, 0, SEED).parts:
        assert volume_mm3(part.mesh) > 0


@pytest.mark.parametrize("form", FORMS)
def test_a_mesh_has_next_to_no_open_edge(form: str) -> None:
    for part in build(form, 1, SEED).parts:
        assert len(open_edges(_welded(part.mesh).faces)) <= 0.01 * len(part.mesh.faces)


@pytest.mark.parametrize("form", FORMS)
def test_a_piece_is_as_long_as_scrap_on_the_belt(form: str) -> None:
    longest = build(form, 2, SEED).longest_mm()
    assert SMALLEST_MM - 1e-6 <= longest <= LARGEST_MM + 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_the_same_seed_gives_the_same_mesh(form: str) -> None:
    np.testing.assert_array_equal(_points(build(form, 3, SEED)), _points(build(form, 3, SEED)))


def test_another_number_or_seed_gives_another_mesh() -> None:
    first = _points(build("copper-shred", 0, SEED))
    for other in (_points(build("copper-shred", 1, SEED)), _points(build("copper-shred", 0, SEED + 1))):
        assert first.shape != other.shape or not np.allclose(first, other)


def test_a_whole_can_weighs_what_a_can_weighs() -> None:
    masses = [build("can", number, SEED).mass_g() for number in range(10)]
    assert max(masses) == pytest.approx(14, rel=0.3)


def test_the_volume_of_a_cube_is_known_and_its_missing_face_is_seen() -> None:
    corners = np.array([[x, y, z] for x in (0, 2) for y in (0, 2) for z in (0, 2)], dtype=float)
    squares = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in squares for t in ((a, b, c), (a, c, d))])
    cube = Mesh(corners, faces, np.zeros_like(corners))
    assert volume_mm3(cube) == pytest.approx(8)
    assert len(open_edges(cube.faces)) == 0
    assert len(open_edges(cube.faces[1:])) == 3
