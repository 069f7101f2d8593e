"""A record database that is damaged or has lost its newest part: found at the start, put right, and the gap named.

A damaged file is set aside whole under a dated name. In its place comes the newest copy, or an empty database, and into
it everything that can still be read. Then the chain of rows begins anew, with the gap as the cause: nothing that the
programme may hold already is counted a second time. A cut in the middle of it is made up for at the next start.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from station.reporting.closing import add_totals, newest_piece
from station.reporting.counting import tally_of
from station.reporting.row import is_sealed, parse
from station.reporting.store_tables import LOST_ROWS
from station.store_file import connect
from station.store_gap import RESTORED, Newest, holes, in_words, newest_row
from station.store_reader import open_reader

_log = logging.getLogger(__name__)
_CHECKED_WHOLE_BYTES = 100_000_000
_DETAILS = ("pieces", "events")
_GROWING = ("runs", "epochs", "contexts", "moments", "events", "pieces")
_CHANGING = ("batches", "weighed", "standing")
_WITHOUT_LOG = "mode=ro&immutable=1"
_NO_BASE = "what could be read"
_BUSY_S = 1.0
_Row = tuple[int | float | str | None, ...]


def copy_of(path: Path) -> Path:
    """The newest copy of a database lies beside it."""
    return path.with_name(path.name + ".copy")


def mark_of(path: Path) -> Path:
    """How far the database had come, in a file beside it."""
    return path.with_name(path.name + ".newest")


def put_right(path: Path) -> str | None:
    """Before the database is opened to write, by whoever holds its lock. Says what was done; None: nothing was wrong.

    Raises sqlite3.Error and OSError where the disk does not bear it; the next start goes on.
    """
    _change_over(path)
    if not path.exists() or path.stat().st_size == 0:
        mark_of(path).unlink(missing_ok=True)
        return None
    damage = find_damage(path) or _foreign_log(path)
    if damage is None:
        return _go_on_after_loss(path)
    _log.error("the record database %s is damaged (%s); it is set aside and restored", path, damage)
    told = _restore(path, damage)
    _change_over(path)
    return told


def find_damage(path: Path, how: str = "mode=ro") -> str | None:
    """What is wrong with the file, in words. The details of a large one are read by the daily copy instead."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as reader:
            tables = [str(row[0]) for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if path.stat().st_size <= _CHECKED_WHOLE_BYTES:
                checks = ["integrity_check(1)"]
            else:
                checks = [f"quick_check({table})" for table in tables if table not in _DETAILS]
            found = (str(reader.execute(f"PRAGMA {check}").fetchone()[0]) for check in checks)
            wrong = next((word.splitlines()[-1] for word in found if word != "ok"), None)
            return wrong or (_unsealed(reader) if "intervals" in tables else None)
    except sqlite3.OperationalError:  # locked, or the disk: no damage of the file
        raise
    except sqlite3.DatabaseError as error:
        return str(error)


def remember_newest(path: Path) -> None:
    """So that a part that goes missing is noticed at the next start."""
    with closing(open_reader(path)) as reader:
        newest = newest_row(reader)
    if newest is not None and newest != _remembered(path):
        draft = mark_of(path).with_name(mark_of(path).name + ".new")
        draft.write_text(json.dumps(newest._asdict()), encoding="utf-8")
        draft.replace(mark_of(path))


def _remembered(path: Path) -> Newest | None:
    try:
        return Newest(**json.loads(mark_of(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _unsealed(reader: sqlite3.Connection) -> str | None:
    """The first row that waits and is not as it was sealed."""
    waiting = reader.execute("SELECT sequence, hash, told FROM intervals WHERE delivery <> 'acknowledged'")
    broken = (number for number, seal, told in waiting if not is_sealed(str(told), str(seal)))
    return next((f"row {number} is not as it was sealed" for number in broken), None)


def _foreign_log(path: Path) -> str | None:
    """The file knows the epoch it was in last, and with its log it does not: a sound log, but of another database."""
    remembered = _remembered(path)
    if remembered is None or _knows(path, "mode=ro", remembered) or not _knows(path, _WITHOUT_LOG, remembered):
        return None
    return "its log is of another database"


def _knows(path: Path, how: str, row: Newest) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as reader:
            return reader.execute("SELECT 1 FROM epochs WHERE uuid = ?", (row.epoch,)).fetchone() is not None
    except sqlite3.DatabaseError:
        return False


def _go_on_after_loss(path: Path) -> str | None:
    """A sound database without the row it had last: its log was taken away, or an older copy was put in its place."""
    remembered = _remembered(path)
    with closing(connect(path, _BUSY_S)) as connection:
        if remembered is None or _has(connection, remembered):
            return None
        connection.execute("BEGIN IMMEDIATE")
        _leave_uncounted(connection, remembered.piece)
        told = _begin_epoch(connection, "it is older than it was: a copy, or its log was removed", remembered)
        connection.execute("COMMIT")
    return told


def _has(connection: sqlite3.Connection, row: Newest) -> bool:
    found = connection.execute(
        "SELECT hash FROM intervals JOIN epochs ON id = epoch_id WHERE uuid = ? AND sequence = ?",
        (row.epoch, row.sequence),
    ).fetchone()
    return found is not None and found[0] == row.hash


def _restore(path: Path, damage: str) -> str:
    """Everything is made beside the damaged file, which is not touched yet."""
    draft, ready = path.with_name(path.name + ".draft"), path.with_name(path.name + ".restored")
    for old in _with_logs(draft):
        old.unlink(missing_ok=True)
    base, reads_on = _lay_base(path, draft)
    with closing(connect(draft, _BUSY_S)) as fresh:
        fresh.execute("PRAGMA foreign_keys = OFF")
        fresh.execute("BEGIN IMMEDIATE")
        if base == _NO_BASE:
            fresh.execute("DELETE FROM epochs")
        if not (reads_on and _bring_over(path, fresh)):
            _leave_uncounted(fresh, 0)
        told = _begin_epoch(fresh, f"{damage}; restored from {base}", _remembered(path))
        fresh.execute("COMMIT")
        fresh.execute("PRAGMA journal_mode = DELETE")
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.rename(ready)
    return told


def _lay_base(path: Path, draft: Path) -> tuple[str, bool]:
    """In words, and whether the damaged file may hold more. Where only the log is to blame, the file without it."""
    if find_damage(path, _WITHOUT_LOG) is None:
        shutil.copyfile(path, draft)
        return "the file without its log", False
    copy = copy_of(path)
    if copy.exists() and find_damage(copy, _WITHOUT_LOG) is None:
        shutil.copyfile(copy, draft)
        made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
        return f"the copy of {made:%Y-%m-%dT%H:%M:%SZ} and from what could be read", True
    return _NO_BASE, True


def _bring_over(path: Path, fresh: sqlite3.Connection) -> bool:
    """True when it is known which pieces the rows have counted already."""
    with closing(open_reader(path)) as damaged:
        for table in _GROWING:
            key = _columns(fresh, table)[0]
            newest = fresh.execute(f"SELECT coalesce(max({key}), 0) FROM {table}").fetchone()[0]
            _insert(fresh, table, "IGNORE", _read(damaged, fresh, table, f"WHERE {key} > {int(newest)}"))
        for table in _CHANGING:
            _insert(fresh, table, "REPLACE", _read(damaged, fresh, table))
        before = {row[0] for row in fresh.execute("SELECT hash FROM intervals")}
        columns = _columns(fresh, "intervals")
        seal, told = columns.index("hash"), columns.index("told")
        sound = (line for line in _read(damaged, fresh, "intervals") if is_sealed(str(line[told]), str(line[seal])))
        _insert(fresh, "intervals", "IGNORE", sound)
        totals = _whole(damaged, fresh, "totals")
        if totals is None:
            for row in (parse(str(text)) for (text,) in fresh.execute("SELECT told FROM intervals").fetchall()):
                if row.hash not in before:
                    add_totals(fresh, row, tuple(map(tally_of, row.counts)))
        else:
            _insert(fresh, "totals", "REPLACE", totals)
        opened = _whole(damaged, fresh, "open_interval")
        _insert(fresh, "open_interval", "REPLACE", opened or ())
    return bool(opened) and _can_be_closed(fresh)


def _can_be_closed(connection: sqlite3.Connection) -> bool:
    """What the open interval refers to is there."""
    found = connection.execute(
        "SELECT run_id IS NULL OR (EXISTS (SELECT 1 FROM runs WHERE id = run_id)"
        " AND EXISTS (SELECT 1 FROM contexts WHERE id = context_id)) FROM open_interval"
    ).fetchone()
    return bool(found[0])


def _read(damaged: sqlite3.Connection, fresh: sqlite3.Connection, table: str, where: str = "") -> Iterator[_Row]:
    """From both ends, around what cannot be read; some rows may come twice."""
    columns = _columns(fresh, table)
    keys = columns[: 2 if table in ("intervals", "weighed") else 1]
    for order in ("ASC", "DESC"):
        by = ", ".join(f"{key} {order}" for key in keys)
        try:
            yield from damaged.execute(f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED {where} ORDER BY {by}")
            return
        except sqlite3.DatabaseError as error:
            _log.log(
                logging.ERROR if order == "ASC" else logging.DEBUG, "table %s cannot be read whole: %s", table, error
            )


def _whole(damaged: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> list[_Row] | None:
    try:
        return damaged.execute(f"SELECT {', '.join(_columns(fresh, table))} FROM {table} NOT INDEXED").fetchall()
    except sqlite3.DatabaseError:
        return None


def _insert(
    fresh: sqlite3.Connection, table: str, otherwise: str, rows: Iterator[_Row] | list[_Row] | tuple[()]
) -> None:
    columns = _columns(fresh, table)
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT OR {otherwise} INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    for row in rows:
        try:
            fresh.execute(sql, row)
        except sqlite3.IntegrityError as error:
            _log.error("a damaged line of %s fits its table no more: %s", table, error)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Those that are stored, the key first."""
    return [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]


def _leave_uncounted(connection: sqlite3.Connection, after_piece: int) -> None:
    """Pieces that no row counts may stand in one that is missing and was sent: they are not counted a second time."""
    last = max(newest_piece(connection), after_piece)
    connection.execute("UPDATE open_interval SET run_id = NULL, after_piece = ?", (last,))


def _begin_epoch(connection: sqlite3.Connection, cause: str, remembered: Newest | None) -> str:
    """The gap stands in the epoch that begins after it; rows lost between others are told as withheld."""
    for hole in holes(connection):
        name, numbers = LOST_ROWS + hole.epoch, list(range(hole.first, hole.last + 1))
        known = connection.execute("SELECT told FROM standing WHERE name = ?", (name,)).fetchone()
        told = sorted({*numbers, *(json.loads(known[0]) if known else ())})
        connection.execute("INSERT OR REPLACE INTO standing VALUES (?, ?)", (name, json.dumps(told)))
    told_gap = f"{cause}. {in_words(connection, remembered)}"
    after = connection.execute("SELECT after_piece FROM open_interval").fetchone()[0]
    connection.execute(
        "INSERT INTO epochs (uuid, after_piece, cause) VALUES (lower(hex(randomblob(16))), ?, ?)",
        (after, RESTORED + told_gap),
    )
    return told_gap


def _with_logs(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + end) for end in ("", "-wal", "-shm"))


def _change_over(path: Path) -> None:
    """Once the restored database is whole: the damaged one goes aside with its log, and it takes the place."""
    ready = path.with_name(path.name + ".restored")
    if not ready.exists():
        return
    made = datetime.fromtimestamp(ready.stat().st_mtime, UTC)
    aside = path.with_name(f"{path.stem}.damaged-{made:%Y%m%dT%H%M%S}{path.suffix}")
    for old, new in zip(_with_logs(path), _with_logs(aside), strict=True):
        if old.exists():
            old.rename(new)
    ready.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
