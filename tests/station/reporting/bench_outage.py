"""A week without the programme in time-lapse: minute rows of a full line pile up, then drain through the real ledger.

``python -m tests.station.reporting.bench_outage --days 7`` prints what it took in processor time. With ``--pile-up
data/sim`` it leaves the backlog where `station run configs/sim.yaml` drains it beside the sorting.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, func, select
from sqlalchemy.pool import StaticPool

from control.types import Outcome
from station.programme.ledger import apply
from station.programme.tables import LEDGER, totals
from station.programme.words import Delivery, Sender
from station.reporting.closing import Close, Next, close_interval
from station.reporting.context import ClockState
from station.reporting.outbox import Outbox
from station.store_rows import INSERT_PIECE, INSERT_RUN, piece_row, run_row
from tests.station.pieces import closed_piece
from tests.station.reporting.disk import Disk
from tests.station.reporting.yard import CONTEXT, LINE_RUN, S

_LABELS = ("CU-NO2", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC", "SS-304", "FE-SHRED", "ZN-DIE", "PWB", "RES-MIN")
_ENDS = ((Outcome.ejected, "copper"), (Outcome.passed, None), (Outcome.unsure, None))
_AT_ONCE = 200


class Outage(NamedTuple):
    """``pieces`` were stored and ``applied`` by the receiver; seconds are processor time of one core."""

    rows: int
    pieces: int
    applied: int
    waiting: int
    row_mb: float
    packed_mb: float
    closing_s: float
    outbox_s: float
    receiver_s: float
    forecast_days: float | None


def live_through(folder: Path, rows: int, pieces_a_row: int) -> Outage:
    """That many minutes of outage; every row counts each class and end of a full line."""
    disk = Disk(folder / "records.sqlite")
    receiver = create_engine("sqlite://", poolclass=StaticPool)
    LEDGER.create_all(receiver)
    closing_s = _pile_up(disk, rows, pieces_a_row)
    outbox = Outbox(disk)
    forecast = outbox.forecast()
    outbox_s = receiver_s = packed = 0.0
    while True:
        begin = time.process_time()
        waiting = outbox.pending(_AT_ONCE)
        packed += len(gzip.compress(b",".join(each.data for each in waiting), 6, mtime=0))
        outbox_s += time.process_time() - begin
        if not waiting:
            break
        begin = time.process_time()
        told = Delivery(waiting[0].epoch, tuple(each.row for each in waiting))
        with receiver.begin() as connection:
            ack = apply(connection, Sender("demo-line", True), told, 0)
        receiver_s += time.process_time() - begin
        begin = time.process_time()
        outbox.acknowledge(ack.epoch, up_to=ack.acknowledged_through)
        outbox_s += time.process_time() - begin
    with receiver.connect() as connection:
        applied = int(connection.execute(select(func.sum(totals.c.pieces))).scalar_one())
    stored = int(disk.connection.execute("SELECT count(*) FROM pieces").fetchone()[0])
    left = outbox.forecast().waiting
    disk.connection.close()
    receiver.dispose()
    return Outage(forecast.waiting, stored, applied, left, forecast.waiting_bytes / 1e6, packed / 1e6, closing_s,
                  outbox_s, receiver_s, forecast.days_left)  # fmt: skip


def _pile_up(disk: Disk, rows: int, pieces_a_row: int) -> float:
    """Processor seconds of closing alone."""
    chance = random.Random(1)
    disk.change(lambda connection: connection.execute(INSERT_RUN, run_row(LINE_RUN)))
    spent = 0.0
    for number in range(rows + 1):
        now_ns = LINE_RUN.started_ns + number * 60 * S
        lines = []
        for seq in range((number - 1) * pieces_a_row + 1, number * pieces_a_row + 1) if number else ():
            outcome, outlet = _ENDS[seq % len(_ENDS)]
            piece = closed_piece(seq, _LABELS[seq // 3 % len(_LABELS)], outcome, outlet, chance.uniform(1, 90))
            lines.append(piece_row(seq, replace(piece, closed_ns=now_ns)))
        disk.change(lambda connection, lines=lines: connection.executemany(INSERT_PIECE, lines))  # type: ignore[misc]
        following = Next(LINE_RUN.uuid, now_ns, CONTEXT, LINE_RUN.utc_offset_ns, ClockState.good)
        order = Close(number + 1, now_ns, following)
        begin = time.process_time()
        disk.change(lambda connection, order=order: close_interval(connection, order))  # type: ignore[misc]
        spent += time.process_time() - begin
    return spent


def main() -> None:
    """Prints one JSON object."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--days", type=float, default=7.0)
    words.add_argument("--pieces-a-minute", type=int, default=60)
    words.add_argument("--pile-up", type=Path, help="only leave the backlog as records.sqlite in this data folder")
    asked = words.parse_args()
    if asked.pile_up is not None:
        asked.pile_up.mkdir(parents=True, exist_ok=True)
        _pile_up(Disk(asked.pile_up / "records.sqlite"), round(asked.days * 1440), asked.pieces_a_minute)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = live_through(Path(folder), round(asked.days * 1440), asked.pieces_a_minute)
    sys.stdout.write(json.dumps(found._asdict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
