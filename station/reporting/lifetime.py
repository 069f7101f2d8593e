"""Running totals of a station: everything it has counted in its present epoch and before, up to the newest piece."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from station.store_reader import open_reader

_MG_PER_G = 1000


class Total(NamedTuple):
    """``outlet`` is where the pieces went; what was not ejected went to the outlet at the end of the belt."""

    class_id: str
    outlet: str
    pieces: int
    grams: int


class Totals(NamedTuple):
    """They only grow within one ``epoch``; a database that begins anew, or was put back, has another."""

    epoch: str
    rows: tuple[Total, ...]

    @property
    def pieces(self) -> int:
        return sum(row.pieces for row in self.rows)


class Backlog(NamedTuple):
    """Rows that wait for the programme's acknowledgement, and rows that it would not take."""

    waiting: int
    quarantined: int


class Lifetime:
    """Reads totals from one thread: closed intervals from their table, only what is open from the pieces."""

    def __init__(self, records: Path, rest_outlet: str) -> None:
        self._rest = rest_outlet
        self._connection = open_reader(records)

    def read(self) -> tuple[Totals, Backlog]:
        """As of one moment. Raises sqlite3.Error."""
        self._connection.execute("BEGIN")
        try:
            return _totals(self._connection, self._rest), _backlog(self._connection)
        finally:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def _totals(connection: sqlite3.Connection, rest_outlet: str) -> Totals:
    epoch = str(connection.execute("SELECT uuid FROM epochs ORDER BY id DESC LIMIT 1").fetchone()[0])
    pieces: Counter[tuple[str, str]] = Counter()
    mass_mg: Counter[tuple[str, str]] = Counter()
    closed = "SELECT class_id, outlet, sum(pieces), sum(mass_mg) FROM totals GROUP BY 1, 2"
    opened = (
        "SELECT label, CASE WHEN outcome = 'ejected' THEN coalesce(outlet, ?1) ELSE ?1 END, count(*),"
        " sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER))"
        " FROM pieces NOT INDEXED WHERE seq > (SELECT after_piece FROM open_interval) GROUP BY 1, 2"
    )
    for class_id, outlet, count, mass in (*connection.execute(closed), *connection.execute(opened, (rest_outlet,))):
        pieces[class_id, outlet] += count
        mass_mg[class_id, outlet] += mass
    return Totals(epoch, tuple(Total(*key, pieces[key], mass_mg[key] // _MG_PER_G) for key in sorted(pieces)))


def _backlog(connection: sqlite3.Connection) -> Backlog:
    waiting, quarantined = (
        int(connection.execute(f"SELECT count(*) FROM intervals WHERE delivery = '{word}'").fetchone()[0])
        for word in ("waiting", "quarantined")
    )
    return Backlog(waiting, quarantined)
