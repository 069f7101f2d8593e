"""Openings are counted over the life of a valve, not of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from control.types import Ejection, ShotReport, ShotResult
from station.valve_counts import ValveCounts
from tests.station.pieces import closed_piece


def test_openings_add_up_over_runs(tmp_path: Path) -> None:
    for _ in range(2):
        counts = ValveCounts(tmp_path)
        counts.note(replace(closed_piece(1), ejection=Ejection(1, 0b101, 0, 10)))
        counts.note(replace(closed_piece(2), ejection=Ejection(2, 0b100, 0, 10)))
        assert counts.save()

    assert dict(ValveCounts(tmp_path).openings) == {0: 2, 2: 4}


def test_only_what_was_fired_counts(tmp_path: Path) -> None:
    counts = ValveCounts(tmp_path)
    late = ShotReport(1, ShotResult.late, 0)
    counts.note(replace(closed_piece(1), ejection=Ejection(1, 1, 0, 10), report=late))
    counts.note(replace(closed_piece(1), ejection=Ejection(1, 1, 0, 10), report=None))
    counts.note(closed_piece(1, outlet=None))

    assert not counts.openings


def test_they_are_saved_now_and_then_without_being_asked(tmp_path: Path) -> None:
    counts = ValveCounts(tmp_path)
    for n in range(200):
        counts.note(replace(closed_piece(n), ejection=Ejection(n, 1, 0, 10)))

    assert ValveCounts(tmp_path).openings[0] == 200


def test_an_unreadable_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "valves.json").write_text("[1, 2", encoding="utf-8")

    assert not ValveCounts(tmp_path).openings
    assert (tmp_path / "valves.unreadable").read_text(encoding="utf-8") == "[1, 2"
