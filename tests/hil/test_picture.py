"""The painted picture: pieces ride the belt, the truth agrees with what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hil.feeder import lay
from hil.look import Look, View, vary
from hil.picture import Painter
from hil.stamp import PlacedSprite, Stamp, cut_stamp
from tests.hil.scrap import PlainSprite, bar, disc

VIEW = View(320, 256, 0.625)
QUIET = Look(noise=0.0, loop_mm=400.0, shadow=0.0)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(QUIET, VIEW)


def place(sprite: PlainSprite, at_mm: float, across_mm: float = 100.0, angle_deg: float = 0.0) -> PlacedSprite:
    return PlacedSprite(sprite, at_mm, across_mm, angle_deg, False, 1.0)


def _on_the_grid(sprite: PlainSprite, flip: bool) -> PlacedSprite:
    return PlacedSprite(sprite, -0.3125, 100.3125, 0.0, flip, 1.0)


def painted(painter: Painter, belt_mm: float, stamps: list[Stamp]) -> NDArray[np.uint8]:
    picture = np.empty(VIEW.shape, np.uint8)
    painter.paint(picture, belt_mm, stamps)
    return picture


def test_a_piece_lies_where_its_place_says(painter: Painter) -> None:
    (seen,), _ = painter.truth(80.0, [painter.stamp(place(disc(40), at_mm=0.0, across_mm=100.0))])
    assert seen.box.x + seen.box.w / 2 == pytest.approx(160, abs=0.6)
    assert seen.box.y + seen.box.h / 2 == pytest.approx(128, abs=0.6)
    assert seen.box.w == pytest.approx(38, abs=2)


def test_pieces_lie_where_their_places_say_on_average() -> None:
    places = [(0.13 * n, 100.0 + 0.17 * n) for n in range(40)]
    stamps = [cut_stamp(place(bar(40, 40), at, across), QUIET, VIEW) for at, across in places]
    off = [
        (stamp.row + np.nonzero(stamp.solid)[0].mean() + 0.5 + at / 0.625,
         stamp.column + np.nonzero(stamp.solid)[1].mean() + 0.5 - across / 0.625)
        for stamp, (at, across) in zip(stamps, places, strict=True)
    ]  # fmt: skip
    assert np.abs(np.mean(off, axis=0)).max() < 0.1
    assert np.abs(off).max() < 0.6


def test_a_piece_and_the_belt_under_it_travel_together(painter: Painter) -> None:
    stamps = [painter.stamp(place(disc(40), at_mm=0.0))]
    painter_unlit = Painter(Look(noise=0.0, loop_mm=400.0, shadow=0.0, falloff=0.0), VIEW)
    before, after = painted(painter_unlit, 50.0, stamps), painted(painter_unlit, 60.0, stamps)
    assert np.array_equal(after[16:], before[:-16])


def test_after_one_turn_the_same_belt_comes_round(painter: Painter) -> None:
    assert np.array_equal(painted(painter, 30.0, []), painted(painter, 430.0, []))
    assert not np.array_equal(painted(painter, 30.0, []), painted(painter, 230.0, []))


def test_the_owner_map_marks_the_pixels_that_a_piece_changed(painter: Painter) -> None:
    stamps = [painter.stamp(place(bar(60, 30), at_mm=0.0, angle_deg=30.0))]
    _, owners = painter.truth(80.0, stamps)
    changed = np.abs(painted(painter, 80.0, stamps).astype(int) - painted(painter, 80.0, [])).max(axis=2) > 60
    assert (changed != (owners == 1)).sum() < 0.12 * changed.sum()


def test_a_piece_under_another_is_seen_in_part(painter: Painter) -> None:
    lower, upper = place(bar(40, 40), 0.0), place(bar(40, 40), 0.0, across_mm=112.5)
    first, second = painter.truth(80.0, [painter.stamp(lower), painter.stamp(upper)])[0]
    assert first.visible == pytest.approx(0.5, abs=0.03)
    assert second.visible == 1.0


def test_a_piece_cut_by_the_edge_is_not_whole(painter: Painter) -> None:
    stamps = [painter.stamp(place(bar(40, 40), at_mm=0.0))]
    (cut,), _ = painter.truth(0.0, stamps)
    assert not cut.whole
    assert cut.visible == pytest.approx(0.5, abs=0.05)
    assert painter.truth(-20.0, stamps)[0] == ()


def test_a_quarter_turn_swaps_length_and_width(painter: Painter) -> None:
    (seen,), _ = painter.truth(80.0, [painter.stamp(place(bar(60, 20), 0.0, angle_deg=90.0))])
    assert abs(seen.box.w - 20) <= 1
    assert abs(seen.box.h - 60) <= 1


def test_half_the_scale_gives_half_the_pixels() -> None:
    half = Painter(QUIET, View(160, 128, 1.25))
    (seen,), _ = half.truth(80.0, [half.stamp(place(bar(60, 20), 0.0))])
    assert abs(seen.box.w - 30) <= 1
    assert abs(seen.box.h - 10) <= 1


def test_a_flipped_piece_is_its_mirror_image(painter: Painter) -> None:
    sprite = bar(40, 40)
    sprite.image[:, :20, 3] = 0
    left, right = (painter.stamp(_on_the_grid(sprite, flip)).solid for flip in (False, True))
    assert np.array_equal(left, right[:, ::-1])


@pytest.mark.parametrize("seed", range(4))
def test_every_random_look_leaves_a_bright_piece_brighter_than_a_dark_belt(seed: int) -> None:
    look = vary(np.random.default_rng(seed), loop_mm=400.0)
    painter = Painter(look, VIEW)
    stamps = [painter.stamp(place(disc(60, grey=250), at_mm=0.0))]
    picture = painted(painter, 80.0, stamps)
    owners = painter.truth(80.0, stamps)[1]
    assert picture[owners == 1].mean() > picture[owners == 0].mean() + 20


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 360), st.booleans())
def test_the_outline_that_air_hits_is_the_outline_that_the_camera_sees(
    painter: Painter, angle_deg: float, flip: bool
) -> None:
    sprite = bar(60, 40)
    sprite.image[:20, :40, 3] = 0
    placed = PlacedSprite(sprite, 0.0, 100.0, angle_deg, flip, 1.0)
    owners = painter.truth(80.0, [painter.stamp(placed)])[1]
    outline = lay(1, sprite, placed).outline
    rows = np.round((80.0 - outline[:, 0]) / VIEW.mm_per_px).astype(int)
    columns = np.round(outline[:, 1] / VIEW.mm_per_px).astype(int)
    assert (owners[rows, columns] == 1).mean() > 0.9
