"""Rows over a real broker: heard, applied once, acknowledged; what is not the station's own is turned away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from station.reporting.row import encode
from tests.station.programme.books import opened
from tests.station.programme.receivers import register, revoke, running_receiver
from tests.station.reporting.broker import Broker
from tests.station.reporting.rows import EPOCH, ROW, chain

ROWS, ACK = f"scrap/test/{ROW.station}/rows", f"scrap/test/{ROW.station}/ack"


class Station:
    """A plain MQTT client that publishes and hears its acknowledgements."""

    def __init__(self, port: int) -> None:
        self._heard = threading.Condition()
        self.answers: list[dict[str, object]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, "station", protocol=MQTTv5)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([(ACK, 1), ("scrap/test/stranger/ack", 1)])
        self._client.loop_start()

    def ask(self, topic: str, payload: bytes) -> dict[str, object]:
        """Publish again and again, as a station does, until an answer comes."""
        with self._heard:
            before = len(self.answers)
            for _ in range(60):
                self._client.publish(topic, payload, 1)
                if self._heard.wait_for(lambda: len(self.answers) > before, 0.5):
                    return self.answers[-1]
        raise AssertionError(f"nothing was said to {payload[:60]!r}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._heard:
            self.answers.append(json.loads(message.payload))
            self._heard.notify_all()


@contextmanager
def connected(port: int) -> Iterator[Station]:
    station = Station(port)
    try:
        yield station
    finally:
        station.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/p.db"
    register(found, ROW.station, tmp_path)
    return found


def test_rows_come_over_the_broker_bare_or_in_batches_and_count_once(tmp_path: Path, database: str) -> None:
    rows = chain(4)
    batch = {"schema": "batch/1", "station": ROW.station, "epoch": EPOCH, "rows": [json.loads(encode(r)) for r in rows]}
    with (
        Broker(tmp_path / "broker") as broker,
        running_receiver(database, broker=broker.settings()),
        connected(broker.port) as station,
    ):
        first = station.ask(ROWS, encode(rows[0]))
        second = station.ask(ROWS, json.dumps(batch).encode())
    assert first["acknowledged_through"] == 1
    assert (second["acknowledged_through"], second["acknowledged_hash"]) == (4, rows[-1].hash)
    with opened(database) as book:
        assert book.pieces() == 10


def test_the_receiver_waits_for_a_broker_and_turns_strangers_and_the_revoked_away(
    tmp_path: Path, database: str
) -> None:
    broker, row = Broker(tmp_path / "broker"), encode(chain(1)[0])
    with running_receiver(database, broker=broker.settings()):
        broker.start()
        try:
            with connected(broker.port) as station:
                assert station.ask(ROWS, row)["accepted"] in {0, 1}
                assert "not registered" in str(station.ask("scrap/test/stranger/rows", row)["refusal"])
                assert "not JSON" in str(station.ask(ROWS, b"{")["refusal"])
                revoke(database, ROW.station)
                assert "revoked" in str(station.ask(ROWS, row)["refusal"])
        finally:
            broker.stop()
    with opened(database) as book:
        assert book.pieces() == 1


def test_nobody_publishes_rows_under_another_stations_name(tmp_path: Path, database: str) -> None:
    register(database, "stranger", tmp_path)
    with (
        Broker(tmp_path / "broker") as broker,
        running_receiver(database, broker=broker.settings()),
        connected(broker.port) as station,
    ):
        told = station.ask("scrap/test/stranger/rows", encode(chain(1)[0]))
    assert "demo-line" in str(told["refusal"])
    with opened(database) as book:
        assert book.pieces() == 0
