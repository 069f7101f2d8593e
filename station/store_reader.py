"""Reading the record store: counts for page and summary, always through a read-only connection."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

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


def _counts(total: Counter[tuple[str, str | None, str]], mass_mg: Counter[tuple[str, str | None, str]]) -> Counts:
    """Masses are summed as whole milligrams, so that every way of adding gives the same sum."""
    ordered = sorted(total.items(), key=lambda item: str(item[0]))
    rows = tuple(CountRow(*key, pieces, mass_mg[key] / _MG_PER_G) for key, pieces in ordered)
    return Counts(total.total(), rows)
