"""Opening the database file: nobody else writes it, it is ours, and it is not newer than we are."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO

from station.store_rows import APPLICATION_ID, MIGRATIONS, SCHEMA, SCHEMA_VERSION


class StoreRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The database cannot be used; the text says why and what to do. Nothing was written."""


def take_lock(path: Path) -> IO[bytes]:
    """The lock goes away with its process, so nobody ever has to delete a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("wb")
    except OSError as error:
        raise StoreRefused(
            f"The record folder {path.parent} cannot be written ({error.strerror}). Choose another."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreRefused(
            f"Another station already writes {path}. Stop it, or give this one its own folder."
        ) from error
    return lock


def check_version(path: Path) -> None:
    """Look before touching: a database that is not ours to write stays as it is."""
    if not path.exists() or path.stat().st_size == 0:
        return
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
        is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return  # damaged: for whoever puts it right
    finally:
        connection.close()
    if version > SCHEMA_VERSION and owner == APPLICATION_ID:
        raise StoreRefused(
            f"The record database {path} was written by a newer station (version {version}, this one knows"
            f" {SCHEMA_VERSION}). Install the newer station again, or choose another folder. Nothing was changed."
        )
    if owner != APPLICATION_ID and not is_empty:
        raise StoreRefused(f"{path} is a database of another program. Choose another file. Nothing was changed.")


def refuse_other_kind(path: Path, *, is_simulated: bool) -> None:
    """A real run never writes into simulated records, nor the other way round; raises StoreRefused. The database itself
    refuses it, too; here it is told in time."""
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT is_simulated FROM runs LIMIT 1").fetchone()
    except sqlite3.Error:
        return  # opening it says better what is wrong with it
    if found is not None and bool(found[0]) != is_simulated:
        held, wanted = ("simulated", "real") if found[0] else ("real", "simulated")
        raise StoreRefused(
            f"The record database {path} holds {held} records and this line is {wanted}: they never mix."
            " Set another station.data_folder."
        )


def connect(path: Path, busy_s: float) -> sqlite3.Connection:
    """The one read-write connection, with the tables made where there are none."""
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        _migrate(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """One version after the other, each whole or not at all."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for old in range(version, SCHEMA_VERSION):
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[old]} PRAGMA user_version = {old + 1}; COMMIT;")
