"""What is told of the line, on Sparkplug and on plain topics, is what the records say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from station.reporting.lifetime import Lifetime, Total
from station.reporting.line_now import About, LineNow, LineWatcher
from station.reporting.mqtt import plain_shape
from station.reporting.mqtt.plain import PlainTalker
from station.reporting.mqtt.plain_shape import plain_schema
from station.reporting.mqtt.settings import TopicSettings
from station.reporting.mqtt.talk import Moment, Publish, Saying
from station.reporting.outbox import Outbox
from station.reporting.sparkplug.line_figures import DEVICE, snapshot_of
from station.reporting.sparkplug.payload import Datatype
from station.types import ActiveFault, State, Status
from station.valves import ValveHealth
from tests.station.reporting.yard import Yard

ABOUT = About(
    station="demo-line",
    name="Demonstration line",
    is_simulated=True,
    software="0.1.0",
    model="rendered-v1",
    calibration="2027-01-02 A",
    labels=("CU-NO2", "AL-CAST"),
    outlets=("copper", "rest"),
    outputs=(0, 1),
)
STATUS = Status(
    state=State.running,
    sentence="Sorting.",
    faults=(ActiveFault("lane-dead", "copper output 1", 5, 1, True),),
    tick=0,
    speed_mm_s=1499.7,
    frames=1,
    frames_dropped=0,
    frames_unplaced=0,
    pieces=0,
    newest_piece=0,
    open_pieces=0,
    now_ns=10**9,
    recipe="three metals 1.0",
    valves=(ValveHealth(0, 3, 11.26, False, False), ValveHealth(1, 0, None, True, False)),
)


class Desk:
    """Says what it was told."""

    def __init__(self, status: Status | None = STATUS) -> None:
        self.told = status

    def status(self) -> Status | None:
        return self.told

    def openings(self) -> Mapping[int, int]:
        return {0: 1234}


def look(yard: Yard, desk: Desk | None = None) -> LineNow | None:
    watcher = LineWatcher(desk or Desk(), Lifetime(yard.store.path, "rest"))
    yard.store.flush()
    try:
        return watcher.look()
    finally:
        watcher.close()


def test_totals_hold_closed_intervals_and_what_is_open_and_go_on_over_restarts(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=3, pieces=4)
        yard.see(5)
        yard.see(2, outlet=None)
        yard.store.flush()
        lifetime = Lifetime(yard.store.path, "rest")
        before, backlog = lifetime.read()
        yard.close()
        after, _ = lifetime.read()
        lifetime.close()
        assert backlog == (3, 0)
    assert before == after
    assert before.rows == (
        Total("CU-NO2", "copper", 17, int(17 * 32.1)),
        Total("CU-NO2", "rest", 2, int(2 * 32.1)),
    )
    with Yard(tmp_path) as yard:
        yard.see(1)
        found = look(yard)
        assert found is not None
        assert (found.totals.epoch, found.totals.pieces) == (before.epoch, 20)


def test_the_backlog_falls_with_acknowledgements_and_shows_quarantine(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=5)
        outbox = Outbox(yard.store)
        epoch = outbox.pending()[0].epoch
        outbox.quarantine(epoch, 2, "no")
        outbox.acknowledge(epoch, sequences=[1])
        found = look(yard)
        assert found is not None
        assert found.backlog == (3, 1)


def test_metrics_are_state_counters_rates_valves_and_versions(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.see(3)
        found = snapshot_of(ABOUT, look(yard))
    line = found.devices[DEVICE]
    told = {name: figure.value for name, figure in line.items()}
    assert (told["State/Name"], told["State/PackML"], told["State/Faults"]) == ("running", 6, "lane-dead")
    assert told["Rates/Belt speed mm per s"] == 1500.0
    assert (told["Counters/Pieces"], told["Counters/CU-NO2/copper/Pieces"]) == (3, 3)
    assert told["Counters/CU-NO2/copper/Grams"] == 96
    assert told["Counters/AL-CAST/rest/Pieces"] == 0
    assert (told["Valves/0/Openings"], told["Valves/0/Response ms"], told["Valves/0/Is dead"]) == (1234, 11.3, False)
    assert (told["Valves/1/Is dead"], told["Valves/Dead"]) == (True, 1)
    assert (told["Properties/Model"], told["Properties/Is simulated"]) == ("rendered-v1", True)
    assert told["Counters/Epoch"]
    assert all(
        figure.datatype is Datatype.uint64 for name, figure in line.items() if name.endswith(("Pieces", "Grams"))
    )
    assert found.node["Properties/Is simulated"].value is True


def test_a_first_piece_of_a_class_makes_no_new_metric(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        before = snapshot_of(ABOUT, look(yard)).devices[DEVICE]
        yard.see(3)
        after = snapshot_of(ABOUT, look(yard)).devices[DEVICE]
    assert before.keys() == after.keys()


def test_before_the_station_has_said_anything_there_is_a_node_and_no_line(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        found = look(yard, Desk(None))
    assert found is None
    assert snapshot_of(ABOUT, found).devices == {}


def test_the_pace_is_that_of_the_last_minute(tmp_path: Path) -> None:
    desk = Desk()
    with Yard(tmp_path) as yard:
        watcher = LineWatcher(desk, Lifetime(yard.store.path, "rest"))
        paces = []
        for n in range(100):
            desk.told = replace(STATUS, now_ns=n * 10**9)
            yard.see(2 if n < 50 else 0)
            yard.store.flush()
            found = watcher.look()
            assert found is not None
            paces.append(found.pieces_per_min)
        watcher.close()
    assert paces[5] is None
    assert paces[49] == 120
    assert paces[99] == pytest.approx(120 * 10 / 60, abs=3)


TOPICS = TopicSettings("yard", "demo-line")


def published(sayings: list[Saying]) -> dict[str, dict[str, object]]:
    found = {}
    for saying in sayings:
        assert isinstance(saying, Publish)
        assert saying.retain
        assert saying.qos == 1
        found[saying.topic.rpartition("/")[2]] = json.loads(saying.payload)
    return found


def test_plain_topics_fit_their_published_schemas_and_tell_only_changes(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.see(3)
        talker = PlainTalker(TOPICS, ABOUT, lambda: look(yard), every_s=1.0)
        will = talker.will()
        assert will is not None
        told = published(list(talker.connected(Moment(1_790_000_000_123, 0.0))))
        assert talker.turn(Moment(1_790_000_000_623, 0.5)) == []
        assert talker.turn(Moment(1_790_000_001_623, 1.5)) == []
        yard.see(1)
        assert list(published(list(talker.turn(Moment(1_790_000_003_000, 3.0))))) == ["counters"]
    assert will.topic == "scrap/yard/demo-line/online"
    assert told["state"]["at_utc"] == "2026-09-21T14:13:20.123Z"
    assert told["counters"]["pieces"] == 3
    offline = json.loads(will.payload)
    assert (told["online"]["online"], offline["online"]) == (True, False)
    for name, message in (*told.items(), ("online", offline)):
        jsonschema_rs.validate(plain_schema(name), message)
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(plain_schema(name), {**message, "is_simulated": "yes"})


@pytest.mark.parametrize("name", ["online", "state", "counters"])
def test_the_schema_files_are_the_schemas(name: str) -> None:
    file = Path(plain_shape.__file__).with_name(f"{name}-1.schema.json")
    assert json.loads(file.read_text()) == plain_schema(name)
