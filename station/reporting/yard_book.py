"""The yard book: what people find and do by hand, in a database of its own beside the records.

Pieces looked at by hand, hazardous pieces and what became of them. Page and commands may write at the same time, also
while the line runs: the record database has one writer only and is not touched. Nothing is ever deleted or changed;
a mistake is withdrawn by a further line.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from station.marked import marked
from station.reporting.yard_words import BookRefused, Deed, Finding, HandSample, Method, NewFinding

BOOK = "yard-book.sqlite"
_APPLICATION_ID = 0x53435259  # "SCRY"
_VERSION = 1
_BUSY_S = 5.0
_SCHEMA = f"""
CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    batch TEXT,
    outlet TEXT NOT NULL,
    taken_utc TEXT NOT NULL,
    by TEXT NOT NULL,
    method TEXT NOT NULL,
    pieces TEXT NOT NULL,
    is_simulated INTEGER NOT NULL,
    withdrawn_utc TEXT,
    withdrawn_by TEXT
) STRICT;
CREATE TABLE findings (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    piece INTEGER NOT NULL,
    batch TEXT,
    found_utc TEXT NOT NULL,
    class_id TEXT NOT NULL,
    done TEXT NOT NULL,
    detail TEXT NOT NULL,
    basel TEXT NOT NULL,
    basel_from TEXT NOT NULL,
    picture TEXT,
    picture_sha256 TEXT,
    is_simulated INTEGER NOT NULL,
    needs_person INTEGER NOT NULL,
    UNIQUE (run, piece)
) STRICT;
CREATE INDEX findings_by_time ON findings (found_utc);
CREATE TABLE acts (
    id INTEGER PRIMARY KEY,
    finding INTEGER NOT NULL REFERENCES findings (id),
    at_utc TEXT NOT NULL,
    by TEXT NOT NULL,
    how TEXT NOT NULL
) STRICT;
CREATE INDEX acts_of_finding ON acts (finding);
CREATE TABLE followed (epoch TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
"""
_SAMPLE = "id, batch, outlet, taken_utc, by, method, pieces, is_simulated"
_FINDING = (
    "findings.id, run, piece, batch, found_utc, class_id, done, detail, basel, basel_from, picture, picture_sha256,"
    " is_simulated, needs_person, act.at_utc, act.by, act.how"
)
_WITH_ACT = "findings LEFT JOIN acts AS act ON act.id = (SELECT max(id) FROM acts WHERE finding = findings.id)"
_Done = TypeVar("_Done")


class YardBook:
    """Every call opens the file for itself: safe from any thread and process. Raises BookRefused."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_sample(self, sample: HandSample) -> int:
        """Write a sample down and return its number; ``sample.id`` is not looked at."""
        if not sample.by.strip():
            raise BookRefused(marked("Say who looked at the pieces."))
        if sample.n <= 0 or min(sample.pieces.values()) < 0:
            raise BookRefused(marked("A sample has at least one piece, and no class fewer than none."))
        row = (*sample[1:6], json.dumps(dict(sample.pieces), sort_keys=True), sample.is_simulated)
        sql = f"INSERT INTO samples (batch, outlet, taken_utc, by, method, pieces, is_simulated) VALUES ({_marks(7)})"
        return int(self._write(lambda book: book.execute(sql, row).lastrowid) or 0)

    def withdraw_sample(self, number: int, by: str, at_utc: str) -> None:
        """A sample that was entered wrongly counts no more; it stays in the book."""
        sql = "UPDATE samples SET withdrawn_utc = ?, withdrawn_by = ? WHERE id = ? AND withdrawn_utc IS NULL"
        if not self._write(lambda book: book.execute(sql, (at_utc, by, number)).rowcount):
            raise BookRefused(marked("There is no sample {number}, or it was withdrawn already.").format(number=number))

    def samples(self, batch: str | None = None) -> tuple[HandSample, ...]:
        """All that count, oldest first, or those of one batch."""
        sql = f"SELECT {_SAMPLE} FROM samples WHERE withdrawn_utc IS NULL AND (?1 IS NULL OR batch = ?1) ORDER BY id"
        return tuple(self._read(sql, (batch,), _sample))

    def followed(self, epoch: str) -> int:
        """The last piece of the records of this epoch that was looked through for hazards; 0 before the first."""
        return sum(self._read("SELECT seq FROM followed WHERE epoch = ?", (epoch,), int))

    def note_findings(self, found: Iterable[NewFinding], epoch: str, up_to: int) -> int:
        """Write findings down, each piece once however often it comes; returns how many were new."""

        def note(book: sqlite3.Connection) -> int:
            new = sum(
                book.execute(
                    "INSERT INTO findings (run, piece, batch, found_utc, class_id, done, detail, basel, basel_from,"
                    f" is_simulated, needs_person) VALUES ({_marks(11)}) ON CONFLICT DO NOTHING",
                    finding,
                ).rowcount
                for finding in found
            )
            book.execute(
                "INSERT INTO followed VALUES (?, ?) ON CONFLICT (epoch) DO UPDATE SET seq = max(seq, excluded.seq)",
                (epoch, up_to),
            )
            return new

        return self._write(note)

    def pictures(self) -> frozenset[str]:
        """File names of pictures that belong to a finding already."""
        return frozenset(self._read("SELECT picture FROM findings WHERE picture IS NOT NULL", (), str))

    def note_picture(self, run: str, piece: int, name: str, sha256: str) -> None:
        """A kept picture belongs to this piece; the first one stays. A piece that is no finding is passed over."""
        sql = "UPDATE findings SET picture = ?, picture_sha256 = ? WHERE run = ? AND piece = ? AND picture IS NULL"
        self._write(lambda book: book.execute(sql, (name, sha256, run, piece)).rowcount)

    def findings(
        self, *, batch: str | None = None, from_utc: str = "", to_utc: str = "9", only_open: bool = False
    ) -> tuple[Finding, ...]:
        """Oldest first; ``from_utc`` is inside, ``to_utc`` outside, both as ISO 8601 in UTC."""
        sql = (
            f"SELECT {_FINDING} FROM {_WITH_ACT} WHERE (?1 IS NULL OR batch = ?1)"
            " AND found_utc >= ?2 AND found_utc < ?3"
            " AND (?4 = 0 OR (needs_person AND act.id IS NULL)) ORDER BY found_utc, findings.id"
        )
        return tuple(self._read(sql, (batch, from_utc, to_utc, only_open), _finding))

    def close_findings(self, numbers: Iterable[int], by: str, how: str, at_utc: str) -> int:
        """A person has dealt with these and says how; returns how many. All or none.

        A finding that is closed already gets a further line: the newest counts, all stay.
        """
        wanted = sorted(set(numbers))
        if not by.strip() or not how.strip():
            raise BookRefused(marked("Say who closes it and what was done with the piece."))

        def close(book: sqlite3.Connection) -> int:
            for number in wanted:
                if not book.execute("SELECT 1 FROM findings WHERE id = ?", (number,)).fetchone():
                    raise BookRefused(marked("There is no finding {number}; nothing was closed.").format(number=number))
                book.execute(
                    "INSERT INTO acts (finding, at_utc, by, how) VALUES (?, ?, ?, ?)", (number, at_utc, by, how)
                )
            return len(wanted)

        return self._write(close)

    def acts(self, finding: int) -> tuple[tuple[str, str, str], ...]:
        """Every word said about a finding: when, who, what was done."""
        return tuple(self._read("SELECT at_utc, by, how FROM acts WHERE finding = ? ORDER BY id", (finding,), _act))

    def _read(self, sql: str, values: tuple[object, ...], make: Callable[..., _Done]) -> list[_Done]:
        """Nothing while there is no book yet; ``make`` gets the columns of one line."""
        if not self.path.exists():
            return []
        with self._open() as book:
            return [make(*row) for row in book.execute(sql, values)]

    def _write(self, work: Callable[[sqlite3.Connection], _Done]) -> _Done:
        with self._open() as book:
            book.execute("BEGIN IMMEDIATE")
            try:
                done = work(book)
                book.execute("COMMIT")
            except BaseException:
                if book.in_transaction:
                    book.execute("ROLLBACK")
                raise
            return done

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as book:
                _prepare(book, self.path)
                yield book
        except (sqlite3.Error, OSError) as error:
            raise BookRefused(
                marked("The yard book {path} cannot be used ({error}); check the disk.").format(
                    path=self.path, error=error
                )
            ) from error


def _prepare(book: sqlite3.Connection, path: Path) -> None:
    book.execute("PRAGMA journal_mode = WAL")
    book.execute("PRAGMA synchronous = FULL")
    book.execute("PRAGMA foreign_keys = ON")
    owner = int(book.execute("PRAGMA application_id").fetchone()[0])
    if owner == _APPLICATION_ID:
        if int(book.execute("PRAGMA user_version").fetchone()[0]) > _VERSION:
            raise BookRefused(
                marked("The yard book {path} was written by a newer station. Install that one again.").format(path=path)
            )
        return
    book.execute("BEGIN IMMEDIATE")
    if book.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        is_ours = book.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
        book.execute("ROLLBACK")
        if not is_ours:
            raise BookRefused(marked("{path} is a database of another program. Nothing was changed.").format(path=path))
        return
    for statement in _SCHEMA.split(";"):
        book.execute(statement)
    book.execute("COMMIT")


def _sample(
    number: int, batch: str | None, outlet: str, taken_utc: str, by: str, method: str, pieces: str, is_simulated: int
) -> HandSample:
    return HandSample(number, batch, outlet, taken_utc, by, Method(method), json.loads(pieces), bool(is_simulated))


def _finding(*columns: str | int | None) -> Finding:
    found = Finding._make(columns)
    return found._replace(
        done=Deed(found.done), is_simulated=bool(found.is_simulated), needs_person=bool(found.needs_person)
    )


def _act(at_utc: str, by: str, how: str) -> tuple[str, str, str]:
    return at_utc, by, how


def _marks(count: int) -> str:
    return ", ".join("?" * count)
