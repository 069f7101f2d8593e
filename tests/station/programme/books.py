"""A ledger in hand: applies deliveries, and says what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import select

from station.programme.ledger import apply
from station.programme.tables import Databases, open_databases, rows, totals
from station.programme.words import Ack, Delivery, Sender
from station.reporting.row import NO_PREVIOUS, Count, IntervalRow, seal
from tests.station.reporting.rows import EPOCH, ROW

SIMULATED = Sender(ROW.station, True)
NOW_MS = 1_800_000_000_000


class Book:
    """Each ``take`` is a transaction of its own."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases

    def take(
        self,
        given: Sequence[IntervalRow],
        withheld: tuple[int, ...] = (),
        sender: Sender = SIMULATED,
        epoch: str = EPOCH,
    ) -> Ack:
        with self.databases.writer.begin() as connection:
            return apply(connection, sender, Delivery(epoch, tuple(given), withheld), NOW_MS)

    def totals(self) -> dict[tuple[str, bool, str, str], int]:
        """Pieces by station, simulated, day and class."""
        found: dict[tuple[str, bool, str, str], int] = {}
        with self.databases.reader.begin() as connection:
            for line in connection.execute(select(totals)).mappings():
                key = (line["station"], line["is_simulated"], line["day"], line["class_id"])
                found[key] = found.get(key, 0) + line["pieces"]
        return {key: pieces for key, pieces in found.items() if pieces}

    def pieces(self) -> int:
        return sum(self.totals().values())

    def states(self) -> dict[int, str]:
        with self.databases.reader.begin() as connection:
            return {line.sequence: line.state for line in connection.execute(select(rows).order_by(rows.c.sequence))}


@contextmanager
def opened(database: str) -> Iterator[Book]:
    databases = open_databases(database)
    try:
        yield Book(databases)
    finally:
        databases.close()


def other_history(row: IntervalRow, pieces: int) -> IntervalRow:
    """The same place in the chain with other counts."""
    return seal(replace(row, counts=(Count("CU-NO2", "copper", "ejected", pieces, 1.0, 0.0, 0.0),)), row.previous)


def real(row: IntervalRow, station: str = "real-line") -> IntervalRow:
    return seal(replace(row, station=station, is_simulated=False, sequence=1), NO_PREVIOUS)
