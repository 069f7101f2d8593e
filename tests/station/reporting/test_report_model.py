"""Many seeded histories of a bad connection: every committed piece reaches the programme, and counts there once.

Deliveries are lost, doubled, reordered, cut in parts; acknowledgements, too; the station restarts with an interval
open, the receiver's transaction is lost, the line is away for a while, rows are set aside and retried. The receiver is
the real one's own ``apply`` on a database of its own, the station the real closing and outbox.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from control.types import Outcome
from station.programme.ledger import apply
from station.programme.tables import LEDGER, rows, totals
from station.programme.words import Ack, Delivery, Sender
from station.reporting.closing import Close, Next, close_interval, last_number, newest_piece, recover
from station.reporting.context import ClockState
from station.reporting.outbox import Outbox, Waiting
from station.reporting.recount import recount
from station.store_file import connect
from station.store_rows import INSERT_PIECE, INSERT_RUN, piece_row, run_row
from tests.station.pieces import closed_piece
from tests.station.reporting.disk import Disk
from tests.station.reporting.yard import CONTEXT, LINE_RUN, S

RUNS = int(os.environ.get("STATION_MODEL_RUNS", "1000"))
_AT_ONCE = 50
_STEPS = 30
_SENDER = Sender("demo-line", True)


class History:
    """One seed's."""

    def __init__(self, seed: int, disk: Disk, receiver: Engine) -> None:
        self.chance = random.Random(seed)
        self.disk = disk
        self.receiver = receiver
        self.outbox = Outbox(disk)
        self.now_ns = LINE_RUN.started_ns
        self.sent: list[tuple[Waiting, ...]] = []
        self.acks: list[tuple[Ack, tuple[Waiting, ...]]] = []
        self.restart()

    def restart(self) -> None:
        """What was open is closed as cut short, then a run begins."""
        self.disk.restart()
        self.now_ns += S
        run = replace(LINE_RUN, uuid=f"run-{self.now_ns}", started_ns=self.now_ns)
        self.run = run.uuid
        self.disk.change(recover)
        self.disk.change(lambda connection: connection.execute(INSERT_RUN, run_row(run)))
        self.close()

    def see(self) -> None:
        """A few pieces close; one transaction."""
        self.now_ns += S
        number = self.chance.randint(1, 5)

        def insert(connection: sqlite3.Connection) -> None:
            newest = newest_piece(connection)
            for seq in range(newest + 1, newest + 1 + number):
                outcome, outlet = self.chance.choice([(Outcome.ejected, "copper"), (Outcome.passed, None)])
                mass_g = self.chance.choice([None, 0.001, 12.3456, 250.0])
                piece = closed_piece(seq, self.chance.choice(["CU-NO2", "AL-CAST"]), outcome, outlet, mass_g)
                connection.execute(INSERT_PIECE, piece_row(seq, replace(piece, run=self.run, closed_ns=self.now_ns)))

        self.disk.change(insert)

    def close(self) -> None:
        self.now_ns += S
        number = self.disk.change(last_number) + 1
        following = Next(self.run, self.now_ns, CONTEXT, LINE_RUN.utc_offset_ns, ClockState.good)
        order = Close(number, self.now_ns, following)
        for _ in range(self.chance.choice([1, 1, 2])):  # a commit that reached the disk though it seemed to fail
            self.disk.change(lambda connection: close_interval(connection, order))

    def send(self) -> None:
        waiting = list(self.outbox.pending(self.chance.randint(1, 8)))
        if not waiting:
            return
        if self.chance.random() < 0.3:
            self.chance.shuffle(waiting)
        if self.chance.random() < 0.2:
            waiting = waiting[: self.chance.randint(1, len(waiting))]
        self.sent.extend([tuple(waiting)] * self.chance.choice([1, 1, 1, 2]))

    def deliver(self) -> None:
        """Any delivery under way: it is lost, arrives, or arrives and stays under way."""
        if not self.sent:
            return
        at = self.chance.randrange(len(self.sent))
        delivery = self.sent[at] if self.chance.random() < 0.2 else self.sent.pop(at)
        fate = self.chance.random()
        if fate < 0.2:
            return
        with self.receiver.connect() as connection:
            told = Delivery(delivery[0].epoch, tuple(each.row for each in delivery))
            ack = apply(connection, _SENDER, told, 0)
            if fate < 0.3:  # the receiver dies before its commit: nothing was said
                connection.rollback()
                return
            connection.commit()
        self.acks.append((ack, delivery))

    def hear(self) -> None:
        """Any acknowledgement under way: lost, heard, or heard again later. It takes out what was sent and agreed."""
        if not self.acks:
            return
        at = self.chance.randrange(len(self.acks))
        ack, delivery = self.acks[at] if self.chance.random() < 0.2 else self.acks.pop(at)
        if self.chance.random() < 0.2:
            return
        agreed = [each.sequence for each in delivery if each.sequence <= ack.acknowledged_through]
        if self.chance.random() < 0.5:
            self.outbox.acknowledge(ack.epoch, sequences=agreed)
        else:
            self.outbox.acknowledge(ack.epoch, up_to=ack.acknowledged_through)

    def set_aside(self) -> None:
        """A row is set aside though nothing is wrong with it; sooner or later a person retries."""
        waiting = self.outbox.pending(3)
        if waiting:
            self.outbox.quarantine(waiting[-1].epoch, waiting[-1].sequence, "no")

    def retry(self) -> None:
        self.outbox.retry()

    def live(self) -> None:
        steps = (self.see, self.close, self.send, self.deliver, self.hear, self.set_aside, self.retry, self.restart)
        weights = [6, 5, 6, 7, 5, 1, 1, 1]
        is_away = 0
        for _ in range(_STEPS):
            step = self.chance.choices(steps, weights)[0]
            is_away = max(is_away - 1, 0) or (8 if self.chance.random() < 0.03 else 0)
            if not (is_away and step in (self.deliver, self.hear)):
                step()
            self.check_nothing_is_gone()

    def check_nothing_is_gone(self) -> None:
        """A row that is no longer waiting is with the receiver."""
        known = self.disk.connection.execute(
            "SELECT sequence FROM intervals WHERE delivery = 'acknowledged'"
        ).fetchall()
        with self.receiver.connect() as connection:
            held = set(connection.execute(select(rows.c.sequence).where(rows.c.state == "applied")).scalars())
        assert {number for (number,) in known} <= held

    def drain(self) -> None:
        """The connection is good again."""
        self.close()
        self.outbox.retry()
        self.sent.clear()
        for _ in range(1000):
            waiting = self.outbox.pending(50)
            if not waiting:
                return
            with self.receiver.begin() as connection:
                ack = apply(connection, _SENDER, Delivery(waiting[0].epoch, tuple(each.row for each in waiting)), 0)
            assert not ack.refused
            self.outbox.acknowledge(ack.epoch, up_to=ack.acknowledged_through)
        pytest.fail("the outbox does not empty")


