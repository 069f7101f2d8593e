"""The edge node over a real broker, in front of hosts that other people wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from station.reporting.mqtt.connection import Connection
from station.reporting.mqtt.talk import Publish
from station.reporting.mqtt.wire import Wire
from station.reporting.shape import Tree
from station.reporting.sparkplug.birth_number import BirthNumber
from station.reporting.sparkplug.edge_node import EdgeNode, Snapshot
from station.reporting.sparkplug.history import History
from station.reporting.sparkplug.payload import decode
from station.reporting.sparkplug.talker import SparkplugTalker
from tests.station.reporting.broker import Broker, Onlooker, eventually, onlooker
from tests.station.reporting.foreign import Foreign, foreign
from tests.station.reporting.sparkplug_words import ADDRESS, HOST, Said, read, rebirth, snapshot

EVERYTHING = "spBv1.0/yard/#"


class Line:
    """What the edge node looks at."""

    def __init__(self) -> None:
        self.now = snapshot(1)
        self._looks: Counter[object] = Counter()

    def look(self) -> Snapshot:
        found = self.now
        self._looks[found.devices["line"]["Pieces"].value] += 1
        return found

    def looks_at(self, pieces: int) -> int:
        return self._looks[pieces]


@contextmanager
def running(
    broker: Broker, folder: Path, line: Line, host: str | None = None, mqtt5: bool = True
) -> Iterator[Connection]:
    node = EdgeNode(ADDRESS, host, History(1000))
    talker = SparkplugTalker(node, BirthNumber(folder / "bdseq"), line.look, every_s=0.05)
    found = Connection(broker.settings(mqtt5=mqtt5), "line-1-sparkplug", talker, Random(1))
    found.start()
    try:
        yield found
    finally:
        found.close()


def told(looking: Onlooker) -> list[Said]:
    return [read(Publish(heard.topic, heard.payload)) for heard in looking.heard() if "STATE" not in heard.topic]


def kinds(looking: Onlooker) -> list[str]:
    return [one.kind for one in told(looking)]


@pytest.mark.parametrize("mqtt5", [True, False])
def test_births_data_and_a_planned_death_arrive_in_order(tmp_path: Path, mqtt5: bool) -> None:
    line = Line()
    with Broker(tmp_path / "broker") as broker, onlooker(broker, EVERYTHING) as looking:
        with running(broker, tmp_path, line, mqtt5=mqtt5) as connection:
            eventually(lambda: kinds(looking) == ["NBIRTH", "DBIRTH"], "births")
            assert connection.standing.sentence == "Connected to localhost, in clear text."
            line.now = snapshot(2)
            eventually(lambda: kinds(looking)[2:] == ["DDATA"], "data")
        eventually(lambda: len(kinds(looking)) == 4, "death")
        found = told(looking)
    assert [one.seq for one in found] == [0, 1, 2, None]
    assert found[2].metrics["Pieces"].value == 2
    assert found[3].kind == "NDEATH"
    assert found[3].metrics["bdSeq"].value == found[0].metrics["bdSeq"].value
    assert not any(heard.retained for heard in looking.heard())


def test_the_broker_tells_the_will_of_a_node_that_falls_silent(tmp_path: Path) -> None:
    """Its socket is closed without a DISCONNECT."""
    node = EdgeNode(ADDRESS, None, History(10))
    with Broker(tmp_path / "broker") as broker, onlooker(broker, EVERYTHING) as looking:
        wire = Wire(broker.settings(), "line-1-sparkplug", node.will(9))
        wire.open()
        while not wire.pump(0.1):
            pass
        socket = wire._client.socket()
        assert socket is not None
        socket.close()
        eventually(lambda: kinds(looking) == ["NDEATH"], "the will")
    assert told(looking)[0].metrics["bdSeq"].value == 9


def test_the_birth_number_goes_on_over_restarts_and_deaths_carry_it(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker, onlooker(broker, EVERYTHING) as looking:
        for count in range(1, 4):
            with running(broker, tmp_path, Line()):
                eventually(lambda: kinds(looking).count("NBIRTH") == count, "birth")  # noqa: B023
            eventually(lambda: kinds(looking).count("NDEATH") == count, "death")  # noqa: B023
        found = [(one.kind, one.metrics["bdSeq"].value) for one in told(looking) if "bdSeq" in one.metrics]
    assert found == [(kind, number) for number in range(3) for kind in ("NBIRTH", "NDEATH")]


def test_the_birth_number_goes_on_when_the_broker_comes_back(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker, running(broker, tmp_path, Line()) as connection:
        for count in range(3):
            eventually(lambda: connection.standing.since_ms is not None, "connected")
            with onlooker(broker, EVERYTHING) as looking:
                looking.publish(rebirth().topic, rebirth().payload)
                eventually(lambda: "NBIRTH" in kinds(looking), "birth")
                birth = next(one for one in told(looking) if one.kind == "NBIRTH")
                assert birth.metrics["bdSeq"].value == count
            broker.kill()
            eventually(lambda: connection.standing.since_ms is None, "lost")
            eventually(lambda: "listens" in connection.standing.sentence, "tried in vain")
            broker.start()


def test_a_rebirth_command_is_answered_with_all_births(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        onlooker(broker, EVERYTHING) as looking,
        running(broker, tmp_path, Line()),
    ):
        eventually(lambda: kinds(looking) == ["NBIRTH", "DBIRTH"], "births")
        looking.publish(rebirth().topic, rebirth().payload)
        births = ["NBIRTH", "DBIRTH"] * 2
        eventually(lambda: [kind for kind in kinds(looking) if kind != "NCMD"] == births, "births again")
        found = [one for one in told(looking) if one.kind == "NBIRTH"]
    assert found[0].metrics["bdSeq"].value == found[1].metrics["bdSeq"].value


def test_the_primary_host_decides_when_there_is_a_birth_and_when_it_is_left(tmp_path: Path) -> None:
    line = Line()

    def say(online: bool, timestamp: int) -> None:
        raw = json.dumps({"online": online, "timestamp": timestamp}).encode()
        looking.publish(f"spBv1.0/STATE/{HOST}", raw, retain=True)

    with Broker(tmp_path / "broker") as broker, onlooker(broker, EVERYTHING) as looking:
        say(False, 100)
        with running(broker, tmp_path, line, host=HOST) as connection:
            eventually(lambda: connection.standing.since_ms is not None, "connected")
            line.now = snapshot(2)
            say(True, 200)
            eventually(lambda: kinds(looking)[:2] == ["NBIRTH", "DBIRTH"], "births")
            say(False, 150)
            line.now = snapshot(3)
            eventually(lambda: _told(looking, 3), "still told")
            assert "NDEATH" not in kinds(looking)
            say(False, 300)
            eventually(lambda: kinds(looking)[-1] == "NDEATH", "left")
            line.now = snapshot(4)
            eventually(lambda: line.looks_at(4) > 0, "seen while away")
            say(True, 400)
            eventually(lambda: kinds(looking).count("NBIRTH") == 2, "born again")
            eventually(lambda: _told(looking, 4, historical=True), "what happened meanwhile")


def _told(looking: Onlooker, pieces: int, historical: bool = False) -> bool:
    data = [one.metrics.get("Pieces") for one in told(looking) if one.kind == "DDATA"]
    return any(metric.value == pieces and metric.is_historical == historical for metric in data if metric)


def test_what_happened_while_the_broker_was_away_is_told_as_historical(tmp_path: Path) -> None:
    line = Line()
    online = json.dumps({"online": True, "timestamp": 1}).encode()
    with Broker(tmp_path / "broker") as broker, running(broker, tmp_path, line, host=HOST) as connection:
        eventually(lambda: connection.standing.since_ms is not None, "connected")
        broker.kill()
        eventually(lambda: "listens" in connection.standing.sentence, "tried in vain")
        line.now = snapshot(77)
        eventually(lambda: line.looks_at(77) > 1, "seen")
        line.now = snapshot(78)
        broker.start()
        with onlooker(broker, EVERYTHING) as looking:
            looking.publish(f"spBv1.0/STATE/{HOST}", online, retain=True)
            eventually(lambda: _told(looking, 77, historical=True), "history")
            births = [one.metrics["Pieces"].value for one in told(looking) if one.kind == "DBIRTH"]
    assert births == [78]


def test_a_foreign_host_reads_births_data_history_and_death_and_asks_for_a_rebirth(tmp_path: Path) -> None:
    line = Line()
    large = 2**53 + 1
    with Broker(tmp_path / "broker") as broker, foreign("host.js", broker.port) as host:
        eventually(lambda: {"ready": True} in host.lines(), "the host is there")
        with running(broker, tmp_path, line):
            eventually(lambda: len(_of(host, "DBIRTH")) == 1, "births")
            line.now = snapshot(large, speed=0.25)
            eventually(lambda: len(_of(host, "DDATA")) == 1, "data")
            host.say("rebirth yard line-1")
            eventually(lambda: len(_of(host, "NBIRTH")) == 2, "rebirth")
        eventually(lambda: len(_of(host, "NDEATH")) == 1, "death")
    birth = _of(host, "NBIRTH")[0]
    assert {(metric["name"], metric["type"]) for metric in birth} == {
        ("bdSeq", "Int64"),
        ("Node Control/Rebirth", "Boolean"),
        ("Software", "String"),
    }
    device = {str(metric["name"]): metric for metric in _of(host, "DBIRTH")[0]}
    assert (device["Pieces"]["type"], device["Pieces"]["value"], device["Speed"]["type"]) == ("UInt64", "1", "Double")
    data = {str(metric["name"]): metric for metric in _of(host, "DDATA")[0]}
    assert (data["Pieces"]["value"], data["Pieces"]["type"], data["Speed"]["value"]) == (str(large), None, 0.25)
    assert [metric["name"] for metric in _of(host, "NDEATH")[0]] == ["bdSeq"]


def _of(host: Foreign, kind: str) -> list[list[Tree]]:
    """Metrics of every message of this kind."""
    payloads = [line["payload"] for line in host.lines() if f"/{kind}/" in str(line.get("topic"))]
    return [payload["metrics"] for payload in payloads if isinstance(payload, dict)]


def test_a_foreign_edge_node_is_read(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker, onlooker(broker, "spBv1.0/yard/NBIRTH/foreign") as looking:
        with foreign("edge.js", broker.port):
            eventually(lambda: bool(looking.heard()), "its birth")
        payload = decode(looking.heard()[0].payload)
    assert payload is not None
    values = {metric.name: metric.value for metric in payload.metrics}
    assert (values["Count"], values["Below"], values["Share"]) == (123, -5, 0.25)
