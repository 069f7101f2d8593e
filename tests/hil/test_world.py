"""Feeder, air and outlets: what is hit flies, what is not falls at the end."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.types import Ejector, EjectorKind, Job
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.feeder import Feeder, FeederSettings, WorldPiece, lay
from hil.landings import Landings
from hil.sim import SimMachine
from hil.stamp import PlacedSprite
from hil.types import Landed, Truth, ValveEvent
from hil.world import World, WorldSettings
from tests.hil.scrap import bar as bar_sprite
from tests.hil.scrap import disc
from tests.hil.yard import bar

SPRITES = (disc(60), bar_sprite(90, 30))
BAR = bar("brass", 0, 1000.0, delay_ms=0.0)
FLAP = Ejector(16, EjectorKind.flap, "quarantine", 0.0, 800.0, 1700.0, 0.0)


def world_with(at_mm: float, across_mm: float, *more: tuple[float, float]) -> World:
    """A world whose feeder is silent and on whose belt discs of 37.5 mm lie at these places."""
    silent = FeederSettings(pieces_per_s=1e-9)
    world = World(WorldSettings(silent, (*BAR, FLAP), delay_spread_ms=0.0, luck=0.0), SPRITES)
    world.feed(0.0)
    for n, (at, across) in enumerate(((at_mm, across_mm), *more)):
        placed = PlacedSprite(SPRITES[0], at, across, 0.0, False, 1.0)
        world._pieces.append(lay(n + 1, SPRITES[0], placed))
    world._pieces = world._pieces[-1 - len(more) :]
    return world


def blow(world: World, output: int, since_mm: float, until_mm: float) -> None:
    world.switch(ValveEvent(output, True, 0, since_mm, 1500.0))
    world.switch(ValveEvent(output, False, 0, until_mm, 1500.0))


def outlets(world: World) -> list[str]:
    return [piece.outlet for piece in world.land(1e6)]


def test_a_piece_under_air_on_its_lane_flies() -> None:
    world = world_with(100.0, 125.0)
    blow(world, 2, 1080.0, 1120.0)
    assert outlets(world) == ["brass"]


@pytest.mark.parametrize(("output", "since_mm"), [(3, 1080.0), (2, 1130.0), (2, 1030.0)])
def test_air_on_another_lane_or_too_early_or_too_late_leaves_it(output: int, since_mm: float) -> None:
    world = world_with(100.0, 125.0)
    blow(world, output, since_mm, since_mm + 30.0)
    assert outlets(world) == ["rest"]


def test_air_comes_after_the_true_delay_of_the_lane() -> None:
    late = tuple(ejector._replace(delay_ms=20.0) for ejector in BAR)
    world = World(WorldSettings(FeederSettings(pieces_per_s=1e-9), late, delay_spread_ms=0.0, luck=0.0), SPRITES)
    world._pieces.append(lay(1, SPRITES[0], PlacedSprite(SPRITES[0], 100.0, 125.0, 0.0, False, 1.0)))
    blow(world, 2, 1080.0 - 30.0, 1120.0 - 30.0)
    assert outlets(world) == ["brass"]


def test_a_neighbour_in_the_same_jet_goes_too() -> None:
    world = world_with(100.0, 125.0, (130.0, 130.0))
    blow(world, 2, 1080.0, 1150.0)
    assert outlets(world) == ["brass", "brass"]


def test_a_piece_across_two_lanes_needs_both() -> None:
    world = world_with(100.0, 100.0)
    blow(world, 1, 1080.0, 1120.0)
    assert outlets(world) == ["rest"]
    world = world_with(100.0, 100.0)
    for output in (1, 2):
        blow(world, output, 1080.0, 1120.0)
    assert outlets(world) == ["brass"]


def test_an_open_flap_takes_all_that_pass_it() -> None:
    world = world_with(100.0, 125.0, (120.0, 600.0), (400.0, 300.0))
    blow(world, 16, 1790.0, 1830.0)
    assert outlets(world) == ["quarantine", "quarantine", "rest"]


def test_without_air_nothing_flies() -> None:
    world = world_with(100.0, 125.0)
    world.air_ok = False
    blow(world, 2, 1080.0, 1120.0)
    assert outlets(world) == ["rest"]


def test_a_piece_lands_only_after_the_last_ejector() -> None:
    world = world_with(100.0, 125.0)
    assert world.land(100.0 + 1700.0) == ()
    assert len(world.land(100.0 + 1700.0 + 300.0)) == 1


def fed(settings: FeederSettings, way_mm: float = 60_000.0) -> tuple[WorldPiece, ...]:
    feeder = Feeder(settings, SPRITES)
    return feeder.feed(0.0) + feeder.feed(way_mm)


def test_the_feeder_keeps_its_rate_and_its_margins() -> None:
    pieces = fed(FeederSettings())
    assert len(pieces) == pytest.approx(800, rel=0.06)
    assert min(piece.outline[:, 1].min() for piece in pieces) > 0
    assert max(piece.outline[:, 1].max() for piece in pieces) < 800


def test_a_feeder_that_starts_late_does_not_fill_the_belt_behind_it() -> None:
    assert len(Feeder(FeederSettings(), SPRITES).feed(60_000.0)) == 1


def test_the_feeder_mixes_by_label_as_told() -> None:
    pieces = fed(FeederSettings(mix=(("BRASS-YEL", 3.0), ("AL-CAST", 1.0))))
    assert sum(piece.label == "BRASS-YEL" for piece in pieces) / len(pieces) == pytest.approx(0.75, abs=0.06)


def test_a_mix_that_names_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="mix"):
        fed(FeederSettings(mix=(("gold", 1.0),)))


@pytest.mark.parametrize(("touching", "share"), [(0.0, 0.0), (0.5, 0.4)])
def test_pieces_touch_as_often_as_told(touching: float, share: float) -> None:
    pieces = fed(FeederSettings(touching=touching), 20_000.0)
    near = [any(_gap_mm(a, b) < 4 for b in pieces[max(0, n - 8) : n]) for n, a in enumerate(pieces)]
    assert sum(near) / len(near) == pytest.approx(share, abs=0.15)


def test_the_same_seed_feeds_the_same_pieces() -> None:
    first, second = fed(FeederSettings(seed=7)), fed(FeederSettings(seed=7))
    assert [piece.placed.at_mm for piece in first] == [piece.placed.at_mm for piece in second]
    assert [p.placed.at_mm for p in first] != [p.placed.at_mm for p in fed(FeederSettings(seed=8))]


@given(st.floats(0, 360), st.booleans())
def test_the_outline_turns_with_the_piece(angle_deg: float, flip: bool) -> None:
    piece = lay(1, SPRITES[1], PlacedSprite(SPRITES[1], 500.0, 300.0, angle_deg, flip, 1.0))
    across = float(np.ptp(piece.outline[:, 1]))
    cos, sin = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    assert across == pytest.approx(56.25 * cos + 18.75 * sin, abs=6.0)
    assert 2 * piece.half_mm == pytest.approx(56.25 * sin + 18.75 * cos, abs=6.0)


def test_purity_and_recovery_are_shares_of_pieces() -> None:
    def fell(label: str, outlet: str) -> Landed:
        return Landed(1, label, "", outlet, 1.0, 0.0, 0.0)

    landed = [fell("CU-NO2", "copper"), fell("CU-NO2", "rest"), fell("FE-SHRED", "copper"), fell("SS-304", "rest")]
    landings = Landings()
    landings.add(landed)
    found = landings.truth(0.0, {"copper": ("CU-NO2",), "brass": ("BRASS-YEL",)})
    assert found == {"copper": Truth(0.5, 0.5, 2), "brass": Truth(None, None, 0)}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_every_piece_lands_exactly_once(seed: int) -> None:
    world = World(WorldSettings(FeederSettings(seed=seed), (*BAR, FLAP)), SPRITES)
    landed: list[Landed] = []
    for pos_mm in range(0, 12_000, 25):
        world.feed(float(pos_mm))
        blow(world, pos_mm % 16, float(pos_mm), pos_mm + 20.0)
        landed.extend(world.land(float(pos_mm)))
    ids = [piece.truth_id for piece in landed] + [piece.truth_id for piece in world.pieces]
    assert sorted(ids) == list(range(1, world.fed + 1))


def test_a_controller_that_knows_the_truth_recovers_nearly_all() -> None:
    landings = Landings()
    landings.add(_sorted_with_truth(20.0))
    (truth,) = landings.truth(0.0, {"brass": ("BRASS-YEL",)}).values()
    assert truth.recovery is not None
    assert truth.purity is not None
    assert truth.recovery > 0.97
    assert truth.purity > 0.90


def _gap_mm(a: WorldPiece, b: WorldPiece) -> float:
    difference = a.outline[:, None, :] - b.outline[None, :, :]
    return float(np.sqrt((difference**2).sum(axis=2)).min())


def _sorted_with_truth(seconds: float) -> list[Landed]:
    """The whole line in lock step: world, drive, controller program, and shots planned from the truth."""
    ejectors = bar("brass", 0, 1000.0)
    world = World(WorldSettings(FeederSettings(touching=0.0), ejectors), SPRITES)
    clock = [0]
    belt = DrivenBelt(DriveSettings(), EncoderSettings(start_count=(1 << 32) - 60_000), 0)
    limits = ControllerSettings((150.0,) * 16)
    machine = SimMachine(limits, belt, lambda: clock[0], felt=world.switch)
    machine.open()
    landed: list[Landed] = []
    for n in range(round(seconds * 100)):
        clock[0] += 10_000_000
        machine.sample()
        machine.beat(run=n > 0, armed=n > 0)
        pos_mm = belt.motion.pos_mm
        new = world.feed(pos_mm)
        landed.extend(world.land(pos_mm))
        machine.arm([_shot(piece) for piece in new if piece.label == "BRASS-YEL"])
    return landed


def _shot(piece: WorldPiece) -> Job:
    low, high = piece.outline[:, 1].min(), piece.outline[:, 1].max()
    lanes: Callable[[float], int] = lambda mm: max(0, min(15, int(mm // 50)))  # noqa: E731
    outputs = sum(1 << n for n in range(lanes(low), lanes(high) + 1))
    open_mm = piece.placed.at_mm - piece.half_mm + 1000.0 - 1500 * 0.008
    count = ((1 << 32) - 60_000 + round(open_mm * 10)) % (1 << 32)
    return Job(piece.truth_id, count, round(20 * piece.half_mm), outputs, 0, 0)
