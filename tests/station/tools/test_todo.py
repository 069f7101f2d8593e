"""The to-do list is derived from facts alone; every kind of item has its cause and goes away with it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from station.faults import FAULTS
from station.tools.todo import Facts, SlowingLane, Trouble, Urgency, todo
from station.trends.book import BOOK, Figure, Series, TrendBook
from station.trends.lanes import lane_days, slowing
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
    tools, book, now_s = tools_of(tmp_path), TrendBook(tmp_path / BOOK), int(time.time())
    assert lane_days(tmp_path, now_s) == ()
    for n in range(1, 21):
        at_s = now_s - (20 - n) * 86_400
        for output, ms in ((8, 12.0 + 0.31 * n), (9, 12.0), (10, 12.0 + n)):
            book.add(at_s, [Figure(Series.valve, str(output), 1, ms, ms, ms)])
        found = set(slowing(lane_days(tmp_path, at_s)))
        assert found == ({10} if n >= 14 else set()) | ({8} if n >= 15 else set()), n
    book.add(now_s, [Figure(Series.valve, "9", 1, 12.2, 12.2, 12.2)])
    assert lane_days(tmp_path, now_s)[-1].response_ms == {8: 18.2, 9: 12.1, 10: 32.0}
    [lane, _] = tools.todo.facts(PaperStation(), lambda: True).lanes_slowing
    assert (lane.outlet, lane.lane) == ("copper", 9)
    (tmp_path / BOOK).write_bytes(b"nonsense" * 1000)
    assert lane_days(tmp_path, now_s) == ()
