"""CSV that any spreadsheet opens rightly and no spreadsheet executes.

UTF-8 with a byte order mark (without it a Chinese Excel reads GBK), comma, CRLF, quotes where needed (RFC 4180).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from station.reporting.open_tables import Cell

ENCODING = "utf-8-sig"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell_text(cell: Cell) -> str:
    """A cell as text: empty for what is not known, ISO 8601 in UTC for times, true and false for facts.

    Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection). Raises
    ValueError for a time without its zone and for numbers that are none.
    """
    match cell:
        case bool():
            return "true" if cell else "false"
        case datetime():
            return utc_text(cell)
        case date():
            return cell.isoformat()
        case int() | float():
            return _number(cell)
        case str():
            return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return ""


def utc_text(moment: datetime) -> str:
    """ISO 8601 with milliseconds and Z; raises ValueError for a time without its zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} does not say its time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write a table and say how many rows it has; raises OSError and what ``cell_text`` raises."""
    with path.open("w", encoding=ENCODING, newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        written = 0
        for row in rows:
            writer.writerow([cell_text(cell) for cell in row])
            written += 1
    return written


def _number(number: float) -> str:
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no measurement; leave the cell empty")
    return format(number, ".10g")
