"""Reading the record store: counts for page and summary, always through a read-only connection."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Self

_MG_PER_G = 1000


class CountRow(NamedTuple):
    """``outlet`` is where the piece was ejected to, None when it passed to the end of the belt; ``mass_g`` is theirs
    as estimated."""

    label: str
    outlet: str | None
    outcome: str
    pieces: int
    mass_g: float = 0.0


class Counts(NamedTuple):
    """What happened to the pieces of one run; ``pieces`` is the sum of the rows."""

    pieces: int
    rows: tuple[CountRow, ...]


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection; raises sqlite3.OperationalError when there is no such database."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0, check_same_thread=False)


def read_counts(path: Path, run: str) -> Counts:
    """Counts of one run as the view ``counts`` states them."""
    with closing(open_reader(path)) as connection:
        found = connection.execute(
            "SELECT label, outlet, outcome, pieces, mass_mg FROM counts WHERE run = ?", (run,)
        ).fetchall()
        pieces = Counter({(label, outlet, outcome): pieces for label, outlet, outcome, pieces, _ in found})
        return _counts(pieces, Counter({(label, outlet, outcome): mg for label, outlet, outcome, _, mg in found}))


class RunningCounts:
    """Counts of a run that goes on: each read adds only the new rows, so a long day costs no more than a minute."""

    def __init__(self, path: Path, run: str) -> None:
        self._connection = open_reader(path)
        self._run = run
        self._seq = 0
        self._total: Counter[tuple[str, str | None, str]] = Counter()
        self._mass_mg: Counter[tuple[str, str | None, str]] = Counter()

    def read(self) -> Counts:
        """Everything committed until now."""
        found = self._connection.execute(
            "SELECT label, CASE WHEN outcome = 'ejected' THEN outlet END, outcome, count(*), max(seq),"
            " sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER))"
            " FROM pieces NOT INDEXED WHERE seq > ? AND run_id = (SELECT id FROM runs WHERE uuid = ?) GROUP BY 1, 2, 3",
            (self._seq, self._run),
        ).fetchall()
        for label, outlet, outcome, pieces, last_seq, mass_mg in found:
            self._total[label, outlet, outcome] += pieces
            self._mass_mg[label, outlet, outcome] += mass_mg
            self._seq = max(self._seq, last_seq)
        return _counts(self._total, self._mass_mg)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _counts(total: Counter[tuple[str, str | None, str]], mass_mg: Counter[tuple[str, str | None, str]]) -> Counts:
    """Masses are summed as whole milligrams, so that every way of adding gives the same sum."""
    ordered = sorted(total.items(), key=lambda item: str(item[0]))
    rows = tuple(CountRow(*key, pieces, mass_mg[key] / _MG_PER_G) for key, pieces in ordered)
    return Counts(total.total(), rows)
