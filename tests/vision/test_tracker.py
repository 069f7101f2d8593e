"""Same place, same piece: ids on the belt's own ruler."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.tracker import Tracker, TrackerSettings
from vision.types import Box, Look, Sighting, Strip

TICKS_PER_MM = 10.0
PICTURE_MM = 640.0


def sighting(
    downstream_mm: float, across_mm: float = 400.0, length_mm: float = 60.0, width_mm: float = 50.0, whole: bool = True
) -> Sighting:
    left, right = across_mm - width_mm / 2, across_mm + width_mm / 2
    area = length_mm * width_mm
    return Sighting(downstream_mm, across_mm, left, right, length_mm, area, False, whole, Box(0, 0, 1, 1))


def in_picture(middle_mm: float, across_mm: float, length_mm: float) -> Sighting | None:
    """A piece as the picture shows it: cut at the upstream and downstream edge."""
    first, last = middle_mm - length_mm / 2, middle_mm + length_mm / 2
    shown = (max(first, 0.0), min(last, PICTURE_MM))
    if shown[1] - shown[0] < 4:
        return None
    return sighting(sum(shown) / 2, across_mm, shown[1] - shown[0], 40.0, whole=first > 0 and last < PICTURE_MM)


def tracker(labels: int = 2) -> Tracker:
    return Tracker(TrackerSettings(labels=labels))


def test_a_piece_keeps_its_id_and_its_tick_while_the_belt_moves() -> None:
    seen = tracker()
    first = seen.see(1000, TICKS_PER_MM, [sighting(100.0)])
    second = seen.see(1400, TICKS_PER_MM, [sighting(140.0)])
    assert first == second == (1,)
    assert seen.piece(1).at == 0
    assert seen.piece(1).sightings == 2


def test_two_pieces_side_by_side_are_two() -> None:
    seen = tracker()
    assert sorted(seen.see(0, TICKS_PER_MM, [sighting(100, 300), sighting(100, 352)])) == [1, 2]
    assert seen.see(40, TICKS_PER_MM, [sighting(104, 352), sighting(104, 300)]) == (2, 1)


def test_a_piece_cut_at_the_upstream_edge_is_completed_later() -> None:
    seen = tracker()
    for step in range(6):
        shown = in_picture(step * 20.0, 400.0, 60.0)
        assert shown is not None
        assert seen.see(step * 200, TICKS_PER_MM, [shown]) == (1,)
    assert seen.piece(1).at == 0
    assert seen.piece(1).length_mm == pytest.approx(60)


def test_a_piece_longer_than_the_picture_is_one_piece_with_its_full_length() -> None:
    seen = tracker()
    for step in range(-10, 60):
        shown = in_picture(step * 40.0 - 300, 400.0, 900.0)
        if shown is not None:
            assert seen.see(step * 400, TICKS_PER_MM, [shown]) == (1,)
    assert seen.piece(1).length_mm == pytest.approx(900)
    assert seen.piece(1).at == 3000


def test_a_sighting_that_covers_two_known_pieces_makes_no_third() -> None:
    seen = tracker()
    apart = [sighting(100, 370), sighting(100, 425)]
    assert sorted(seen.see(0, TICKS_PER_MM, apart)) == [1, 2]
    merged = sighting(104, 397.5, 60, 105)
    assert seen.see(40, TICKS_PER_MM, [merged])[0] in (1, 2)
    again = [sighting(108, 370), sighting(108, 425)]
    assert sorted(seen.see(80, TICKS_PER_MM, again)) == [1, 2]
    assert [piece.sightings for piece in seen.pieces()] == [3, 3]
    assert seen.piece(1).right_mm == pytest.approx(395)


def test_a_piece_seen_in_parts_once_stays_one() -> None:
    seen = tracker()
    for step in range(3):
        seen.see(step, TICKS_PER_MM, [sighting(100, 400, 80, 100)])
    assert seen.see(3, TICKS_PER_MM, [sighting(100, 370, 80, 38), sighting(100, 430, 80, 38)]) == (1, 1)
    assert len(seen.pieces()) == 1


def test_pieces_first_seen_as_one_become_two_when_they_part() -> None:
    seen = tracker()
    seen.see(0, TICKS_PER_MM, [sighting(100, 400, 80, 100)])
    for step in range(1, 4):
        ids = seen.see(step, TICKS_PER_MM, [sighting(100, 370, 80, 38), sighting(100, 430, 80, 38)])
    assert sorted(ids) == [1, 2]
    assert {round(piece.across_mm) for piece in seen.pieces()} == {370, 430}


def test_the_legs_of_one_piece_that_enter_apart_become_that_one_piece() -> None:
    seen = tracker()
    legs = [sighting(10, 370, 20, 30, whole=False), sighting(10, 430, 20, 30, whole=False)]
    assert sorted(seen.see(0, TICKS_PER_MM, legs)) == [1, 2]
    seen.see(600, TICKS_PER_MM, [sighting(55, 400, 70, 90)])
    assert len(seen.pieces()) == 1


def test_looks_add_up_and_looks_at_pieces_that_left_are_ignored() -> None:
    seen = tracker()
    seen.see(0, TICKS_PER_MM, [sighting(100)])
    seen.add(Look(1, (-0.1, -2.0)))
    seen.add(Look(7, (-0.1, -2.0)))
    assert seen.piece(1).evidence.looks == 1
    seen.close(1)
    assert seen.pieces() == ()


def test_a_new_scale_of_the_encoder_leaves_the_ticks_of_known_pieces() -> None:
    seen = tracker()
    seen.see(0, 10.0, [sighting(100)])
    seen.see(1_000_000, 10.0, [sighting(300)])
    before = seen.piece(2).at
    seen.see(1_000_000, 10.1, [])
    assert abs(seen.piece(2).at - before) <= 1


@st.composite
def belts(draw: st.DrawFn) -> list[tuple[float, float, float]]:
    """Pieces that do not overlap: belt position in mm upstream, across, length."""
    rows = draw(st.lists(st.tuples(st.sampled_from((100, 250, 400, 550, 700)), st.integers(20, 120)), max_size=40))
    ends: dict[int, float] = {}
    pieces = []
    for lane, length in rows:
        gap = 20.0
        middle = ends.get(lane, 0.0) + gap + length / 2
        ends[lane] = middle + length / 2
        pieces.append((middle, float(lane), float(length)))
    return pieces


def ids_of(
    pieces: list[tuple[float, float, float]], step_mm: float, shift: int, order: random.Random
) -> list[dict[int, int]]:
    """Per frame: true piece to id given."""
    seen = tracker()
    frames = []
    last = max((piece[0] for piece in pieces), default=0.0)
    for frame in range(int((last + PICTURE_MM + 200) / step_mm)):
        travelled = frame * step_mm
        shown = [(n, in_picture(travelled - at, across, length)) for n, (at, across, length) in enumerate(pieces)]
        there = [(n, s) for n, s in shown if s is not None]
        order.shuffle(there)
        ids = seen.see(shift + round(travelled * TICKS_PER_MM), TICKS_PER_MM, [s for _, s in there])
        frames.append({n: piece_id for (n, _), piece_id in zip(there, ids, strict=True)})
    return frames


@given(belts(), st.sampled_from((25.0, 50.0, 100.0)))
def test_true_boxes_are_never_split_lost_or_swapped_at_any_speed(
    pieces: list[tuple[float, float, float]], step_mm: float
) -> None:
    given_ids: dict[int, set[int]] = {}
    for frame in ids_of(pieces, step_mm, 0, random.Random(1)):
        assert len(set(frame.values())) == len(frame)
        for true, piece_id in frame.items():
            given_ids.setdefault(true, set()).add(piece_id)
    assert all(len(ids) == 1 for ids in given_ids.values())
    assert len(set().union(*given_ids.values())) == len(given_ids)


@given(belts(), st.integers(-(10**12), 10**12), st.integers())
def test_neither_a_shift_of_all_ticks_nor_the_order_of_sightings_changes_anything(
    pieces: list[tuple[float, float, float]], shift: int, seed: int
) -> None:
    assert ids_of(pieces, 40.0, 0, random.Random(0)) == ids_of(pieces, 40.0, shift, random.Random(seed))


def test_a_piece_keeps_the_outline_of_its_last_whole_sighting() -> None:
    seen = tracker()
    strips = (Strip(375.0, 400.0, -30.0, 10.0), Strip(400.0, 425.0, -10.0, 30.0))
    for step, (whole, outline) in enumerate([(False, ()), (True, strips), (False, ())]):
        one = sighting(30.0 + 20.0 * step, whole=whole)._replace(outline=outline)
        assert seen.see(step * 200, TICKS_PER_MM, [one]) == (1,)
        assert seen.piece(1).outline == (strips if step else ())


def test_what_is_told_of_a_piece_is_new_after_everything_that_changes_it() -> None:
    seen = tracker()
    seen.see(0, TICKS_PER_MM, [sighting(100.0, whole=False)])
    told = seen.piece(1)
    assert seen.piece(1) is told
    seen.see(200, TICKS_PER_MM, [sighting(122.0)])
    refined = seen.piece(1)
    assert (refined.sightings, refined.at) == (2, told.at - 20)
    seen.add(Look(1, (-0.1, -2.3)))
    assert seen.piece(1).evidence.looks == 1
    seen.see(400, TICKS_PER_MM, [sighting(130.0, length_mm=30.0), sighting(160.0, length_mm=30.0)])
    assert seen.piece(1).sightings == 3
