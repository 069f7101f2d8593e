"""The encoder readings beside recorded footage."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

from vision.types import FootageError

_HEADER = ["taken_ns", "count"]


def read_ticks(folder: Path) -> tuple[tuple[int, int], ...]:
    """Rows (taken_ns, raw count) of ``ticks.csv`` in order; raises FootageError with one sentence."""
    table = folder / "ticks.csv"
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
        ticks = tuple((int(taken), int(count)) for taken, count in rows)
    except OSError as error:
        raise FootageError(f"{table}: cannot be read ({error.strerror}); the footage needs its tick table.") from error
    except ValueError as error:
        raise FootageError(f"{table}: a row is not two whole numbers ({error}); copy the footage again.") from error
    if header != _HEADER or len(ticks) < 2:
        raise FootageError(
            f"{table}: expected the columns taken_ns,count and two rows at least; copy the footage again."
        )
    if any(later[0] <= earlier[0] for earlier, later in itertools.pairwise(ticks)):
        raise FootageError(f"{table}: taken_ns does not grow; sort the rows by time.")
    return ticks
