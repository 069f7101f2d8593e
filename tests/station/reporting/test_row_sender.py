"""Rows reach the programme at least once and leave the outbox by its own acknowledgement only, whatever is lost."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import time
from pathlib import Path

import pytest

from station.reporting.closing import Close, Next, close_interval
from station.reporting.context import ClockState
from station.reporting.mqtt.connection import Connection
from station.reporting.mqtt.row_sender import RowSender, SenderSettings
from station.reporting.mqtt.settings import TopicSettings
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying, Subscribe
from station.reporting.outbox import Outbox
from station.reporting.row import verify_chain
from tests.station.reporting.broker import Broker, eventually
from tests.station.reporting.small_programme import Listener, SmallProgramme
from tests.station.reporting.yard import CONTEXT, S, Yard

TOPICS = TopicSettings("yard", "demo-line")
QUICK = SenderSettings(
    rows_per_message=4, messages_under_way=3, rows_per_s=math.inf, look_every_s=0.2, patience_s=1.0, most_patience_s=4.0
)


def at(seconds: float) -> Moment:
    return Moment(1_790_000_000_000 + round(seconds * 1000), seconds)


def batches(sayings: list[Saying]) -> list[bytes]:
    return [saying.payload for saying in sayings if isinstance(saying, Publish)]


def ack(answer: bytes) -> Heard:
    return Heard(TOPICS.acknowledgements, answer, retained=False)


def numbers(raw: bytes) -> list[int]:
    return [row["sequence"] for row in json.loads(raw)["rows"]]


def many(yard: Yard, rows: int) -> None:
    """So many empty intervals, in one transaction."""
    first, begin_ns = yard.number + 1, yard.now_ns

    def close_all(connection: sqlite3.Connection) -> None:
        for n in range(rows):
            now_ns = begin_ns + (n + 1) * S
            following = Next(yard.run.uuid, now_ns, CONTEXT, yard.run.utc_offset_ns, ClockState.good)
            close_interval(connection, Close(first + n, now_ns, following))

    yard.store.change(close_all, timeout_s=200.0)
    yard.number, yard.now_ns = first + rows - 1, begin_ns + rows * S


def test_rows_go_out_in_order_and_only_so_many_are_under_way(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=20)
        sender = RowSender(TOPICS, Outbox(yard.store), QUICK)
        first, *rest = sender.connected(at(0))
        assert first == Subscribe(("scrap/yard/demo-line/ack",))
        assert [numbers(raw) for raw in batches(rest)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
        assert all(isinstance(saying, Publish) and saying.qos == 1 and not saying.retain for saying in rest)
        assert sender.turn(at(0.5)) == []


def test_a_backlog_leaves_at_its_pace_however_quickly_it_is_acknowledged(tmp_path: Path) -> None:
    programme = SmallProgramme()
    with Yard(tmp_path) as yard:
        many(yard, rows=400)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox)
        waiting = batches(list(sender.connected(at(0))))
        seconds = 0
        while outbox.pending(1):
            seconds += 1
            for raw in waiting:
                waiting = batches(list(sender.heard(ack(programme.take(raw)), at(seconds))))
            waiting = waiting or batches(list(sender.turn(at(seconds))))
            assert seconds < 60
        assert seconds >= (400 - 50) / 10
    week_s = 7 * 1440 / (400 / seconds)
    assert week_s < 2 * 3600


def test_rows_leave_the_outbox_by_the_acknowledgement_and_the_next_go_out(tmp_path: Path) -> None:
    programme = SmallProgramme()
    with Yard(tmp_path) as yard:
        yard.fill(rows=20)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        sent = batches(list(sender.connected(at(0))))
        assert outbox.pending()[0].sequence == 1
        fresh = batches(list(sender.heard(ack(programme.take(sent[0])), at(0.1))))
        assert outbox.pending()[0].sequence == 5
        assert [numbers(raw) for raw in fresh] == [[13, 14, 15, 16]]


def test_what_is_not_acknowledged_in_time_is_sent_again_less_and_less_often(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=1)
        sender = RowSender(TOPICS, Outbox(yard.store), QUICK)
        sender.connected(at(0))
        sent = [n / 10 for n in range(200) if batches(list(sender.turn(at(n / 10))))]
        assert sender.trouble is not None
    gaps = [later - earlier for earlier, later in zip([0.0, *sent], sent, strict=False)]
    assert gaps[:2] == pytest.approx([1.1, 2.1], abs=0.15)
    assert gaps[2:] == pytest.approx([4.1] * len(gaps[2:]), abs=0.15)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"schema":"ack/1"}',
        b"[" * 50_000,
        b'{"schema":"ack/1","station":"another","epoch":"e","acknowledged_through":99,"acknowledged_hash":null}',
        b"<html>Welcome to our hotel</html>",
    ],
)
def test_what_is_no_acknowledgement_acknowledges_nothing(tmp_path: Path, raw: bytes) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        sender.connected(at(0))
        sender.heard(ack(raw), at(0.1))
        assert len(outbox.pending()) == 2


def test_an_acknowledgement_with_another_hash_than_ours_is_not_believed(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        (sent,) = batches(list(sender.connected(at(0))))
        answer = json.loads(SmallProgramme().take(sent))
        sender.heard(ack(json.dumps({**answer, "acknowledged_hash": "0" * 64}).encode()), at(0.1))
        assert len(outbox.pending()) == 2
        assert "another row 2" in str(sender.trouble)


def test_a_poison_row_is_set_aside_after_three_refusals_and_the_others_get_through(tmp_path: Path) -> None:
    programme = SmallProgramme(poison=[3])
    with Yard(tmp_path) as yard:
        yard.fill(rows=10)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        waiting = batches(list(sender.connected(at(0))))
        for n in range(1, 300):
            for raw in waiting:
                waiting = batches(list(sender.heard(ack(programme.take(raw)), at(n / 10))))
            waiting = waiting or batches(list(sender.turn(at(n / 10))))
        assert [row.sequence for row in outbox.quarantined()] == [3]
        assert outbox.pending() == ()
    assert [row.sequence for rows in programme.applied.values() for row in rows] == [1, 2, *range(4, 11)]


def test_a_row_that_differs_from_what_the_programme_holds_is_for_people_and_stays(tmp_path: Path) -> None:
    programme = SmallProgramme(poison=[1, 2, 3], code="conflict")
    with Yard(tmp_path) as yard:
        yard.fill(rows=3)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        waiting = batches(list(sender.connected(at(0))))
        for n in range(1, 300):
            for raw in waiting:
                waiting = batches(list(sender.heard(ack(programme.take(raw)), at(n / 10))))
            waiting = waiting or batches(list(sender.turn(at(n / 10))))
        assert outbox.quarantined() == ()
        assert [row.sequence for row in outbox.pending()] == [1, 2, 3]
        assert sender.trouble is not None


def test_a_held_outbox_is_not_sent(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.fill(rows=2)
        sender = RowSender(TOPICS, Outbox(yard.store, lambda: "The clock is wrong."), QUICK)
        assert batches(list(sender.connected(at(0)))) == []


@pytest.mark.parametrize("seed", range(8))
def test_lost_doubled_and_reordered_messages_and_acknowledgements_lose_and_repeat_nothing(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    programme = SmallProgramme()
    with Yard(tmp_path) as yard:
        yard.fill(rows=40)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, QUICK)
        to_host: list[bytes] = []
        to_station: list[bytes] = []
        to_host += batches(list(sender.connected(at(0))))
        for n in range(1, 4000):
            now = at(n / 20)
            if chance.random() < 0.01:
                sender.lost()
                to_host += batches(list(sender.connected(now)))
            for ways in (to_host, to_station):
                chance.shuffle(ways)
                ways[:] = [raw for raw in ways for _ in range(chance.choice([0, 1, 1, 1, 2]))][:50]
            if to_host:
                to_station.append(programme.take(to_host.pop()))
            if to_station and chance.random() < 0.5:
                to_host += batches(list(sender.heard(ack(to_station.pop()), now)))
            to_host += batches(list(sender.turn(now)))
            if not outbox.pending(1):
                break
        assert outbox.pending() == ()
    (rows,) = programme.applied.values()
    assert [row.sequence for row in rows] == list(range(1, 41))
    verify_chain(rows)


KILLS = 10


@pytest.mark.timeout(240)
def test_a_broker_killed_after_it_took_rows_loses_none_of_ten_thousand(tmp_path: Path) -> None:
    kill_the_broker(tmp_path, rows=10_000, kills=KILLS)


def kill_the_broker(folder: Path, rows: int, kills: int) -> None:
    """Rows flow while the broker is killed again and again; the receiver must have each, once."""
    programme = SmallProgramme()
    settings = SenderSettings(rows_per_s=math.inf, look_every_s=0.1, patience_s=2.0)
    chance = random.Random(4)
    with Yard(folder) as yard, Broker(folder / "broker") as broker:
        many(yard, rows)
        outbox = Outbox(yard.store)
        sender = RowSender(TOPICS, outbox, settings)
        here = Connection(broker.settings(), "demo-line-rows", sender, random.Random(1))
        there = Connection(broker.settings(), "programme", Listener(programme, "yard"), random.Random(2))
        here.start()
        there.start()
        try:
            for kill in range(1, kills + 1):
                eventually(lambda: sender.acknowledged >= rows * kill // (kills + 1), "rows flow", 100)  # noqa: B023
                time.sleep(chance.uniform(0.0, 0.05))
                broker.kill()
                broker.start()
            eventually(lambda: outbox.pending(1) == (), "everything is acknowledged", 100)
        finally:
            here.close()
            there.close()
    (applied,) = programme.applied.values()
    assert [row.sequence for row in applied] == list(range(1, rows + 1))
    verify_chain(applied)
    assert max(programme.times.values()) > 1, "no kill cost a message: the test proves nothing"
