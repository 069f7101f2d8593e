"""What the tasks find at the simulated line is what is true of it."""

from __future__ import annotations

from itertools import count, pairwise
from pathlib import Path

import pytest

from hil.types import Hand, HandName, LaidPiece
from station import setup
from station.config import Config
from station.plan import plan_bench
from station.wiring import RingCameraChoice, open_eye
from station.wizard import tasks
from station.wizard.belt_steps import Turn, fit_ticks
from station.wizard.hands import laid
from station.wizard.opening import measuring_setup
from station.wizard.piece_steps import PULSE_MM, WIDE_MM
from station.wizard.pieces import watch_pieces
from station.wizard.timing import Shot, fit_timing
from station.wizard.words import FireEach, FollowBelt, MeasureRefused, Shoot, WatchPieces
from tests.station.wizard.rig import Rig, small_site
from vision.board import fit_belt
from vision.model_card import load_card

TRUE = "{ticks_per_mm: 10.07, distance_mm: {copper: 1011.0}, delay_ms: {copper: 17.0}}"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return small_site(tmp_path, TRUE)


def rig_of(config: Config) -> Rig:
    rig = Rig(config)
    rig.do(Hand(HandName.clear))
    return rig


def test_a_clean_lens_shows_no_spots_and_a_dirty_one_shows_where_they_are(config: Config) -> None:
    rig = rig_of(config)
    clean = rig.run(tasks.see_light())
    assert clean.dirt == ()
    assert 0.5 < clean.darkest < 1 < clean.brightest < 1.5
    rig.do(Hand(HandName.smear))
    dirty = rig.run(tasks.see_light())
    assert any(
        abs(box.x + box.w / 2 - 0.22 * 640) < 25 and abs(box.y + box.h / 2 - 0.3 * 512) < 25 for box in dirty.dirt
    )


def test_letting_go_stops_the_belt_and_measures_nothing(config: Config) -> None:
    rig = rig_of(config)
    with pytest.raises(MeasureRefused, match="Let go too early"):
        rig.run(tasks.see_light(), held_s=1.0)
    rig.run(tasks.at_rest(), held_s=0.0)
    assert rig.motion.speed_mm_s == 0


def test_the_board_gives_every_pixel_its_true_place_however_crookedly_it_lies(config: Config) -> None:
    rig = rig_of(config)
    rig.do(Hand(HandName.lay_board, 180.0, 45.0))
    first = rig.run(tasks.see_board(), held_s=0.0)
    rig.do(Hand(HandName.turn_belt, 200.0))
    second = rig.run(tasks.see_board(), held_s=0.0)
    fit = fit_belt(first.seen, second.seen, 45.0, 180.0, (320.0, 0.0), (640, 512))
    assert fit.residual_mm < 0.15
    assert fit.mm_per_px == pytest.approx(1.25, rel=0.002)
    assert fit.turned_deg == pytest.approx(-1.3, abs=0.1)
    assert fit.moved_mm == pytest.approx(200.0, abs=1.0)
    (a, b, c), (d, e, f), (g, h, i) = fit.to_belt
    for x, y in ((0, 0), (640, 0), (0, 512), (640, 512), (320, 256)):
        scale = g * x + h * y + i
        assert (a * x + b * y + c) / scale == pytest.approx(1.25 * x, abs=2.0)
        assert (d * x + e * y + f) / scale == pytest.approx(1.25 * y, abs=2.0)


def test_turns_of_known_length_give_the_true_ticks_per_millimetre(config: Config) -> None:
    rig = rig_of(config)
    ticks = [rig.run(tasks.read_tick()).tick]
    for _ in range(2):
        rig.do(Hand(HandName.turn_belt, 1000.0))
        ticks.append(rig.run(tasks.read_tick()).tick)
    fit = fit_ticks([Turn(b - a, 1000.0) for a, b in pairwise(ticks)])
    assert fit.ticks_per_mm == pytest.approx(10.07, abs=3 * fit.sd)
    assert fit.sd < 0.01 * fit.ticks_per_mm
    assert fit_ticks([Turn(-10_070, 1000.0)]).ticks_per_mm < 0


def test_picture_and_encoder_are_compared_to_a_few_thousandths(config: Config) -> None:
    rig = rig_of(config)
    seen = rig.run(tasks.follow(FollowBelt(1.25)))
    assert seen.encoder_mm / seen.picture_mm == pytest.approx(1.007, abs=0.003)
    assert seen.residual_mm < 1.5
    assert 1300 < seen.encoder_mm / seen.seconds < 1700


def test_every_ejector_is_fired_by_itself_and_read_back(config: Config) -> None:
    rig = rig_of(config)
    fired = rig.run(tasks.fire_each(FireEach((0, 5, 48), 60.0), 3000, count(1)), held_s=0.0)
    assert [(shot.output, shot.result, shot.was_on) for shot in fired.shots] == [
        (0, "fired", True),
        (5, "fired", True),
        (48, "fired", True),
    ]
    assert rig.machine.sample().outputs == 0


def test_a_silent_heart_lets_everything_fall(config: Config) -> None:
    rig = rig_of(config)
    rig.silent_ns = 500_000_000
    fell = rig.run(tasks.watch_fall(500.0))
    assert fell.silent_ms > 400
    assert (fell.running, fell.armed, fell.outputs) == (False, False, 0)


def test_shots_at_test_pieces_of_one_speed_find_where_shots_fall(config: Config) -> None:
    rig = rig_of(config)
    plan = plan_bench(config)
    rules = measuring_setup(plan, RingCameraChoice("", (0, 0, 0), 0), RingCameraChoice("", (0, 0, 0), 0), 0).rules
    card = load_card(config.resolve(config.file.model))
    eye = open_eye(card, setup.finder_settings(config), setup.geometry(config), config.calibration.mm_per_px)
    lane = setup.ejectors(config)[7]
    rig.belt.ticks_per_mm = 10.07
    numbers, shots = count(1), []
    pieces = laid("ZN-DIE", len(WIDE_MM), lane)
    rig.do(Hand(HandName.lay_pieces, pieces=tuple(LaidPiece(*piece) for piece in pieces)))
    shoot = Shoot(1 << 7, lane.left_mm, lane.right_mm, lane.distance_mm, lane.delay_ms, PULSE_MM, WIDE_MM)
    passed = rig.run(watch_pieces(WatchPieces(len(WIDE_MM), shoot), lambda: eye, rules, numbers)).pieces

    rig.run(tasks.read_tick())
    landed = sorted(rig.line.news(0, 0).landed, key=lambda piece: piece.at_mm)
    assert [piece.result for piece in passed] == ["fired"] * len(WIDE_MM)
    for piece, fell in zip(passed, landed, strict=True):
        assert piece.offset_mm is not None
        shots.append(Shot(piece.offset_mm, piece.speed_mm_s, fell.outlet == "copper"))
    fit = fit_timing(shots)
    assert fit is not None
    assert not fit.has_both
    off_mm = (lane.distance_mm + fit.distance_mm - 1011.0) - 1500 * (lane.delay_ms + fit.delay_ms - 17.0) / 1000
    assert abs(off_mm) < (WIDE_MM[1] - WIDE_MM[0]) / 2
