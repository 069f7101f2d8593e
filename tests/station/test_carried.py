"""Marks move with the belt into pictures that were not searched."""

from __future__ import annotations

from station.carried import carried, travelled_mm
from station.types import Mark
from vision.types import Box

MARK = Mark(Box(10, 20, 30, 40), 7, "CU-NO2", 0.9, "copper", True)


def test_box_and_outline_lie_further_down_the_picture_and_nothing_else_changes() -> None:
    marks, outlines = carried((MARK,), ((10, 20, 40, 60),), 24.6)
    assert marks == (MARK._replace(box=Box(10, 45, 30, 40)),)
    assert outlines == ((10, 45, 40, 85),)


def test_a_belt_that_stands_moves_nothing() -> None:
    assert carried((MARK,), ((1, 2),), 0.3) == ((MARK,), ((1, 2),))


def test_a_belt_at_rest_that_seems_to_creep_carries_nothing_however_long_it_lies() -> None:
    assert travelled_mm(0.4, 600_000_000_000) == 0.0
    assert travelled_mm(1500.0, 20_000_000) == 30.0
