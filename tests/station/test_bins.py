"""What falls into which bin: the whole sorter, its controller and the simulated world, several ejectors in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from control.types import Ejector, EjectorKind, Outcome, Rule
from hil.feeder import FeederSettings, lay
from hil.stamp import PlacedSprite
from hil.world import World, WorldSettings
from station.types import Order
from tests.hil.scrap import disc
from tests.station.paper_line import LABELS, PaperLine, PaperPiece, settings

SPRITE = disc(60)
BAR = tuple(Ejector(n, EjectorKind.valve, "copper", n * 50.0, n * 50.0 + 50, 1000.0, 12.0) for n in range(16))
PUSHER = Ejector(16, EjectorKind.pusher, "iron", 0.0, 800.0, 1250.0, 80.0, hold_ms=40.0, rest_ms=60.0, longest_ms=300.0)
FLAP = Ejector(17, EjectorKind.flap, "batteries", 0.0, 800.0, 1500.0, 120.0, hold_ms=60.0, longest_ms=350.0)
OUTLET = ("copper", "iron", "batteries")


def sorted_by(ejectors: tuple[Ejector, ...], pieces: Sequence[PaperPiece]) -> tuple[list[tuple[int, str]], PaperLine]:
    """(label, outlet) of every piece in the order they were laid, as the world saw it, and the line."""
    made = settings(32, 60.0)
    served = {ejector.outlet for ejector in ejectors}
    rules = tuple(Rule((LABELS[n],), outlet, 0.6) for n, outlet in enumerate(OUTLET) if outlet in served)
    recipe = replace(made.recipe, rules=rules, stop_labels=())
    made = replace(made, ejectors=ejectors, recipe=recipe, close_mm=1800.0, purge_mm=1900.0)
    line = PaperLine(pieces, made=made)
    line.run(pieces[-1].at_mm / 1500 + 4.0, Order.start)
    world = World(WorldSettings(FeederSettings(pieces_per_s=1e-9), ejectors, luck=0.0), (SPRITE,))
    world._pieces = [
        lay(n, SPRITE, PlacedSprite(SPRITE, piece.at_mm, piece.across_mm, 0.0, False, 1.0))
        for n, piece in enumerate(pieces)
    ]
    for event in line.fired:
        world.switch(event)
    landed = sorted(world.land(1e6), key=lambda piece: piece.truth_id)
    return [(pieces[piece.truth_id].label, piece.outlet) for piece in landed], line


def row(labels: Sequence[int], spacing_mm: float) -> list[PaperPiece]:
    """Pieces one behind the other, each on another lane than the one before."""
    return [PaperPiece(3000.0 + spacing_mm * n, 75.0 + 50 * (n * 5 % 14), label) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    "ejectors", [BAR, (PUSHER,), (FLAP,), (*BAR, PUSHER), (*BAR, FLAP), (*BAR, PUSHER, FLAP)], ids=len
)
def test_each_class_falls_into_its_own_bin_and_the_rest_into_the_rest(ejectors: tuple[Ejector, ...]) -> None:
    served = {ejector.outlet for ejector in ejectors}
    landed, line = sorted_by(ejectors, row([0, 1, 2] * 8, 500.0))

    assert len(landed) == 24
    assert [
        (label, where) for label, where in landed if where != (OUTLET[label] if OUTLET[label] in served else "rest")
    ] == []
    outcomes = Counter(record.outcome for record in line.records)
    assert outcomes[Outcome.ejected] == 8 * len(served)


@pytest.mark.parametrize("spacing_mm", [45.0, 80.0, 150.0])
def test_on_a_crowded_belt_a_piece_may_miss_its_bin_but_hardly_one_falls_into_a_wrong_one(spacing_mm: float) -> None:
    """A pusher out for its neighbour would take what follows: such shots are not fired, their pieces pass."""
    landed, line = sorted_by((*BAR, PUSHER, FLAP), row([0, 1, 0, 2, 0, 1, 1, 0] * 6, spacing_mm))

    wrong = [(label, where) for label, where in landed if where not in (OUTLET[label], "rest")]
    assert wrong == []
    assert all(record.outcome in (Outcome.ejected, Outcome.passed) for record in line.records)
    copper = [where for label, where in landed if label == 0]
    assert copper.count("copper") > 0.6 * len(copper)


@pytest.mark.parametrize(("ejector", "before_mm"), [(PUSHER, 0.0), (FLAP, 20.0)], ids=["pusher", "flap"])
def test_what_travels_leaves_in_time_to_be_there_and_stays_for_its_hold(ejector: Ejector, before_mm: float) -> None:
    """A pusher is there when the middle of the piece is, a flap before its front and until after its rear."""
    pieces = row([OUTLET.index(ejector.outlet)] * 3, 700.0)
    _, line = sorted_by((ejector,), pieces)

    edges = [(event.on, event.pos_mm + event.speed_mm_s * ejector.delay_ms / 1000) for event in line.fired]
    assert [on for on, _ in edges] == [True, False] * 3
    for piece, (_, there_mm), (_, gone_mm) in zip(pieces, edges[::2], edges[1::2], strict=True):
        under_mm = piece.at_mm + ejector.distance_mm
        assert under_mm - before_mm - 45 <= there_mm <= under_mm - before_mm + 0.5
        assert gone_mm >= under_mm + before_mm
        assert gone_mm - there_mm >= 1.5 * ejector.hold_ms - 1
