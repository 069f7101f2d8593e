"""The finder against a worn belt that scrolls under an uneven lamp."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.scene import Outline, belt, disc, lay, square
from vision.belt_plate import SUMMED, BeltPlate, Tolerance, toned
from vision.clump import ClumpLimits, parts_of
from vision.finder import Finder, FinderSettings
from vision.finder_score import FinderScore, score_frame
from vision.types import Blob

COPPER, STEEL, BLACK = (60, 85, 150), (150, 152, 155), (2, 2, 2)


def trained(frames: int = 24) -> Finder:
    finder = Finder(FinderSettings())
    for step in range(frames):
        finder.learn(belt(step * 29))
    return finder


def middles(blobs: tuple[Blob, ...]) -> list[tuple[float, float]]:
    return sorted((blob.box.x + blob.box.w / 2, blob.box.y + blob.box.h / 2) for blob in blobs)


def test_bare_belt_holds_nothing() -> None:
    finder = trained()
    assert [finder.find(belt(2_000 + step * 31)) for step in range(8)] == [()] * 8


def test_pieces_are_found_in_the_very_first_picture() -> None:
    picture = lay(belt(0), [(square(100, 120, 60), COPPER), (disc(400, 300, 30), STEEL)])
    assert np.allclose(middles(Finder(FinderSettings()).find(picture)), [(130, 150), (400.5, 300.5)], atol=2)


def test_a_dark_copper_piece_hardly_brighter_than_the_belt_is_found_by_its_colour() -> None:
    picture = lay(belt(900), [(square(300, 200, 50), (30, 38, 62))])
    assert np.allclose(middles(trained().find(picture)), [(325, 225)], atol=3)


def test_centres_are_within_a_millimetre_anywhere_between_the_coarse_pixels() -> None:
    finder = trained()
    for shift in range(8):
        picture = lay(belt(700 + shift), [(square(200 + shift, 240 + shift, 45), STEEL)])
        (blob,) = finder.find(picture)
        error_px = np.hypot(blob.box.x + blob.box.w / 2 - 222.5 - shift, blob.box.y + blob.box.h / 2 - 262.5 - shift)
        assert error_px * 0.625 < 1.0
        assert blob.area_px == pytest.approx(45 * 45, rel=0.1)


def test_the_shadow_of_a_piece_is_not_part_of_it() -> None:
    picture = belt(500)
    shade = np.ones(picture.shape[:2], np.float32)
    shade[260:300, 200:260] = 0.65
    shaded = (picture * cv2.GaussianBlur(shade, (0, 0), 2)[..., None]).astype(np.uint8)
    (blob,) = trained().find(lay(shaded, [(square(200, 220, 60), STEEL)]))
    assert blob.box.h == pytest.approx(60, abs=6)


def test_a_wire_stays_in_one_piece() -> None:
    wire = np.array([[200, 100], [240, 160], [230, 220], [290, 260]], np.int32)
    picture = belt(300)
    cv2.polylines(picture, [wire], False, COPPER, 4, cv2.LINE_AA)
    (blob,) = trained().find(picture)
    assert not blob.touching
    assert blob.box.h == pytest.approx(164, abs=10)


@pytest.mark.parametrize("colour", [STEEL, (30, 38, 62)], ids=["bright", "hardly brighter than the belt"])
def test_hardly_more_than_the_smallest_piece_is_found_anywhere_between_the_coarse_pixels(
    colour: tuple[int, int, int],
) -> None:
    finder = trained()
    for shift in range(8):
        picture = lay(belt(700 + shift), [(square(200 + shift, 240 + shift, 15), colour)])
        assert np.allclose(middles(finder.find(picture)), [(207.5 + shift, 247.5 + shift)], atol=3)


def test_dust_is_not_a_piece() -> None:
    picture = belt(300)
    rng = np.random.default_rng(3)
    for x, y in rng.integers(5, 500, (60, 2)):
        cv2.circle(picture, (int(x), int(y)), 1, STEEL, -1)
    assert trained().find(picture) == ()


def test_a_splice_across_the_belt_is_not_a_piece_but_a_piece_on_it_is() -> None:
    finder, picture = trained(), belt(100)
    cv2.line(picture, (0, 150), (639, 320), (95, 95, 95), 3, cv2.LINE_AA)
    assert finder.find(picture) == ()
    assert np.allclose(middles(finder.find(lay(picture, [(square(300, 210, 50), COPPER)]))), [(325, 235)], atol=4)


def test_a_change_of_light_is_learnt_anew() -> None:
    finder = trained()
    for step in range(60):
        finder.learn(np.clip(belt(step * 29) * 1.8, 0, 255).astype(np.uint8))
    assert finder.find(np.clip(belt(4_000) * 1.8, 0, 255).astype(np.uint8)) == ()


def test_pieces_that_pass_while_learning_do_not_become_belt() -> None:
    finder = Finder(FinderSettings())
    for step in range(40):
        finder.learn(lay(belt(step * 29), [(square(100, step * 29 % 500 - 30, 70), STEEL)]))
    assert len(finder.find(lay(belt(4_000), [(square(100, 200, 70), STEEL)]))) == 1


def outline_of(*shapes: Outline) -> Outline:
    canvas = np.zeros((400, 400), np.uint8)
    cv2.fillPoly(canvas, list(shapes), 255)
    (contour,), _ = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return np.asarray(contour, np.int32)


def test_two_discs_that_just_touch_are_cut_apart() -> None:
    parts = parts_of(outline_of(disc(100, 100, 40), disc(178, 100, 40)), 150, ClumpLimits())
    assert len(parts) == 2
    assert [touching for _, touching in parts] == [False, False]


@pytest.mark.parametrize(("apart_px", "flags"), [(76, [False, False]), (70, [True]), (50, [False])])
def test_two_discs_grown_together_are_cut_then_flagged_then_one(apart_px: int, flags: list[bool]) -> None:
    parts = parts_of(outline_of(disc(100, 100, 40), disc(100 + apart_px, 100, 40)), 150, ClumpLimits())
    assert [touching for _, touching in parts] == flags


@pytest.mark.parametrize(
    "outline",
    [
        outline_of(disc(100, 100, 40)),
        outline_of(square(50, 50, 40), np.array([[50, 50], [89, 50], [89, 250], [50, 250]], np.int32)),
        outline_of(np.array([[50, 50], [80, 50], [80, 200], [200, 200], [200, 230], [50, 230]], np.int32)),
        outline_of(np.array([[20, 20], [26, 20], [200, 190], [380, 20], [386, 26], [200, 200]], np.int32)),
    ],
    ids=["disc", "bar", "bent shred", "wire"],
)
def test_one_piece_is_left_alone(outline: Outline) -> None:
    assert [touching for _, touching in parts_of(outline, 150, ClumpLimits())] == [False]


def test_the_score_counts_hits_splits_and_merges() -> None:
    truth = [square(0, 0, 40), square(50, 0, 40), square(100, 0, 40), square(150, 0, 40)]
    found = [
        square(2, 2, 40),
        square(50, 0, 15),
        square(70, 0, 15),
        np.array([[100, 0], [190, 0], [190, 40], [100, 40]]),
    ]
    score, off_px = score_frame(found, truth, 100, 200)
    assert score == FinderScore(pieces=4, outlines=4, matched=1, split=1, merged=1)
    assert off_px == pytest.approx([np.hypot(2, 2)])
    assert score.plus(score).recall_iou50 == 0.25
    assert score_frame([], [], 10, 10).score.precision_iou50 == 1.0


def test_a_piece_that_rests_while_the_belt_runs_is_not_learnt_as_belt() -> None:
    finder = Finder(FinderSettings())
    resting = [lay(belt(step * 97), [(square(300, 200, 60), COPPER)]) for step in range(10)]
    for step in range(400):
        finder.learn(resting[step % 10])
    (blob,) = finder.find(lay(belt(700), [(square(300, 200, 60), COPPER)]))
    assert blob.box.w == pytest.approx(60, abs=4)


def test_a_belt_that_turns_in_step_with_the_lessons_is_known_alike_everywhere() -> None:
    """Eight lessons a turn, and each shows another stretch of belt, some brighter than others."""
    rng = np.random.default_rng(5)
    turn = [toned(rng.normal(60 + 2 * n, 3, (256, 320, 3)).astype(np.uint8)) for n in range(8)]
    plate = BeltPlate(turn[0], Tolerance(6.0, 0.45, 45.0, 9.0, 81))
    for lesson in range(400):
        plate.learn(turn[lesson % 8], np.zeros((256, 320), np.uint8), 0.02)
    rows = plate.known[..., 0].mean(axis=1) / SUMMED
    assert rows.mean() == pytest.approx(66.5, abs=1.5)
    assert np.ptp(rows) < 2.5


def test_slow_wear_and_dust_are_followed() -> None:
    finder = Finder(FinderSettings())
    belts = [belt(step * 97) for step in range(10)]
    for step in range(300):
        finder.learn(np.clip(belts[step % 10] * (1 + step / 600) + step / 30, 0, 255).astype(np.uint8))
    worn = np.clip(belt(333) * 1.5 + 10, 0, 255).astype(np.uint8)
    assert finder.find(worn) == ()
    assert len(finder.find(lay(worn, [(square(300, 200, 60), COPPER)]))) == 1


@pytest.mark.parametrize("quality", [95, 85, 75])
def test_pictures_that_were_compressed_show_no_pieces_where_there_are_none(quality: int) -> None:
    finder = Finder(FinderSettings())
    taught = [compressed(belt(step * 97), quality) for step in range(10)]
    for step in range(40):
        finder.learn(taught[step % 10])
    assert [len(finder.find(compressed(belt(2_000 + step * 31), quality))) for step in range(4)] == [0] * 4
    picture = lay(belt(900), [(square(300, 200, 50), (30, 38, 62)), (disc(100, 300, 30), STEEL)])
    assert len(finder.find(compressed(picture, quality))) == 2


def test_following_is_finding_and_learning() -> None:
    one, other = Finder(FinderSettings()), Finder(FinderSettings())
    for step in range(12):
        picture = lay(belt(step * 29), [(square(100, step * 29 % 400, 70), STEEL)])
        found = other.find(picture)
        other.learn(picture)
        assert [blob.box for blob in one.follow(picture)] == [blob.box for blob in found]


@pytest.mark.parametrize("light", [1.0, 4.0], ids=["dark belt", "light belt"])
def test_light_and_dark_pieces_are_found_on_light_and_dark_belts(light: float) -> None:
    finder = Finder(FinderSettings())
    for step in range(24):
        finder.learn(np.clip(belt(step * 29) * light, 0, 255).astype(np.uint8))
    colours = (COPPER, (235, 235, 235)) if light == 1 else (BLACK, (40, 60, 120))
    off_px = []
    for place in range(900, 1300, 50):
        ground = np.clip(belt(place) * light, 0, 255).astype(np.uint8)
        picture = lay(ground, [(square(100, 120, 60), colours[0]), (disc(400, 300, 30), colours[1])])
        off_px.append(np.subtract(middles(finder.find(picture)), [(130, 150), (400.5, 300.5)]))
    off = np.abs(off_px)
    assert np.median(off) <= 1
    assert off.max() < 4


@pytest.mark.parametrize("colours", [(STEEL, COPPER), (STEEL, STEEL)], ids=["two metals", "a shadow between"])
def test_two_plates_side_against_side_are_two_pieces(
    colours: tuple[tuple[int, int, int], tuple[int, int, int]],
) -> None:
    left = np.array([[200, 150], [279, 150], [279, 229], [200, 229]], np.int32)
    right = np.array([[280, 190], [359, 190], [359, 269], [280, 269]], np.int32)
    picture = lay(belt(900), [(left, colours[0]), (right, colours[1])])
    if colours[0] == colours[1]:
        cv2.line(picture, (280, 190), (280, 229), (35, 35, 35), 5)
    assert np.allclose(middles(trained().find(picture)), [(240, 190), (320, 230)], atol=5)


def test_a_stepped_plate_of_one_metal_is_one_piece() -> None:
    stepped = np.array(
        [[200, 150], [279, 150], [279, 190], [359, 190], [359, 269], [280, 269], [280, 229], [200, 229]], np.int32
    )
    assert len(trained().find(lay(belt(900), [(stepped, STEEL)]))) == 1


def compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
