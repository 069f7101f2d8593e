"""From the station to the programme over a broker with TLS, certificates and rights: both ends are the real ones."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from station.reporting.mqtt.connection import Connection
from station.reporting.mqtt.plain import PlainTalker
from station.reporting.mqtt.row_sender import RowSender, SenderSettings
from station.reporting.mqtt.settings import TlsFiles, TopicSettings
from station.reporting.mqtt.talk import Publish
from station.reporting.mqtt.together import Together
from station.reporting.outbox import Outbox
from station.reporting.sparkplug.birth_number import BirthNumber
from station.reporting.sparkplug.edge_node import EdgeNode, NodeAddress
from station.reporting.sparkplug.history import History
from station.reporting.sparkplug.line_figures import snapshot_of
from station.reporting.sparkplug.talker import SparkplugTalker
from tests.station.ports import free_port
from tests.station.programme.books import opened
from tests.station.programme.receivers import register, running_receiver
from tests.station.reporting.authority import Authority
from tests.station.reporting.broker import Broker, eventually, onlooker
from tests.station.reporting.sparkplug_words import Said, read
from tests.station.reporting.test_line_now import ABOUT, look
from tests.station.reporting.yard import Yard

ROOT = Path(__file__).parents[3]


def documented_rights() -> str:
    """As PROGRAMME.md tells them, and what the programme itself needs."""
    text = (ROOT / "PROGRAMME.md").read_text()
    block = re.search(r"```\n(pattern write .*?)```", text, re.DOTALL)
    assert block is not None
    return block[1].replace("<group>", "test") + "user programme\ntopic readwrite scrap/test/#\n"


@pytest.mark.timeout(120)
def test_rows_reach_the_receiver_over_tls_with_certificates_and_count_every_piece_once(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/p.db"
    register(database, "demo-line", tmp_path)
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("broker", "localhost")
    rights = tmp_path / "rights"
    rights.write_text(documented_rights())
    more = (
        f"cafile {authority.ca}\ncertfile {certificate}\nkeyfile {key}\nacl_file {rights}\n"
        "require_certificate true\nuse_identity_as_username true"
    )
    programme = TlsFiles(authority.ca, *authority.issue("programme"))
    station = TlsFiles(authority.ca, *authority.issue("demo-line"))
    settings = SenderSettings(rows_per_message=7, rows_per_s=math.inf, look_every_s=0.2, patience_s=2.0)
    with (
        Broker(tmp_path / "broker", more) as broker,
        running_receiver(database, broker=broker.settings(tls=programme)),
        Yard(tmp_path) as yard,
    ):
        yard.fill(rows=30, pieces=3)
        outbox = Outbox(yard.store)
        topics = TopicSettings("test", "demo-line")
        sender = RowSender(topics, outbox, settings)
        plain = PlainTalker(topics, ABOUT, lambda: look(yard), every_s=0.2)
        node = EdgeNode(NodeAddress("test", "demo-line"), None, History(10))
        number = BirthNumber(tmp_path / "bdseq")
        sparkplug = SparkplugTalker(node, number, lambda: snapshot_of(ABOUT, look(yard)), every_s=0.2)
        connections = (
            Connection(broker.settings(tls=station), "demo-line-rows", Together(plain, sender), Random(1)),
            Connection(broker.settings(tls=station), "demo-line-sparkplug", sparkplug, Random(2)),
        )
        for connection in connections:
            connection.start()
        try:
            eventually(lambda: outbox.pending(1) == (), "everything is acknowledged", 60)
            yard.fill(rows=2, pieces=5)
            eventually(lambda: sender.acknowledged == 32, "what came later, too", 30)
            eventually(lambda: node.is_born, "births", 30)
            assert [connection.standing.sentence for connection in connections] == ["Connected to localhost."] * 2
            assert "Denied" not in broker.log.read_text()
        finally:
            for connection in connections:
                connection.close()
    with opened(database) as book:
        assert book.pieces() == 100


@pytest.mark.timeout(240)
def test_a_running_station_is_born_tells_its_line_and_dies_in_order(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "models").symlink_to(ROOT / "models")
    config = tmp_path / "configs/sim.yaml"
    with Broker(tmp_path / "broker") as broker, onlooker(broker, "spBv1.0/#", "scrap/#") as looking:
        text = config.read_text().replace("port: 15020", f"port: {free_port()}")
        text += f"programme:\n  mqtt: {{host: localhost, port: {broker.port}, clear_text: true, tell_every_s: 1.0}}\n"
        config.write_text(text)
        command = [sys.executable, "-m", "station", "run", "configs/sim.yaml", "--for", "200", "--no-web"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as station:
            eventually(lambda: sum("/DDATA/" in one.topic for one in looking.heard()) > 5, "the line is told", 180)
            station.send_signal(signal.SIGTERM)
        assert station.returncode == 0
        heard = looking.heard()
    found = [read(Publish(one.topic, one.payload)) for one in heard if one.topic.startswith("spBv1.0/")]
    kinds = [one.kind for one in found]
    assert (kinds[0], kinds[1], kinds[-1]) == ("NBIRTH", "DBIRTH", "NDEATH")
    assert "DDATA" in kinds
    assert [one.seq for one in found[:-1]] == [n % 256 for n in range(len(found) - 1)]
    assert found[1].metrics["Properties/Is simulated"].value is True
    _totals_only_grow(found)
    plain = {one.topic.rpartition("/")[2]: json.loads(one.payload) for one in heard if one.topic.startswith("scrap/")}
    assert plain["online"]["online"] is False
    assert plain["counters"]["is_simulated"] is True
    assert sum(row["pieces"] for row in plain["counters"]["counts"]) == plain["counters"]["pieces"]


def _totals_only_grow(found: list[Said]) -> None:
    pieces = [one.metrics["Counters/Pieces"].value for one in found if "Counters/Pieces" in one.metrics]
    numbers = [value for value in pieces if isinstance(value, int)]
    assert numbers == sorted(numbers)
    assert len(numbers) == len(pieces)
