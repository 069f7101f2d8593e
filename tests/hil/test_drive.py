"""Drive, encoder and played tick tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.drive import DrivenBelt, DriveSettings, EncoderSettings, TableBelt
from hil.motion import Motion
from hil.types import BeltMotion

STEADY = DriveSettings(wow=0.0)


def ran(belt: DrivenBelt, seconds: float, *, run: bool, step_ms: int = 1) -> BeltMotion:
    for _ in range(round(seconds * 1000 / step_ms)):
        belt.advance(belt.motion.t_ns + step_ms * 1_000_000, run=run)
    return belt.motion


def test_the_belt_takes_its_ramp_to_get_up_to_speed_and_to_stop() -> None:
    belt = DrivenBelt(STEADY, EncoderSettings(), 0)
    assert ran(belt, 0.75, run=True).speed_mm_s == pytest.approx(750)
    assert ran(belt, 1.0, run=True).speed_mm_s == 1500
    assert belt.motion.pos_mm == pytest.approx(1500 * 1500 / 2000 + 0.25 * 1500, abs=1)
    assert ran(belt, 1.6, run=False).speed_mm_s == 0
    stopped_mm = belt.motion.pos_mm
    assert ran(belt, 1.0, run=False).pos_mm == stopped_mm


def test_a_profile_changes_the_speed_while_it_runs() -> None:
    belt = DrivenBelt(DriveSettings(wow=0.0, profile=((3.0, 0.5),)), EncoderSettings(), 0)
    assert ran(belt, 2.9, run=True).speed_mm_s == 1500
    assert ran(belt, 2.0, run=True).speed_mm_s == 750


def test_wow_swings_the_speed_but_not_the_way_in_the_long_run() -> None:
    belt = DrivenBelt(DriveSettings(wow=0.01), EncoderSettings(), 0)
    ran(belt, 2.0, run=True)
    before = belt.motion
    speeds = [ran(belt, 0.01, run=True).speed_mm_s for _ in range(800)]
    assert max(speeds) - min(speeds) > 20
    assert (belt.motion.pos_mm - before.pos_mm) / 8.0 == pytest.approx(1500, rel=0.001)


@given(st.integers(0, (1 << 16) - 1), st.floats(0, 20_000))
def test_counts_stay_within_their_width_and_differ_by_the_way_run(start: int, way_mm: float) -> None:
    belt = DrivenBelt(DriveSettings(speed_mm_s=way_mm, ramp_mm_s2=1e9, wow=0), EncoderSettings(10, 16, start), 0)
    first = belt.count(0)
    ran(belt, 1.0, run=True, step_ms=1000)
    assert first == start
    assert (belt.count(belt.motion.t_ns) - start - int(belt.motion.pos_mm * 10)) % (1 << 16) == 0


def test_a_stuck_encoder_has_lost_what_passed() -> None:
    belt = DrivenBelt(STEADY, EncoderSettings(), 0)
    ran(belt, 2, run=True)
    stuck = belt.count(belt.motion.t_ns)
    belt.stick(stuck=True)
    ran(belt, 1, run=True)
    assert belt.count(belt.motion.t_ns) == stuck
    belt.stick(stuck=False)
    assert belt.count(belt.motion.t_ns) == stuck
    ran(belt, 0.1, run=True)
    assert belt.count(belt.motion.t_ns) - stuck == pytest.approx(1500, abs=2)


def test_a_restarted_counter_begins_where_it_is_told() -> None:
    belt = DrivenBelt(STEADY, EncoderSettings(), 0)
    ran(belt, 2, run=True)
    belt.recount(77)
    assert belt.count(belt.motion.t_ns) == 77


def test_a_played_table_gives_its_counts_in_between_and_wraps_with_them() -> None:
    belt = TableBelt([(0, 65_530), (10_000_000, 4), (20_000_000, 14)], 1_000_000_000, EncoderSettings(10, 16))
    counts = [belt.count(1_000_000_000 + ms * 1_000_000) for ms in (-5, 0, 5, 8, 10, 15, 99)]
    assert counts == [65_530, 65_530, 65_535, 2, 4, 9, 14]
    assert belt.advance(1_010_000_000, run=False).pos_mm == pytest.approx(1.0)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        TableBelt([], 0, EncoderSettings())


def test_the_motion_written_is_the_motion_read_by_another() -> None:
    written, owner = BeltMotion(5, 12.25, 1500.0), Motion()
    reader = Motion(owner.name)
    try:
        owner.write(written)
        assert reader.read() == written
    finally:
        reader.close()
        owner.close()
