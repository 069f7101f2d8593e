"""The outbox: sealed rows wait here until the receiver itself says that it has applied them.

Nothing is ever given up: a row leaves by the receiver's acknowledgement only. A row that the receiver will not take is
set aside in quarantine, where it stays until a person retries it; rows behind it go on.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

from station.marked import marked
from station.reporting.row import IntervalRow, parse
from station.reporting.store_tables import LOST_ROWS
from station.store import Made, StoreBusy
from station.store_reader import open_reader

_MOST_REFUSALS = 3
_ROW_OVERHEAD_BYTES = 200
_S_PER_DAY = 86_400
_RECENT_ROWS = 500
_MOST_WITHHELD = 1000


class Waiting(NamedTuple):
    """One sealed row; ``data`` is its canonical form, to be sent as it is."""

    epoch: str
    sequence: int
    data: bytes

    @property
    def row(self) -> IntervalRow:
        return parse(self.data)


class Quarantined(NamedTuple):
    """A row that the receiver did not take, and what it said."""

    epoch: str
    sequence: int
    reason: str
    data: bytes


class Forecast(NamedTuple):
    """``days_left`` until the disk is full at the present rate if nothing is acknowledged; None without a rate."""

    waiting: int
    quarantined: int
    oldest_utc: str | None
    waiting_bytes: int
    bytes_per_day: int | None
    free_bytes: int
    days_left: float | None


def _nothing_holds() -> str | None:
    return None


class Records(Protocol):
    """Where the rows are kept: the store, whose one writer makes every change."""

    @property
    def path(self) -> Path: ...

    def change(self, work: Callable[[sqlite3.Connection], Made], timeout_s: float = 5.0) -> Made: ...


class ReadOnly:
    """Records that are only looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        return self._path

    def change(self, work: Callable[[sqlite3.Connection], Made], timeout_s: float = 5.0) -> Made:
        raise StoreBusy(marked("These records are only looked at."))


