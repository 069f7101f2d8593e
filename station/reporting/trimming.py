"""Bounded disk: details go by age, or earlier when the disk gets full; totals stay for ever.

What goes: pieces and moments whose interval row exists, and rows that the receiver has acknowledged. What never
goes: rows that wait or are in quarantine, the newest row (the chain goes on from it), totals, batches.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_AT_ONCE = 20_000
_ROWS_AT_ONCE = 2_000
_NS_PER_DAY = 86_400 * 1_000_000_000
_GRACE_DAYS = 1.0


class TrimSettings(NamedTuple):
    """Details are kept for ``keep_days``; with less than ``min_free_bytes`` of disk older ones than a day go."""

    keep_days: float = 400.0
    min_free_bytes: int = 500_000_000


def trim(settings: TrimSettings, path: Path, now_utc_ns: int) -> Callable[[sqlite3.Connection], int]:
    """One round, small enough for the writer; gives how many pieces went."""

    def work(connection: sqlite3.Connection) -> int:
        is_short = shutil.disk_usage(path.parent).free < settings.min_free_bytes
        days = _GRACE_DAYS if is_short else settings.keep_days
        return trim_before(connection, now_utc_ns - round(days * _NS_PER_DAY))

    return work


def trim_before(connection: sqlite3.Connection, before_utc_ns: int, at_once: int = _AT_ONCE) -> int:
    """Details of intervals that ended before a moment, at most so many pieces; gives how many went."""
    found = connection.execute(
        "SELECT max(last_piece) FROM intervals WHERE kind = 'interval' AND clock <> 'impossible'"
        " AND to_ns + utc_offset_ns < ?",
        (before_utc_ns,),
    ).fetchone()[0]
    if found is None:
        return 0
    first = connection.execute("SELECT min(seq) FROM pieces").fetchone()[0]
    until = int(found) if first is None else min(int(found), int(first) + at_once - 1)
    until = _whole_rows(connection, until)
    gone = connection.execute("DELETE FROM pieces WHERE seq <= ?", (until,)).rowcount
    _trim_moments(connection, until)
    connection.execute(
        "DELETE FROM intervals WHERE (epoch_id, sequence) IN (SELECT epoch_id, sequence FROM intervals"
        " WHERE delivery = 'acknowledged' AND last_piece <= ?1 AND to_ns + utc_offset_ns < ?2"
        " AND (epoch_id, sequence) < (SELECT epoch_id, sequence FROM intervals"
        " ORDER BY epoch_id DESC, sequence DESC LIMIT 1) ORDER BY epoch_id, sequence LIMIT ?3)",
        (until, before_utc_ns, _ROWS_AT_ONCE),
    )
    return gone


def _whole_rows(connection: sqlite3.Connection, until: int) -> int:
    """The last piece of the last interval that ends at or before this piece, so that no row loses half its pieces."""
    found = connection.execute(
        "SELECT max(last_piece) FROM intervals WHERE kind = 'interval' AND last_piece <= ?", (until,)
    ).fetchone()[0]
    return int(found or 0)


def _trim_moments(connection: sqlite3.Connection, until: int) -> None:
    """Of runs whose every interval lies behind; what one run was told last stays true for its next interval."""
    connection.execute(
        "DELETE FROM moments WHERE run_id IN (SELECT run_id FROM intervals GROUP BY run_id HAVING max(last_piece) <= ?)"
        " AND run_id NOT IN (SELECT run_id FROM open_interval WHERE run_id IS NOT NULL)",
        (until,),
    )
