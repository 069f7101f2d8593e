"""The to-do list is derived from facts alone; every kind of item has its cause and goes away with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from station.faults import FAULTS
from station.tools.lane_diary import LaneDiary, read_diary, slowing
from station.tools.todo import Facts, SlowingLane, Trouble, Urgency, todo
from station.valves import ValveHealth
from station.web.view import StationView
from tests.station.paper_station import AIR_LOW, PaperStation
from tests.station.tools.site import tools_of

TODAY = date(2027, 1, 15)
WELL = Facts(today=TODAY, calibrated=date(2027, 1, 1), model_since=date(2026, 12, 1), sampled=date(2027, 1, 10))


def codes(**changes: object) -> list[str]:
    return [item.code for item in todo(replace(WELL, **changes))]  # type: ignore[arg-type]


def test_where_everything_is_well_there_is_nothing_to_do() -> None:
    assert todo(WELL) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"has_admin": False}, "no-admin"),
        ({"watched_from_anywhere": True}, "open-viewers"),
        ({"calibrated": None}, "calibration-undated"),
        ({"calibrated": date(2026, 7, 1)}, "calibration-old"),
        ({"has_flat_field": False}, "no-flat-field"),
        ({"unread_registers": ("ET7044: not read: outputs",)}, "registers-unread"),
        ({"lanes_slowing": (SlowingLane("copper", 9, 12.1, 16.4),)}, "lane-slowing"),
        ({"sampled": None}, "model-unchecked"),
        ({"sampled": date(2026, 11, 30)}, "model-unchecked"),
        ({"sampled": date(2026, 12, 10)}, "sample-old"),
        ({"crops_waiting": 200}, "crops-wait"),
        ({"rows_wait_since_h": 25.0, "rows_waiting": 1500}, "outbox-waits"),
        ({"rows_quarantined": 1}, "rows-refused"),
        ({"disk_days": 2.9}, "disk-fills"),
        ({"clock_is_trusted": False}, "clock-unsure"),
        ({"records": False}, "records-nothing"),
        ({"newer_files": ("sim.yaml",)}, "settings-newer"),
    ],
)
def test_each_fact_has_its_one_item(changes: dict[str, object], code: str) -> None:
    assert codes(**changes) == [code]
    [item] = todo(replace(WELL, **changes))  # type: ignore[arg-type]
    assert item.cause
    assert item.effect
    assert item.action
    assert item.link.startswith("/")
    assert "{" not in item.cause + item.effect + item.action


def test_what_is_nearly_so_is_not_yet_so() -> None:
    nearly = {"calibrated": date(2026, 7, 19), "rows_wait_since_h": 24.0, "disk_days": 3.0, "crops_waiting": 199}
    assert codes(**nearly) == []
    assert codes(calibrated=date(2026, 1, 1), has_flat_field=False, is_simulated=True) == []


def test_what_does_not_work_comes_first_and_every_fault_has_its_words() -> None:
    faults = [Trouble(code, fault.sentence, "", fault.hint, "", stops=False) for code, fault in FAULTS.items()]
    assert set(codes(troubles=faults)) == set(FAULTS)
    found = todo(replace(WELL, records=False, rows_quarantined=1, has_admin=False))
    assert [item.urgency for item in found] == [Urgency.now, Urgency.soon, Urgency.sometime]


def test_the_facts_of_a_station_are_gathered_from_its_files(tmp_path: Path) -> None:
    tools = tools_of(tmp_path)
    station: StationView = PaperStation(fault_rows=(AIR_LOW,))
    path = tmp_path / "configs/sim.yaml"
    path.write_text(path.read_text() + "# changed by hand\n")
    found = tools.todo.facts(station, lambda: False)
    assert (found.has_admin, found.calibrated, found.newer_files) == (False, date(2026, 11, 22), ("sim.yaml",))
    assert [trouble.code for trouble in found.troubles] == ["air-low"]
    assert {"no-admin", "air-low", "model-unchecked", "settings-newer"} <= {
        item.code for item in tools.todo.items(station, lambda: False)
    }


def test_a_lane_that_wears_shows_after_two_weeks_and_one_that_is_well_does_not(tmp_path: Path) -> None:
    tools, diary = tools_of(tmp_path), LaneDiary(tmp_path)
    for n in range(1, 21):
        worn, well = ValveHealth(8, n, 12.0 + 0.31 * n, False, False), ValveHealth(9, n, 12.0, False, False)
        diary.note((worn, well, ValveHealth(10, n, None, False, False)), f"2027-01-{n:02}")
        found = slowing(read_diary(tmp_path))
        assert bool(found) is (n >= 15), n
    assert list(found) == [8]
    diary.note((ValveHealth(9, 1, 12.2, False, False),), "2027-01-20")
    assert read_diary(tmp_path)[-1].response_ms == {8: 18.2, 9: 12.2}
    [lane] = tools.todo.facts(PaperStation(), lambda: True).lanes_slowing
    assert (lane.outlet, lane.lane) == ("copper", 9)
    (tmp_path / "lanes.jsonl").write_text('{"day": 3}\nnonsense\n{"day": "2027-01-01", "ms": {"8": 12.5}}\n')
    assert [day.response_ms for day in read_diary(tmp_path)] == [{8: 12.5}]
    assert [diary.is_due(at_s) for at_s in (0.0, 599.0, 600.0, 601.0, 1200.0)] == [False, False, True, False, True]
