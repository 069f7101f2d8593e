"""The latency bench's arithmetic: what was done is compared with what was true, and a miss shows as a miss."""

from __future__ import annotations

from itertools import pairwise

import pytest

from control.types import Ejector, EjectorKind
from hil.types import ValveEvent
from station.latency.figures import all_off_ms, blasts_of, misses_mm, quantiles, seen_off_mm, too_long
from station.latency.kills import Death
from station.latency.paper import PaperBelt

MS = 1_000_000
VALVES = tuple(
    Ejector(n, EjectorKind.valve, "copper", 50.0 * n, 50.0 * n + 50, 1000.0 + 200 * (n // 4), 12.0) for n in range(8)
)
BELT = PaperBelt(VALVES, (0,) * 8, spacing_mm=90.0, view_mm=640.0)
SPEED = 3000.0


def shot(number: int, off_mm: float = 0.0, on_ms: float = 20.0) -> list[ValveEvent]:
    """The valve of piece ``number`` opens so that its blast lies ``off_mm`` behind the piece."""
    piece = BELT.piece(number)
    middle = piece.at_mm + piece.ejector.distance_mm + off_mm - SPEED * piece.ejector.delay_ms / 1000
    half = SPEED * on_ms / 2000
    at = round(middle / SPEED * 1e9)
    return [
        ValveEvent(piece.ejector.output, True, at - round(on_ms / 2 * MS), middle - half, SPEED),
        ValveEvent(piece.ejector.output, False, at + round(on_ms / 2 * MS), middle + half, SPEED),
    ]


@pytest.mark.parametrize("number", [0, 1, 7, 8, 1234])
@pytest.mark.parametrize("off_mm", [0.0, 0.7, -3.0])
def test_a_blast_is_compared_with_the_piece_it_was_meant_for(number: int, off_mm: float) -> None:
    (miss,) = misses_mm(blasts_of(shot(number, off_mm), VALVES), BELT)

    assert miss == pytest.approx(off_mm, abs=1e-6)


def test_every_valve_gets_its_turn_and_neighbours_in_time_are_none_on_the_belt() -> None:
    lanes = [BELT.piece(n).ejector.output for n in range(8)]

    assert sorted(lanes) == list(range(8))
    assert all(abs(a - b) > 1 for a, b in pairwise(lanes))


def test_an_output_on_beyond_its_limit_is_counted() -> None:
    blasts = blasts_of([*shot(0, on_ms=20), *shot(1, on_ms=53)], VALVES)

    assert (too_long(blasts, [50.0] * 8), too_long(blasts, [52.0] * 8)) == (1, 0)


def test_quantiles_are_of_sizes_and_by_rank() -> None:
    assert quantiles([-1.0, 0.5, 0.25, -0.125]) == (0.25, 1.0, 1.0, 1.0)
    assert quantiles([]) == (0.0, 0.0, 0.0, 0.0)


def test_places_seen_are_compared_with_the_grid_wherever_it_begins() -> None:
    off = seen_off_mm([17.0 + 90 * n + (0.5 if n == 3 else 0.0) for n in range(10)], 90.0)

    assert off[3] == pytest.approx(0.45, abs=0.01)
    assert max(abs(o) for n, o in enumerate(off) if n != 3) < 0.06


@pytest.mark.parametrize(("at_ms", "off_ms", "kept"), [(100, 90.0, True), (300, 290.0, False)])
def test_what_goes_off_too_late_after_a_death_breaks_the_promise(at_ms: int, off_ms: float, kept: bool) -> None:
    events = [ValveEvent(0, True, 5 * MS, 0, 0), ValveEvent(0, False, at_ms * MS, 0, 0)]

    found = all_off_ms(events, 10 * MS)

    assert found == off_ms
    assert Death("vision", found, 3).is_kept is kept


def test_an_output_that_stays_on_or_a_line_that_never_fired_breaks_the_promise() -> None:
    assert all_off_ms([ValveEvent(0, True, 5, 0, 0)], 10) is None
    assert not Death("vision", None, 3).is_kept
    assert not Death("vision", 0.0, 0).is_kept
