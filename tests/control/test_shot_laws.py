"""Laws of cutting shots: protected neighbours, lanes within limits, nothing depends on where counting began."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from control.lane_book import LaneBook, LaneLimits, Opening
from control.neighbours import JetSettings
from control.outline import Jet, share_hit, spans_of
from control.schedule import BeltNow, ScheduleSettings, Surroundings, outputs_of, plan
from control.types import Decision, Ejection, Ejector, EjectorKind, Reason
from tests.control.yard import make_piece
from vision.types import Piece, Strip

TICKS = 10.0
SETTINGS = ScheduleSettings(margin_mm=6.0, min_slack_ms=30.0, min_pulse_ms=8.0, max_pulse_ms=250.0)
EXACT = replace(SETTINGS, jet=JetSettings(reach_mm=7.0, spill_mm=2.0, graze=0.0))
COPPER = Decision(7, "CU-NO2", 0.9, "copper", Reason.rule)
KINDS = st.sampled_from([EjectorKind.valve, EjectorKind.flap, EjectorKind.pusher])


def bar(delays: list[float], kind: EjectorKind = EjectorKind.valve, rest_ms: float = 0.0) -> tuple[Ejector, ...]:
    return tuple(
        Ejector(n, kind, "copper", 50.0 * n, 50.0 * (n + 1), 1000.0, delay, rest_ms=rest_ms)
        for n, delay in enumerate(delays)
    )


@st.composite
def outlined(draw: st.DrawFn, id_: int, at: int, across: tuple[float, float]) -> Piece:
    """A piece of one to six strips, each somewhere of its own along the belt."""
    left = draw(st.floats(*across))
    strips = []
    for n in range(draw(st.integers(1, 6))):
        rear, length = draw(st.floats(-60, 40)), draw(st.floats(4, 80))
        strips.append(Strip(left + 10 * n, left + 10 * n + 10, rear, rear + length))
    rear, front = min(s.rear_mm for s in strips), max(s.front_mm for s in strips)
    middle = (rear + front) / 2
    strips = [s._replace(rear_mm=s.rear_mm - middle, front_mm=s.front_mm - middle) for s in strips]
    piece = make_piece(at=at, across_mm=left + 5 * len(strips), width_mm=10.0 * len(strips), length_mm=front - rear)
    return replace(piece, id=id_, outline=tuple(strips))


pieces = outlined(7, 0, (50, 600))
crowds = st.lists(st.integers(-2500, 2500).flatmap(lambda at: outlined(at + 10_000, at, (0, 700))), max_size=5)
delays = st.lists(st.floats(8, 16), min_size=16, max_size=16)


def effects(shot: Ejection, lanes: tuple[Ejector, ...], speed: float) -> list[Jet]:
    """Where on the belt each lane really acts, ticks at the datum line."""
    found = []
    for lane in lanes:
        if shot.outputs >> lane.output & 1:
            shift = TICKS * (lane.delay_ms * speed / 1000 - lane.distance_mm)
            found.append(Jet((lane,), shot.open_tick + shift, shot.close_tick + shift))
    return found


@settings(max_examples=150)
@given(piece=pieces, crowd=crowds, lane_delays=delays, speed=st.floats(300, 3000), kind=KINDS, rest=st.floats(0, 60))
def test_no_shot_hits_a_protected_neighbour(
    piece: Piece, crowd: list[Piece], lane_delays: list[float], speed: float, kind: EjectorKind, rest: float
) -> None:
    lanes = bar(lane_delays, kind, rest)
    belt = BeltNow(-9000, speed, TICKS)
    around = Surroundings(tuple((other, math.inf) for other in crowd))
    shot = plan(piece, COPPER, lanes, belt, EXACT, around)
    if isinstance(shot, Ejection):
        reach = EXACT.jet.reach_mm * TICKS
        after = 0.0 if kind is EjectorKind.valve else rest * speed * TICKS / 1000
        for jet in effects(shot, lanes, speed):
            acting = jet._replace(first=jet.first - reach, last=jet.last + reach + after)
            assert all(share_hit(spans_of(other, TICKS, 0), acting, 0.0, 2.0) == 0 for other in crowd)


@settings(max_examples=200)
@given(piece=pieces, crowd=crowds, lane_delays=delays, speed=st.floats(300, 3000))
def test_a_shot_that_is_fired_covers_enough_of_its_piece(
    piece: Piece, crowd: list[Piece], lane_delays: list[float], speed: float
) -> None:
    lanes = bar(lane_delays)
    settings_ = replace(SETTINGS, max_pulse_ms=2000.0)
    around = Surroundings(tuple((other, math.inf) for other in crowd))
    shot = plan(piece, COPPER, lanes, BeltNow(-9000, speed, TICKS), settings_, around)
    if isinstance(shot, Ejection):
        jets = effects(shot, lanes, speed)
        spans = spans_of(piece, TICKS, 0)
        covered = sum(share_hit(spans, jet, 1.0, 0.0) for jet in jets)
        assert covered >= 0.5


@settings(max_examples=200)
@given(
    piece=pieces,
    crowd=crowds,
    lane_delays=delays,
    speed=st.floats(300, 3000),
    acceleration=st.floats(-1500, 1500),
    start=st.integers(-(2**33), 2**33),
)
def test_shifting_every_tick_changes_nothing(
    piece: Piece, crowd: list[Piece], lane_delays: list[float], speed: float, acceleration: float, start: int
) -> None:
    def shot_from(origin: int) -> object:
        book = LaneBook()
        book.note((5, 6), Opening(origin + 9000, origin + 9600))
        belt = BeltNow(origin - 8000, speed, TICKS, acceleration)
        around = Surroundings(tuple((replace(other, at=origin + other.at), 1.0) for other in crowd), gain=2.0)
        shot = plan(replace(piece, at=origin), COPPER, bar(lane_delays), belt, SETTINGS, around, book)
        if isinstance(shot, Ejection):
            return shot._replace(open_tick=shot.open_tick - origin, close_tick=shot.close_tick - origin)
        return shot

    assert shot_from(start) == shot_from(0)


wishes = st.lists(
    st.tuples(st.integers(0, 160), st.integers(1, 20), st.sets(st.integers(0, 2), min_size=1)), max_size=20
)


@settings(max_examples=150)
@given(wishes=wishes, rest=st.integers(0, 6), longest=st.integers(10, 40), duty=st.floats(0.2, 1))
def test_no_lane_is_open_too_long_too_soon_or_too_often(
    wishes: list[tuple[int, int, set[int]]], rest: int, longest: int, duty: float
) -> None:
    book, window = LaneBook(), 50
    limits = LaneLimits(rest, longest, window, duty * window)
    for open_tick, length, lanes in wishes:
        wanted = Opening(open_tick, open_tick + length)
        fitted = book.fit(sorted(lanes), wanted, limits)
        if fitted is not None:
            assert fitted.open_tick <= wanted.open_tick < wanted.close_tick <= fitted.close_tick
            book.note(lanes, fitted)
    for lane in range(3):
        known = book.openings(lane)
        assert all(one.close_tick - one.open_tick <= longest for one in known)
        assert all(b.open_tick - a.close_tick >= max(rest, 1) for a, b in pairwise(known))
        on = [any(one.open_tick <= tick < one.close_tick for one in known) for tick in range(-60, 260)]
        open_ticks = sum(on[:window])
        for tick in range(window, len(on)):
            open_ticks += on[tick] - on[tick - window]
            assert open_ticks <= duty * window + 1e-6


@settings(max_examples=100)
@given(ats=st.lists(st.integers(0, 6000), min_size=2, max_size=15), speed=st.floats(300, 3000), rest=st.floats(0, 30))
def test_shots_that_share_lanes_never_keep_one_open_too_long(ats: list[int], speed: float, rest: float) -> None:
    book, lanes, per_ms = LaneBook(), bar([12.0] * 16, rest_ms=rest), TICKS * speed / 1000
    for n, at in enumerate(sorted(ats)):
        piece = replace(make_piece(at=at, across_mm=425.0), id=n)
        shot = plan(piece, COPPER._replace(piece_id=n), lanes, BeltNow(-5000, speed, TICKS), SETTINGS, book=book)
        if isinstance(shot, Ejection):
            book.note(outputs_of(shot.outputs), Opening(shot.open_tick, shot.close_tick))
    for one in book.openings(8):
        assert (one.close_tick - one.open_tick) / per_ms <= SETTINGS.max_pulse_ms + 3 / per_ms
