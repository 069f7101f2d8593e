"""The belt's ticks never jump, whatever the counter does."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from control.belt import Belt, BeltMotion, BeltNews, BeltTrouble
from tests.control.yard import MS, make_sample

TICKS_PER_MM = 10.0
MAX_SPEED_MM_S = 2000.0


def make_belt(bits: int = 32) -> Belt:
    return Belt(TICKS_PER_MM, bits, MAX_SPEED_MM_S)


def drive(belt: Belt, counts: list[int], step_ms: float = 10.0, begin_ms: float = 0.0) -> list[BeltNews]:
    return [belt.take(make_sample(c, round((begin_ms + n * step_ms) * MS))) for n, c in enumerate(counts)]


@given(
    moves=st.lists(st.integers(0, 190), min_size=2, max_size=40),
    start=st.integers(0, 2**32 - 1),
    bits=st.sampled_from([16, 24, 32]),
    at_ms=st.floats(0, 400),
)
def test_the_place_where_the_counter_starts_changes_nothing(
    moves: list[int], start: int, bits: int, at_ms: float
) -> None:
    counts = [sum(moves[:n]) for n in range(len(moves) + 1)]
    plain, shifted = make_belt(bits), make_belt(bits)

    plain_news = drive(plain, counts)
    shifted_news = drive(shifted, [(start + count) % 2**bits for count in counts])

    assert plain_news == shifted_news
    assert plain.tick == counts[-1]
    assert plain.tick_at(round(at_ms * MS)) == shifted.tick_at(round(at_ms * MS))
    assert plain.speed_mm_s == shifted.speed_mm_s


@given(start=st.integers(0, 2**16 - 1), ahead=st.integers(-(2**15), 2**15 - 1))
@example(start=0, ahead=2**15 - 1)
def test_a_count_in_a_report_becomes_the_tick_it_was_made_from(start: int, ahead: int) -> None:
    belt = make_belt(16)
    drive(belt, [start, (start + 150) % 2**16])

    assert belt.tick_of(belt.count_of(belt.tick + ahead)) == belt.tick + ahead


def test_a_tick_between_two_readings_is_interpolated() -> None:
    belt = make_belt()
    drive(belt, [500, 600, 650])

    assert belt.tick_at(5 * MS) == 50
    assert belt.tick_at(10 * MS) == 100
    assert belt.tick_at(18 * MS) == 140
    assert belt.latest_ns == 20 * MS


@pytest.mark.parametrize("captured_ms", [-1, 21])
def test_nothing_is_ever_extrapolated(captured_ms: int) -> None:
    belt = make_belt()
    drive(belt, [500, 600, 650])

    assert belt.tick_at(captured_ms * MS) is None


def test_only_the_last_second_is_remembered() -> None:
    belt = make_belt()
    drive(belt, [100 * n for n in range(202)])

    assert belt.tick_at(1009 * MS) is None
    assert belt.tick_at(1015 * MS) == 10_150


def test_no_tick_is_found_across_a_gap() -> None:
    belt = make_belt()
    drive(belt, [0, 100], step_ms=101)

    assert belt.tick_at(50 * MS) is None
    assert belt.tick == 100


def test_an_impossible_value_is_rejected_and_the_next_good_one_believed() -> None:
    belt = make_belt()

    news = drive(belt, [0, 100, 1_000_000, 300, 400])

    assert [n.trouble for n in news] == [None, None, BeltTrouble.jump, None, None]
    assert [n.tick for n in news] == [0, 100, 100, 300, 400]
    assert not any(n.epoch for n in news)


def test_two_impossible_values_that_agree_open_a_new_epoch() -> None:
    belt = make_belt()

    news = drive(belt, [500_000, 500_100, 7, 107, 207])

    assert [n.epoch for n in news] == [False, False, False, True, False]
    assert [n.trouble for n in news][2:4] == [BeltTrouble.jump, BeltTrouble.jump]
    assert [n.tick for n in news] == [0, 100, 100, 100, 200]
    assert belt.count_of(200) == 207
    assert belt.tick_at(15 * MS) is None
    assert belt.tick_at(25 * MS) is None
    assert belt.tick_at(35 * MS) == 150


def test_two_impossible_values_that_disagree_open_nothing() -> None:
    news = drive(make_belt(), [0, 1_000_000, 2_000_000, 300])

    assert not any(n.epoch for n in news)
    assert news[-1].tick == 300


def test_a_pause_in_which_the_counter_may_have_gone_round_opens_a_new_epoch() -> None:
    belt = make_belt(bits=16)

    news = [belt.take(make_sample(0, 0)), *drive(belt, [100, 200], begin_ms=5000)]

    assert [n.epoch for n in news] == [False, False, True]


def test_a_restart_of_the_controller_opens_a_new_epoch_at_the_next_reading() -> None:
    belt = make_belt()
    drive(belt, [0, 100])

    belt.restart()
    news = drive(belt, [100, 200], begin_ms=20)

    assert [n.epoch for n in news] == [True, False]


@pytest.mark.parametrize("taken_ms", [10, 9])
def test_a_reading_older_than_the_last_is_out_of_order(taken_ms: int) -> None:
    belt = make_belt()
    drive(belt, [0, 100])

    news = belt.take(make_sample(120, taken_ms * MS))

    assert news == BeltNews(100, BeltTrouble.disorder, epoch=False)


def test_the_same_reading_told_twice_is_no_news() -> None:
    belt = make_belt()
    drive(belt, [0, 100])

    assert belt.take(make_sample(100, 10 * MS)) == BeltNews(100, None, epoch=False)


def test_a_belt_that_trembles_at_rest_is_not_reversed() -> None:
    news = drive(make_belt(), [100, 90, 100, 85, 99, 81])

    assert all(n.trouble is None for n in news)


def test_twenty_ticks_back_are_reversed_until_twenty_ticks_forward() -> None:
    news = drive(make_belt(), [100, 150, 131, 130, 100, 119, 120, 140])

    reversed_ = BeltTrouble.reversed
    assert [n.trouble for n in news] == [None, None, None, reversed_, reversed_, reversed_, None, None]
    assert [n.tick for n in news] == [0, 50, 31, 30, 0, 19, 20, 40]


def test_speed_is_that_of_the_newest_window() -> None:
    belt = make_belt()
    drive(belt, [0, *([0] * 20)])
    assert belt.speed_mm_s == 0.0

    drive(belt, [150 * n for n in range(1, 12)], begin_ms=210)

    assert belt.speed_mm_s == pytest.approx(1500.0)


def test_speed_after_a_pause_is_the_mean_over_the_pause() -> None:
    belt = make_belt()
    drive(belt, [0, 150], step_ms=90)

    assert belt.speed_mm_s == pytest.approx(15 / 0.09)


def test_speed_before_two_readings_is_zero() -> None:
    belt = make_belt()
    assert belt.speed_mm_s == 0.0
    assert belt.latest_ns is None
    assert belt.tick_at(0) is None

    belt.take(make_sample(5, 0))
    assert belt.speed_mm_s == 0.0


def paced(places_mm: list[float], doubts_ms: list[float] | None = None, late_ms: list[float] | None = None) -> Belt:
    """A belt told a place every ten milliseconds, each stamp ``late_ms`` off and said to be in doubt by so much."""
    belt = Belt(10.0, 32, 8000.0)
    for n, mm in enumerate(places_mm):
        off = 0.0 if late_ms is None else late_ms[n]
        doubt = 0.0 if doubts_ms is None else doubts_ms[n]
        sample = make_sample(round(10 * mm), round((10 * n + off) * MS))
        belt.take(sample._replace(doubt_ns=round(doubt * MS)))
    return belt


@pytest.mark.parametrize("acceleration", [-800.0, 0.0, 500.0])
def test_speed_and_acceleration_are_those_of_this_moment(acceleration: float) -> None:
    times = [n / 100 for n in range(60)]
    motion = paced([1500 * t + acceleration * t * t / 2 for t in times]).motion()

    assert motion.speed_mm_s == pytest.approx(1500 + acceleration * times[-1], abs=6)
    assert motion.acceleration_mm_s2 == pytest.approx(acceleration, abs=30)


@pytest.mark.parametrize("phase", [0.0, 0.7, 1.4, 2.1, 2.8])
def test_a_rollers_wobble_is_not_taken_for_a_ramp(phase: float) -> None:
    wobble = [3000 * n / 100 + 0.64 * math.sin(2 * math.pi * 7.5 * n / 100 + phase) for n in range(120)]

    assert paced(wobble).motion().acceleration_mm_s2 == 0.0


def test_a_piece_of_a_wobble_between_two_pauses_is_not_taken_for_a_ramp() -> None:
    wobble = [3000 * n / 100 + 0.64 * math.sin(2 * math.pi * 7.5 * n / 100) for n in range(120)]
    belt = Belt(10.0, 32, 8000.0)
    for n, mm in enumerate(wobble):
        if n % 24 > 9:
            belt.take(make_sample(round(10 * mm), n * 10 * MS))

    assert belt.motion().acceleration_mm_s2 == 0.0


def test_a_quarter_of_a_second_must_be_known_before_a_ramp_is_one() -> None:
    ramp = [1500 * n / 100 + 800 * (n / 100) ** 2 / 2 for n in range(30)]

    assert paced(ramp[:24]).motion().acceleration_mm_s2 == 0.0
    assert paced(ramp[:26]).motion().acceleration_mm_s2 == pytest.approx(800.0, abs=60)


def test_a_belt_that_was_just_heard_of_has_a_speed_and_no_acceleration() -> None:
    assert Belt(10.0, 32, 8000.0).motion() == (0.0, 0.0)
    assert paced([0.0, 15.0, 30.0]).motion() == BeltMotion(1500.0, 0.0)


def test_a_reading_whose_instant_is_in_doubt_moves_no_frame() -> None:
    doubts = [0.2] * 30 + [4.0] + [0.2] * 4
    late = [0.0] * 30 + [3.5] + [0.0] * 4
    places = [3.0 * 10 * n for n in range(35)]

    between = 300 * MS + 2 * MS
    careful = paced(places, doubts, late).tick_at(between)
    careless = paced(places, None, late).tick_at(between)

    assert careful == pytest.approx(9060, abs=1)
    assert careless is not None
    assert abs(careless - 9060) > 30


def test_where_only_doubtful_readings_enclose_a_frame_they_are_used() -> None:
    belt = paced([15.0 * n for n in range(20)], [0.2] * 18 + [4.0] * 2)

    assert belt.tick_at(185 * MS) == pytest.approx(2775, abs=1)