def check(history: History) -> None:
    """What the receiver has is what the pieces say, to the milligram."""
    own = history.disk.connection
    true = own.execute(
        "SELECT label, CASE WHEN outcome = 'ejected' THEN outlet ELSE 'rest' END, outcome, count(*),"
        " sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER)) FROM pieces GROUP BY 1, 2, 3"
    ).fetchall()
    with history.receiver.connect() as connection:
        wanted = (totals.c.class_id, totals.c.outlet, totals.c.outcome)
        said = connection.execute(
            select(*wanted, func.sum(totals.c.pieces), func.sum(totals.c.mg)).group_by(*wanted)
        ).fetchall()
        applied = connection.execute(select(func.count()).where(rows.c.state == "applied")).scalar_one()
    assert sorted(tuple(row) for row in said) == sorted(true)
    assert applied == own.execute("SELECT count(*) FROM intervals").fetchone()[0]
    found = recount(history.disk.path)
    assert found.difference is None
    assert found.open_pieces == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, RUNS, _AT_ONCE))
def test_every_piece_counts_once_with_the_programme_whatever_happens_on_the_way(tmp_path: Path, first: int) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    empty = tmp_path / "empty.sqlite"
    connect(empty, 1.0).close()
    receiver = create_engine("sqlite://", poolclass=StaticPool)
    LEDGER.create_all(receiver)
    rows_seen = 0
    for seed in range(first, min(first + _AT_ONCE, RUNS)):
        path = tmp_path / f"{seed}.sqlite"
        shutil.copy(empty, path)
        with receiver.begin() as connection:
            for table in reversed(LEDGER.sorted_tables):
                connection.execute(table.delete())
        disk = Disk(path)
        history = History(seed, disk, receiver)
        history.live()
        history.drain()
        check(history)
        rows_seen += recount(path).rows
        disk.connection.close()
        path.unlink()
    receiver.dispose()
    assert rows_seen > _AT_ONCE
