"""A week without the programme in time-lapse: the real store writes minute after minute of a full line, with full
sync; then the outbox drains through the real ledger.

``python -m tests.station.reporting.bench_outage --days 7`` prints what it took of disk and processor time. With
``--pile-up data/sim`` it leaves the backlog where `station run configs/sim.yaml` drains it beside the sorting.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.pool import StaticPool

from control.types import Outcome
from station.programme.ledger import apply
from station.programme.tables import LEDGER, totals
from station.programme.tables import rows as rows_of
from station.programme.words import Delivery, Sender
from station.reporting.closing import Close, Next, close_interval
from station.reporting.context import ClockState
from station.reporting.outbox import Outbox
from station.reporting.row import parse
from station.store import Store, StoreSettings
from station.store_rows import INSERT_PIECE, Row, piece_row
from tests.station.pieces import closed_piece
from tests.station.reporting.disk import Disk
from tests.station.reporting.yard import CONTEXT, LINE_RUN, S

_LABELS = ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC", "SS-304", "FE-SHRED", "ZN-DIE", "PWB", "RES-MIN")
_ENDS = ((Outcome.ejected, "copper"), (Outcome.passed, None), (Outcome.unsure, None))
_AT_ONCE = 200
_KINDS = 1009
_CLOSED_NS = -3  # where a piece's row has the moment of its end
_ROWS_A_DAY = 1440
_PATIENCE_S = 1e6  # the computer may be wanted by others meanwhile


class Outage(NamedTuple):
    """``pieces`` were stored; ``acknowledged`` of them are counted by rows that left the outbox, ``applied`` by the
    receiver's totals. ``disk_mb`` is the database with its log, ``slowest_close_s`` the longest wait for a row to be on
    the disk; other seconds are processor time of one core."""

    rows: int
    pieces: int
    acknowledged: int
    applied: int
    applied_rows: int
    waiting: int
    row_mb: float
    packed_mb: float
    disk_mb: float
    foretold_mb: float
    forecast_days: float | None
    slowest_close_s: float
    storing_s: float
    forecast_s: float
    outbox_s: float
    receiver_s: float


def live_through(folder: Path, rows: int, pieces_a_row: int) -> Outage:
    """That many minutes of outage; every row counts each class and end of a full line."""
    path = folder / "records.sqlite"
    begin = time.process_time()
    slowest_s = pile_up(path, rows, pieces_a_row)
    storing_s = time.process_time() - begin
    disk_mb = sum(part.stat().st_size for part in folder.glob("records.sqlite*")) / 1e6
    receiver = create_engine("sqlite://", poolclass=StaticPool)
    LEDGER.create_all(receiver)
    disk = Disk(path)
    outbox = Outbox(disk)
    begin = time.process_time()
    forecast = outbox.forecast()
    forecast_s = time.process_time() - begin
    packed_mb, outbox_s, receiver_s = _drain(outbox, receiver)
    with receiver.connect() as connection:
        applied = int(connection.execute(select(func.sum(totals.c.pieces))).scalar_one())
        applied_rows = int(connection.execute(select(func.count()).where(rows_of.c.state == "applied")).scalar_one())
    stored = int(disk.connection.execute("SELECT count(*) FROM pieces").fetchone()[0])
    told = disk.connection.execute("SELECT told FROM intervals WHERE delivery = 'acknowledged'")
    acknowledged = sum(count.pieces for (row,) in told for count in parse(row).counts)
    left = outbox.forecast().waiting
    disk.connection.close()
    receiver.dispose()
    foretold_mb = (forecast.bytes_per_day or 0) * rows / _ROWS_A_DAY / 1e6
    return Outage(forecast.waiting, stored, acknowledged, applied, applied_rows, left, forecast.waiting_bytes / 1e6,
                  packed_mb, disk_mb, foretold_mb, forecast.days_left, slowest_s, storing_s, forecast_s, outbox_s,
                  receiver_s)  # fmt: skip


def _drain(outbox: Outbox, receiver: Engine) -> tuple[float, float, float]:
    """Megabytes as packed, processor seconds of the outbox and of the receiver."""
    outbox_s = receiver_s = packed = 0.0
    while True:
        begin = time.process_time()
        waiting = outbox.pending(_AT_ONCE)
        packed += len(gzip.compress(b",".join(each.data for each in waiting), 6, mtime=0))
        outbox_s += time.process_time() - begin
        if not waiting:
            return packed / 1e6, outbox_s, receiver_s
        begin = time.process_time()
        told = Delivery(waiting[0].epoch, tuple(each.row for each in waiting))
        with receiver.begin() as connection:
            ack = apply(connection, Sender("demo-line", True), told, 0)
        receiver_s += time.process_time() - begin
        begin = time.process_time()
        outbox.acknowledge(ack.epoch, up_to=ack.acknowledged_through)
        outbox_s += time.process_time() - begin


def pile_up(path: Path, rows: int, pieces_a_row: int) -> float:
    """Every minute's pieces and the row that counts them are committed before the next minute begins; gives the longest
    of these waits in seconds."""
    kinds = _kinds()
    slowest_s = 0.0
    store = Store.open(path, StoreSettings(commit_every_s=0.0))
    try:
        store.begin_run(LINE_RUN)
        for number in range(rows + 1):
            begin = time.perf_counter()
            store.change(partial(_minute, kinds, number, pieces_a_row if number else 0), _PATIENCE_S)
            slowest_s = max(slowest_s, time.perf_counter() - begin)
    finally:
        store.close(_PATIENCE_S)
    return slowest_s


def _minute(kinds: tuple[Row, ...], number: int, pieces: int, connection: sqlite3.Connection) -> None:
    """In the store's one writer: its pieces, then the row that counts them."""
    now_ns = LINE_RUN.started_ns + number * 60 * S
    seqs = range((number - 1) * pieces + 1, number * pieces + 1)
    rows = [(seq, *kinds[seq % _KINDS][1:_CLOSED_NS], now_ns, *kinds[seq % _KINDS][_CLOSED_NS + 1 :]) for seq in seqs]
    connection.executemany(INSERT_PIECE, rows)
    following = Next(LINE_RUN.uuid, now_ns, CONTEXT, LINE_RUN.utc_offset_ns, ClockState.good)
    close_interval(connection, Close(number + 1, now_ns, following))


def _kinds() -> tuple[Row, ...]:
    """Every class with every end, in many masses and with as many scores as the shipped model gives."""
    chance = random.Random(1)
    found = []
    for number in range(_KINDS):
        outcome, outlet = chance.choice(_ENDS)
        piece = closed_piece(number, chance.choice(_LABELS), outcome, outlet, chance.uniform(1, 90))
        found.append(piece_row(0, replace(piece, scores=tuple(chance.random() for _ in range(13)))))
    return tuple(found)


def main() -> None:
    """Prints one JSON object."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--days", type=float, default=7.0)
    words.add_argument("--pieces-a-minute", type=int, default=1200)
    words.add_argument("--pile-up", type=Path, help="only leave the backlog as records.sqlite in this data folder")
    asked = words.parse_args()
    if asked.pile_up is not None:
        pile_up(asked.pile_up / "records.sqlite", round(asked.days * _ROWS_A_DAY), asked.pieces_a_minute)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = live_through(Path(folder), round(asked.days * _ROWS_A_DAY), asked.pieces_a_minute)
    sys.stdout.write(json.dumps(found._asdict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