class Outbox:
    """Safe from any thread. What changes it returns when it is on the disk; raises StoreBusy when that takes long.

    ``held`` gives a sentence while nothing may be sent (the clock), else None.
    """

    def __init__(self, store: Records, held: Callable[[], str | None] = _nothing_holds) -> None:
        self._store = store
        self._held = held

    @property
    def held(self) -> str | None:
        """Why nothing is sent now, or None."""
        return self._held()

    def pending(self, limit: int = 100, after: tuple[str, int] | None = None) -> tuple[Waiting, ...]:
        """The oldest rows that wait, in order; ``after`` (epoch, sequence) leaves out what is under way already.

        Empty while the outbox is held.
        """
        if self._held() is not None:
            return ()
        epoch, sequence = ("", 0) if after is None else after
        found = self._read(
            "SELECT uuid, sequence, told FROM intervals JOIN epochs ON id = epoch_id"
            " WHERE delivery = 'waiting' AND (epoch_id, sequence) >"
            " (coalesce((SELECT id FROM epochs WHERE uuid = ?), 0), ?) ORDER BY epoch_id, sequence LIMIT ?",
            (epoch, sequence, limit),
        )
        return tuple(Waiting(str(uuid), int(number), str(told).encode()) for uuid, number, told in found)

    def acknowledge(self, epoch: str, *, up_to: int | None = None, sequences: Iterable[int] = ()) -> int:
        """The receiver has applied all rows of ``epoch`` up to a number, or these; returns how many were new to us.

        Rows that never were are ignored, and so is every acknowledgement after the first. ``up_to`` leaves what is in
        quarantine there; a sender that tells the receiver of withheld rows names exact numbers that it has sent.
        """
        exact = tuple(sequences)

        def apply(connection: sqlite3.Connection) -> int:
            update = (
                "UPDATE intervals SET delivery = 'acknowledged', reason = '' WHERE delivery <> 'acknowledged'"
                " AND epoch_id = (SELECT id FROM epochs WHERE uuid = ?) AND "
            )
            waiting = update + "sequence <= ? AND delivery = 'waiting'"
            done = 0 if up_to is None else connection.execute(waiting, (epoch, up_to)).rowcount
            return done + sum(connection.execute(update + "sequence = ?", (epoch, one)).rowcount for one in exact)

        return self._store.change(apply)

    def refused(self, epoch: str, sequence: int, reason: str, most: int = _MOST_REFUSALS) -> bool:
        """The receiver said no to this one row; True when that was once too often and the row is set aside."""

        def note(connection: sqlite3.Connection) -> bool:
            connection.execute(
                f"UPDATE intervals SET refusals = refusals + 1, reason = ? WHERE {_THIS} AND delivery = 'waiting'",
                (reason, epoch, sequence),
            )
            return _set_aside(connection, reason, epoch, sequence, most)

        return self._store.change(note)

    def quarantine(self, epoch: str, sequence: int, reason: str) -> bool:
        """Set a waiting row aside now; False when it does not wait."""
        return self._store.change(lambda connection: _set_aside(connection, reason, epoch, sequence, 0))

    def retry(self, epoch: str | None = None, sequence: int | None = None) -> int:
        """Quarantined rows wait again: one, those of an epoch, or all; returns how many."""

        def wait_again(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE intervals SET delivery = 'waiting', refusals = 0, reason = '' WHERE delivery = 'quarantined'"
                " AND (?1 IS NULL OR epoch_id = (SELECT id FROM epochs WHERE uuid = ?1))"
                " AND (?2 IS NULL OR sequence = ?2)",
                (epoch, sequence),
            ).rowcount

        return self._store.change(wait_again)

    def quarantined(self) -> tuple[Quarantined, ...]:
        """What was set aside, oldest first."""
        found = self._read(
            "SELECT uuid, sequence, reason, told FROM intervals JOIN epochs ON id = epoch_id"
            " WHERE delivery = 'quarantined' ORDER BY epoch_id, sequence"
        )
        return tuple(Quarantined(str(uuid), int(n), str(why), str(told).encode()) for uuid, n, why, told in found)

    def withheld(self, epoch: str) -> list[int]:
        """Numbers that cannot be sent, the newest of them: set aside, or lost with a damaged page."""
        found = self._read(
            "SELECT sequence FROM intervals WHERE delivery = 'quarantined'"
            " AND epoch_id = (SELECT id FROM epochs WHERE uuid = ?)",
            (epoch,),
        )
        lost = self._read("SELECT told FROM standing WHERE name = ?", (LOST_ROWS + epoch,))
        numbers = {int(number) for (number,) in found}.union(*(json.loads(str(told)) for (told,) in lost))
        return sorted(numbers)[-_MOST_WITHHELD:]

    def export_quarantine(self, path: Path) -> int:
        """Write what was set aside, one JSON object a line with ``reason`` and ``row``; returns how many."""
        rows = self.quarantined()
        draft = path.with_name(path.name + ".part")
        with draft.open("w", encoding="utf-8") as lines:
            for row in rows:
                told = {"reason": row.reason, "row": json.loads(row.data)}
                lines.write(json.dumps(told, ensure_ascii=False, sort_keys=True) + "\n")
        draft.replace(path)
        return len(rows)

    def forecast(self) -> Forecast:
        """How much waits and how long the disk bears it."""
        path = self._store.path
        waiting, quarantined = (
            int(self._read(f"SELECT count(*) FROM intervals WHERE delivery = '{word}'")[0][0])
            for word in ("waiting", "quarantined")
        )
        oldest = self._read(
            "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', (from_ns + utc_offset_ns) / 1000000000, 'unixepoch')"
            " FROM intervals WHERE delivery = 'waiting' ORDER BY epoch_id, sequence LIMIT 1"
        )
        recent = self._read(_RECENT)
        row_bytes = sum(int(row[0]) for row in recent) / max(1, len(recent)) + _ROW_OVERHEAD_BYTES
        per_day = _bytes_per_day(recent)
        free = shutil.disk_usage(path.parent).free
        return Forecast(
            waiting,
            quarantined,
            str(oldest[0][0]) if oldest else None,
            round(waiting * row_bytes),
            per_day,
            free,
            None if not per_day else round(free / per_day, 1),
        )

    def _read(self, sql: str, values: Sequence[str | int] = ()) -> list[tuple[str | int | float, ...]]:
        with closing(open_reader(self._store.path)) as reader:
            return reader.execute(sql, values).fetchall()


_THIS = "epoch_id = (SELECT id FROM epochs WHERE uuid = ?) AND sequence = ?"
_RECENT = (
    "SELECT coalesce(length(told), 0), (to_ns - from_ns) / 1e9, last_piece - after_piece FROM intervals"
    f" ORDER BY epoch_id DESC, sequence DESC LIMIT {_RECENT_ROWS}"
)
_PIECE_BYTES = 320


def _set_aside(connection: sqlite3.Connection, reason: str, epoch: str, sequence: int, after_refusals: int) -> bool:
    found = connection.execute(
        f"UPDATE intervals SET delivery = 'quarantined', reason = ? WHERE {_THIS} AND delivery <> 'acknowledged'"
        " AND refusals >= ?",
        (reason, epoch, sequence, after_refusals),
    )
    return found.rowcount > 0


def _bytes_per_day(recent: Sequence[tuple[str | int | float, ...]]) -> int | None:
    """What rows and the records behind them took of the disk lately, per day of running."""
    seconds = sum(float(row[1]) for row in recent)
    size = sum(int(row[0]) + _ROW_OVERHEAD_BYTES + int(row[2]) * _PIECE_BYTES for row in recent)
    return None if seconds <= 0 else round(size / seconds * _S_PER_DAY)
