"""The renderer, where the extra `train` is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hil.sprites import render
from hil.sprites.atlas import load_atlas
from hil.sprites.extra import RendererMissingError, needed
from hil.sprites.finish import LOOKS, surface_of
from hil.sprites.geometry import FORMS, build
from hil.sprites.making import render_atlas
from hil.sprites.pose import laid
from hil.sprites.render import View, encoded, render_sprite, white_balance

RENDERER = all(importlib.util.find_spec(name) for name in ("mitsuba", "scipy"))
with_renderer = pytest.mark.skipif(not RENDERER, reason="needs mitsuba and scipy: install the extra `train`")


def test_a_missing_renderer_says_what_to_install() -> None:
    with pytest.raises(RendererMissingError, match="install the extra `train`"):
        needed("a_package_nobody_has")


def test_encoding_divides_by_alpha_and_keeps_it() -> None:
    shot = np.array([[[0.25, 0.25, 0.25, 0.5], [0.0, 0.0, 0.0, 0.0], [9.0, 0.5, 0.0, 1.0]]])
    image = encoded(shot, (1.0, 1.0, 1.0))
    assert image[0, 0].tolist() == [188, 188, 188, 128]
    assert image[0, 1].tolist() == [0, 0, 0, 0]
    assert image[0, 2].tolist() == [0, 188, 255, 255]


@pytest.mark.parametrize("form", FORMS)
def test_every_finish_is_a_look_with_sane_values(form: str) -> None:
    for part in build(form, 0, 5).parts[:6]:
        assert part.finish in LOOKS
        surface = surface_of(np.random.default_rng(1), part.finish, part.mesh)
        for values in (surface.tint, surface.cover, surface.sheen):
            assert len(values) == len(part.mesh.vertices)
            assert values.min() >= 0
            assert values.max() <= 1
        assert surface.rough.min() > 0


@with_renderer
def test_a_piece_rests_on_the_belt_with_its_lowest_point_and_low() -> None:
    body = build("aluminium-shred", 0, 5)
    resting = laid(body, np.random.default_rng(2), 1.0)
    points = np.concatenate([part.mesh.vertices for part in resting.parts])
    assert points[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert np.ptp(points[:, 2]) < 0.8 * body.longest_mm()


@with_renderer
def test_a_rendered_piece_is_the_same_each_time_and_copper_is_red() -> None:
    view = View("copper-shred", 2, 0, "bars")
    first, second = render_sprite(view, 5, spp=8), render_sprite(view, 5, spp=8)
    np.testing.assert_array_equal(first.image, second.image)
    blue, _, red = first.image[first.image[..., 3] > 200][:, :3].mean(axis=0)
    assert red > 1.15 * blue


@with_renderer
def test_a_white_tile_is_neutral_and_bright_in_each_light() -> None:
    for light in ("bars", "low", "dome", "slanted"):
        gains = white_balance(light)
        assert max(gains) / min(gains) < 1.3


@with_renderer
def test_the_picture_is_not_mirrored() -> None:
    scene = render._scene("dome", (20.0, 20.0), 4, 1)
    scene["ahead"] = {"type": "sphere", "center": [12, 0, 5], "radius": 3}
    scene["aside"] = {"type": "sphere", "center": [0, 12, 5], "radius": 3}
    alpha = render._shot(scene, 4, 1)[..., 3]
    assert alpha[32, 51] == 1
    assert alpha[12, 32] == 1
    assert alpha[:, :26].max() == alpha[38:].max() == 0


@with_renderer
def test_a_stopped_rendering_is_resumed_where_it_was(tmp_path: Path) -> None:
    first: list[tuple[int, int]] = []

    def stop(done: int, wanted: int) -> None:
        first.append((done, wanted))
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_atlas(tmp_path, 1, seed=5, workers=1, resume=False, progress=stop, forms=("wood",))
    second: list[tuple[int, int]] = []
    render_atlas(
        tmp_path, 1, seed=5, workers=1, resume=True, progress=lambda *told: second.append(told), forms=("wood",)
    )
    assert first[0] == (0, 5)
    assert second[0][0] >= 1
    assert second[-1] == (5, 5)
    assert len(load_atlas(tmp_path).sprites) == 5
    assert not (tmp_path / "work").exists()


@with_renderer
def test_further_pieces_are_new_ones_all_for_training(tmp_path: Path) -> None:
    render_atlas(
        tmp_path, 1, seed=5, workers=1, resume=False, progress=lambda *_told: None, forms=("wood",), after=3
    )  # fmt: skip
    found = load_atlas(tmp_path).sprites
    assert [(sprite.object_id, sprite.split) for sprite in found] == [("wood-06", "train"), ("wood-07", "train")]
