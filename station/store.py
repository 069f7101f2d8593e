"""The record store: one writer thread puts every closed piece and every event into SQLite, and keeps what it took."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

from station.marked import marked
from station.reporting.closing import newest_piece
from station.store_change import Change
from station.store_file import StoreRefused, check_version, connect, take_lock
from station.store_repair import put_right
from station.store_rows import (
    END_RUN,
    INSERT_EVENT,
    INSERT_PIECE,
    INSERT_RUN,
    Event,
    Row,
    Run,
    event_row,
    piece_row,
    run_row,
)
from station.types import PieceRecord

_log = logging.getLogger(__name__)
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """``keep_s`` is how long rows wait in memory for a disk that does not take them before the line should pause."""

    commit_every_s: float = 0.15
    retry_every_s: float = 1.0
    busy_s: float = 1.0
    keep_s: float = 600.0
    most_waiting: int = 60_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row that waits: its statement and how to make its values (done in the writer thread)."""

    sql: str
    row: Callable[[], Row]


class StoreBusy(Exception):  # noqa: N818 - a fact
    """A change was not on the disk in time; it may still come. The text says what the store is waiting for."""


class Store:
    """Takes records without ever making the caller wait. Open it with ``Store.open``."""

    def __init__(self, path: Path, settings: StoreSettings, lock: IO[bytes], connection: sqlite3.Connection) -> None:
        """Takes over the lock and the only read-write connection to the database."""
        self.path = path
        self.restored: str | None = None
        self._settings = settings
        self._lock = lock
        self._connection: sqlite3.Connection | None = connection
        self._waiting: deque[_Entry | Change[object]] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._piece_seq = newest_piece(connection)
        self._event_seq = _last_seq(connection, "events")
        self._trouble: str | None = None
        self._trouble_since_s = 0.0
        self._turned_away = 0
        self._unfit = 0
        self._writer = threading.Thread(target=self._write_on, name="store", daemon=True)

    @classmethod
    def open(cls, path: Path, settings: StoreSettings | None = None) -> Store:
        """Open or create the database and start the writer. A damaged one is restored first: ``restored`` says what was
        done and what is missing. Raises StoreRefused with a sentence."""
        lock = take_lock(path)
        try:
            check_version(path)
            restored = put_right(path)
            connection = connect(path, (settings or StoreSettings()).busy_s)
            store = cls(path, settings or StoreSettings(), lock, connection)
            store.restored = restored
        except (sqlite3.Error, OSError) as error:
            lock.close()
            raise StoreRefused(
                marked("The record database {path} cannot be opened ({error}). Check the disk and its rights.").format(
                    path=path, error=error
                )
            ) from error
        except StoreRefused:
            lock.close()
            raise
        _log.info("SQLite %s writes %s", sqlite3.sqlite_version, path)
        store._writer.start()
        return store

    def begin_run(self, run: Run) -> bool:
        """Announce a run; its pieces and events come after it."""
        with self._change:
            return self._take([_Entry(INSERT_RUN, partial(run_row, run))])

    def end_run(self, uuid: str, ended_ns: int) -> bool:
        with self._change:
            return self._take([_Entry(END_RUN, lambda: (ended_ns, uuid))])

    def append(self, records: Iterable[PieceRecord]) -> bool:
        """Queue closed pieces; False when memory is full and some were turned away (``trouble`` says so)."""
        with self._change:
            entries = []
            for record in records:
                self._piece_seq += 1
                entries.append(_Entry(INSERT_PIECE, partial(piece_row, self._piece_seq, record)))
            return self._take(entries)

    def note(self, events: Iterable[Event]) -> bool:
        """Queue lines of the event log; False when some were turned away."""
        with self._change:
            entries = []
            for event in events:
                self._event_seq += 1
                entries.append(_Entry(INSERT_EVENT, partial(event_row, self._event_seq, event)))
            return self._take(entries)

    def change(self, work: Callable[[sqlite3.Connection], Made], timeout_s: float = 5.0) -> Made:
        """Do something in the writer's thread after every row taken so far, and wait until it is committed.

        Raises what ``work`` raised, or StoreBusy. ``work`` may be done twice and must not mind.
        """
        change = self.begin_change(work)
        if change is None or not change.settled.wait(timeout_s):
            raise StoreBusy(self.trouble or marked("The record database is busy; try again in a moment."))
        return change.result()

    def begin_change(self, work: Callable[[sqlite3.Connection], Made]) -> Change[Made] | None:
        """The same without waiting; None when it was turned away."""
        change = Change(work)
        with self._change:
            return change if self._take([change]) else None

    @property
    def newest_piece(self) -> int:
        """The number that the newest piece got, whether it is on the disk or not."""
        return self._piece_seq

    @property
    def waiting(self) -> int:
        """Rows that are not on the disk yet."""
        return len(self._waiting)

    @property
    def trouble(self) -> str | None:
        """A sentence when rows cannot be stored now or were lost, else None."""
        if self._has_died():
            return marked("The record writer has stopped. Restart the station; the log says why.")
        with self._change:
            lost = self._turned_away + self._unfit
            if lost:
                return f"{lost} records could not be stored and are missing. {self._trouble or ''}".strip()
            return self._trouble

    @property
    def must_pause(self) -> bool:
        """True when rows have waited too long or memory for them is full: what cannot be counted is not sorted."""
        if self._has_died():
            return True
        with self._change:
            if self._trouble is None:
                return False
            return self._now_s() - self._trouble_since_s > self._settings.keep_s or self._is_full()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything taken so far is committed; False when that took longer than ``timeout_s``."""
        with self._change:
            self._change.notify_all()
            return self._change.wait_for(lambda: not self._waiting, timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Commit what waits, as far as the disk allows within ``timeout_s``, and let go of the database."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._writer.join(timeout_s)
        if self._writer.is_alive() or self._waiting:
            _log.error("%d records could not be stored before the station stopped", len(self._waiting))
        self._lock.close()

    def _take(self, entries: Sequence[_Entry | Change[object]]) -> bool:
        room = max(0, self._settings.most_waiting - len(self._waiting))
        self._waiting.extend(entries[:room])
        self._turned_away += len(entries[room:])
        self._change.notify_all()
        return len(entries) <= room

    def _has_died(self) -> bool:
        return not self._closing and not self._writer.is_alive()

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._settings.most_waiting

    def _now_s(self) -> float:
        return time.monotonic()  # noqa: TID251 - how long the disk has been failing is this thread's own time

    def _write_on(self) -> None:
        while self._await_batch():
            stored = self._store_batch()
            if not stored and self._pause_before_retry():
                break
        if self._connection is not None:
            self._connection.close()

    def _await_batch(self) -> bool:
        """False when the store closes and nothing waits any more."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closing)
            if self._waiting and not self._closing:
                self._change.wait_for(lambda: self._closing, self._settings.commit_every_s)
            return bool(self._waiting)

    def _pause_before_retry(self) -> bool:
        """True when the store closes meanwhile: then the disk gets no other chance."""
        with self._change:
            return self._change.wait_for(lambda: self._closing, self._settings.retry_every_s)

    def _store_batch(self) -> bool:
        with self._change:
            batch = tuple(self._waiting)
        try:
            if self._connection is None:
                self._connection = connect(self.path, self._settings.busy_s)
                # What a failed sync left in the log can be read, but is it on the disk? Now it is, or this fails.
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            unfit = _commit(self._connection, batch)
        except (sqlite3.Error, OSError) as error:
            self._report(error)
            return False
        self._settle(len(batch), unfit)
        return True

    def _settle(self, stored: int, unfit: int) -> None:
        with self._change:
            for _ in range(stored):
                entry = self._waiting.popleft()
                if isinstance(entry, Change):
                    entry.settled.set()
            self._unfit += unfit
            if self._trouble is not None:
                _log.warning("records are stored again")
            self._trouble = None
            self._change.notify_all()

    def _report(self, error: Exception) -> None:
        """After a failed commit the connection's idea of the file is not to be trusted: it is opened anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with self._change:
            if self._trouble is None:
                self._trouble_since_s = self._now_s()
                _log.error("records wait in memory: %s", error)
            self._trouble = marked(
                "Records cannot be stored ({error}); they wait in memory. Free or check the disk of {path}."
            ).format(error=error, path=self.path)


def _last_seq(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0])


def _commit(connection: sqlite3.Connection, batch: Sequence[_Entry | Change[object]]) -> int:
    """Write all rows or none; a row that no database would take is left out and counted, so that it blocks no other."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        unfit = 0
        for entry in batch:
            if isinstance(entry, Change):
                entry.do(connection)
            else:
                unfit += _insert(connection, entry)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return unfit


def _insert(connection: sqlite3.Connection, entry: _Entry) -> int:
    try:
        connection.execute(entry.sql, entry.row())
    except (
        sqlite3.IntegrityError,
        sqlite3.InterfaceError,
        sqlite3.ProgrammingError,
        OverflowError,
        ValueError,
    ) as error:
        _log.error("a record does not fit the tables and is left out: %s", error)
        return 1
    return 0
