"""The receiver's tables, the same on SQLite and PostgreSQL, and how either is opened.

Times are milliseconds since 1970 (UTC), masses whole milligrams, so that sums are exact and the same in any order.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

LEDGER = MetaData()
REGISTRY = MetaData()
_BUSY_MS = 10_000


class DatabaseRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The receiver's database cannot be used; the text says why and what to do."""


stations = Table(
    "stations",
    REGISTRY,
    Column("id", String(40), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("is_simulated", Boolean, nullable=False),
    Column("registered_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)
tokens = Table(
    "tokens",
    REGISTRY,
    Column("hash", String(64), primary_key=True),
    Column("station", String(40), nullable=False, index=True),
    Column("made_ms", BigInteger, nullable=False),
)
viewers = Table(
    "viewers",
    REGISTRY,
    Column("name", String(40), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

_CHAIN = (("station", 40), ("epoch", 64))


def _keys(*more: Column[str] | Column[int] | Column[bool]) -> tuple[Column[str] | Column[int] | Column[bool], ...]:
    return (*(Column(name, String(length), primary_key=True) for name, length in _CHAIN), *more)


# One line per (station, epoch). ``last_hash`` is None after a withheld row. ``waiting`` counts rows beyond a gap.
chains = Table(
    "chains",
    LEDGER,
    *_keys(),
    Column("is_simulated", Boolean, nullable=False),
    Column("applied_through", BigInteger, nullable=False),
    Column("last_hash", String(64)),
    Column("waiting", BigInteger, nullable=False),
    Column("withheld", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("last_to_utc", String(30), nullable=False),
)
# ``state``: applied, waiting (beyond a gap) or withheld (the station says that it cannot send this one).
rows = Table(
    "rows",
    LEDGER,
    *_keys(Column("sequence", BigInteger, primary_key=True, autoincrement=False)),
    Column("state", String(8), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("hash", String(64)),
    Column("previous", String(64)),
    Column("from_ms", BigInteger, nullable=False),
    Column("moved_ms", BigInteger, nullable=False),
    Column("day", String(10), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("body", LargeBinary),
    Index("rows_waiting", "station", "epoch", "state"),
    Index("rows_received", "received_ms"),
)
totals = Table(
    "totals",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("is_simulated", Boolean, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("class_id", String(64), primary_key=True),
    Column("outlet", String(64), primary_key=True),
    Column("outcome", String(16), primary_key=True),
    Column("pieces", BigInteger, nullable=False),
    Column("mg", BigInteger, nullable=False),
    Column("own_variance_g2", Double, nullable=False),
    Column("common_mg", BigInteger, nullable=False),
    Index("totals_day", "is_simulated", "day"),
)
days = Table(
    "days",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("is_simulated", Boolean, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("intervals", BigInteger, nullable=False),
    Column("ms", BigInteger, nullable=False),
    Column("degraded_ms", BigInteger, nullable=False),
    Column("untrusted", BigInteger, nullable=False),
)
downtime = Table(
    "downtime",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("is_simulated", Boolean, primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("state", String(40), primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("reason", String(200), primary_key=True),
    Column("ms", BigInteger, nullable=False),
)
batches = Table(
    "batches",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("is_simulated", Boolean, primary_key=True),
    Column("batch", String(100), primary_key=True),
    Column("epoch", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("intake", String(4000), nullable=False),
)
batch_sums = Table(
    "batch_sums",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("is_simulated", Boolean, primary_key=True),
    Column("batch", String(100), primary_key=True),
    Column("pieces", BigInteger, nullable=False),
    Column("mg", BigInteger, nullable=False),
    Column("degraded", BigInteger, nullable=False),
)
# Rows that were not taken: other content under a number already held, or no link to the row before. Kept to be judged.
conflicts = Table(
    "conflicts",
    LEDGER,
    *_keys(
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), primary_key=True),
    ),
    Column("held_hash", String(64)),
    Column("code", String(16), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
refusals = Table(
    "refusals",
    LEDGER,
    Column("station", String(40), primary_key=True),
    Column("code", String(16), primary_key=True),
    Column("times", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("reason", String(400), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Databases:
    """``writer`` belongs to one thread; ``reader`` gives connections that only read; ``registry`` knows who may send.

    On SQLite the registry is a file of its own, so that commands beside a running receiver never write its ledger.
    """

    writer: Engine
    reader: Engine
    registry: Engine
    lock: IO[bytes] | None

    def close(self) -> None:
        for engine in (self.writer, self.reader, self.registry):
            engine.dispose()
        if self.lock is not None:
            self.lock.close()


def open_databases(url: str) -> Databases:
    """Open the ledger to write, with tables made where there are none; raises DatabaseRefused."""
    folder_file = _sqlite_file(url)
    lock = None if folder_file is None else _take_lock(folder_file)
    writer = _engine(url, "BEGIN IMMEDIATE")
    try:
        LEDGER.create_all(writer)
        return Databases(writer, open_reader(url), open_registry(url), lock)
    except SQLAlchemyError as error:
        writer.dispose()
        if lock is not None:
            lock.close()
        raise DatabaseRefused(f"The programme's database {shown(url)} cannot be opened: {_first(error)}.") from error


def open_reader(url: str) -> Engine:
    return _engine(url, "BEGIN", only_reads=True)


def open_registry(url: str) -> Engine:
    """Who may send; raises DatabaseRefused."""
    file = _sqlite_file(url)
    where = url if file is None else f"sqlite:///{file.with_name(file.stem + '-stations.db')}"
    engine = _engine(where, "BEGIN", journal="DELETE")
    try:
        REGISTRY.create_all(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseRefused(f"The list of stations {shown(where)} cannot be opened: {_first(error)}.") from error
    return engine


def shown(url: str) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _sqlite_file(url: str) -> Path | None:
    try:
        told = make_url(url)
    except ArgumentError as error:
        raise DatabaseRefused(
            "The database has to be sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME (in a file)."
        ) from error
    if told.get_backend_name() == "postgresql":
        return None
    if told.get_backend_name() != "sqlite" or not told.database or told.database == ":memory:":
        raise DatabaseRefused("The database has to be sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    file = Path(told.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseRefused(f"The folder {file.parent} cannot be made ({error.strerror}).") from error
    return file


def _take_lock(file: Path) -> IO[bytes]:
    """One writer: SQLite before 3.51.3 can damage a WAL file with two. The lock goes away with its process."""
    try:
        lock = file.with_name(file.name + ".lock").open("wb")
    except OSError as error:
        raise DatabaseRefused(f"The folder {file.parent} cannot be written ({error.strerror}).") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise DatabaseRefused(f"Another receiver already writes {file}. Stop it, or choose another file.") from error
    return lock


def _engine(url: str, begin: str, journal: str = "WAL", *, only_reads: bool = False) -> Engine:
    if make_url(url).get_backend_name() == "postgresql":
        told = make_url(url).set(drivername="postgresql+psycopg")
        options = {"options": "-c default_transaction_read_only=on"} if only_reads else {}
        return create_engine(told, pool_size=4, max_overflow=4, pool_pre_ping=True, connect_args=options)
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def settle(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute(f"PRAGMA journal_mode = {journal}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA query_only = {'ON' if only_reads else 'OFF'}")
        cursor.close()
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin_so(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _first(error: SQLAlchemyError) -> str:
    return str(error).splitlines()[0].rstrip(".")
