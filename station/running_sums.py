"""Sums over the piece records that go on with every new record: each row is read once for all of them.

A sum begins after a piece's number. That one rule is enough for a run, a batch, a shift, a day and a bin.
"""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from station.store_reader import CountRow, Counts

_MG_PER_G = 1000
_ROWS = (
    "SELECT label, CASE WHEN outcome = 'ejected' THEN outlet END, outcome, count(*),"
    " sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER)), coalesce(sum(mass_sd_g * mass_sd_g), 0.0),"
    " coalesce(sum(mass_g * mass_g), 0.0) FROM pieces NOT INDEXED WHERE seq > ? AND seq <= ? GROUP BY 1, 2, 3"
)
_Key = TypeVar("_Key", bound=Hashable)


class Part(NamedTuple):
    """Pieces of one class, outlet (None: they passed) and outcome; ``sd2_g2`` and ``mass2_g2`` are sums of squares."""

    pieces: int
    mass_mg: int
    sd2_g2: float
    mass2_g2: float

    def plus(self, other: Part) -> Part:
        return Part(
            self.pieces + other.pieces,
            self.mass_mg + other.mass_mg,
            self.sd2_g2 + other.sd2_g2,
            self.mass2_g2 + other.mass2_g2,
        )


class Sum:
    """All pieces with a number above ``after_piece``."""

    def __init__(self, after_piece: int) -> None:
        self.after_piece = after_piece
        self._parts: dict[tuple[str, str | None, str], Part] = {}

    def add(self, key: tuple[str, str | None, str], part: Part) -> None:
        known = self._parts.get(key)
        self._parts[key] = part if known is None else known.plus(part)

    def counts(self) -> Counts:
        """As the page counts; masses are summed as whole milligrams, so that every way of adding gives the same."""
        ordered = sorted(self._parts.items(), key=lambda item: str(item[0]))
        rows = tuple(CountRow(*key, part.pieces, part.mass_mg / _MG_PER_G) for key, part in ordered)
        return Counts(sum(row.pieces for row in rows), rows)

    def outlet_mass(self, outlet: str | None, factor_sd: Mapping[str, float]) -> tuple[float, float]:
        """Kilograms that fell there (None: to the end of the belt) and their standard deviation.

        What each piece has for itself adds in squares, what all pieces of a class share adds up within the class.
        """
        mass_g: dict[str, float] = defaultdict(float)
        own_g2 = 0.0
        for (label, where, _), part in self._parts.items():
            if where == outlet:
                mass_g[label] += part.mass_mg / _MG_PER_G
                own_g2 += max(part.sd2_g2 - factor_sd.get(label, 0.0) ** 2 * part.mass2_g2, 0.0)
        common_g2 = sum((factor_sd.get(label, 0.0) * grams) ** 2 for label, grams in mass_g.items())
        return sum(mass_g.values()) / 1000, math.sqrt(own_g2 + common_g2) / 1000


class RunningSums(Generic[_Key]):
    """Sums by name over one record database; belongs to one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """``connection`` only reads."""
        self._connection = connection
        self._read_up_to = newest_piece(connection)
        self._sums: dict[_Key, Sum] = {}

    def read_on(self) -> None:
        """Add what was recorded since the last time."""
        newest = newest_piece(self._connection)
        self._scan(self._sums.values(), self._read_up_to, newest)
        self._read_up_to = max(self._read_up_to, newest)

    def keep(self, wanted: Mapping[_Key, int]) -> None:
        """These sums and no others: name -> number of the piece after which it begins."""
        known = self._sums
        self._sums = {
            key: known[key] if key in known and known[key].after_piece == after else Sum(after)
            for key, after in wanted.items()
        }
        fresh = [each for key, each in self._sums.items() if known.get(key) is not each]
        if fresh:
            self._scan(fresh, min(each.after_piece for each in fresh), self._read_up_to)

    def __getitem__(self, key: _Key) -> Sum:
        return self._sums[key]

    def _scan(self, sums: Iterable[Sum], after: int, until: int) -> None:
        """Read every row once, from beginning to beginning, for all sums that have begun by then."""
        found = list(sums)
        edges = sorted({after, until, *(each.after_piece for each in found if after < each.after_piece < until)})
        for first, last in itertools.pairwise(edges):
            open_now = [each for each in found if each.after_piece <= first]
            for key, part in self._rows(first, last):
                for each in open_now:
                    each.add(key, part)

    def _rows(self, after: int, until: int) -> Iterator[tuple[tuple[str, str | None, str], Part]]:
        for label, outlet, outcome, *figures in self._connection.execute(_ROWS, (after, until)):
            yield (label, outlet, outcome), Part(*figures)


def newest_piece(connection: sqlite3.Connection) -> int:
    """Number of the newest record, 0 before the first."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM pieces").fetchone()[0])
