"""A data set on disk: one folder with the pictures and a database that says what is known about each."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from station.dataset.words import VALUES, Crop, DatasetRefused, NewCrop, Reason, Tally

DATABASE = "dataset.sqlite"
_APPLICATION_ID = 0x53435243  # "SCRC"
_VERSION = 1
_BUSY_S = 5.0
_SCHEMA = f"""
CREATE TABLE crops (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    object TEXT NOT NULL,
    source TEXT NOT NULL,
    reason TEXT NOT NULL,
    value INTEGER NOT NULL,
    taken_utc TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    scores TEXT NOT NULL,
    model TEXT NOT NULL,
    label TEXT,
    labelled_by TEXT,
    labelled_utc TEXT
) STRICT;
CREATE INDEX crops_by_value ON crops (value, id) WHERE label IS NULL;
CREATE INDEX crops_by_object ON crops (object);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    crop_id INTEGER NOT NULL REFERENCES crops (id) ON DELETE CASCADE,
    label TEXT,
    by TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
CREATE TABLE splits (object TEXT PRIMARY KEY, split TEXT NOT NULL) STRICT;
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_VERSION};
"""
_COLUMNS = "id, sha256, kind, object, source, reason, taken_utc, scores, model, label, labelled_by, labelled_utc"


class Book:
    """An open data set. Several processes may read and label at once; not for several threads."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Book:
        """Raises DatasetRefused when there is none (and ``create`` is False), or the file is another program's."""
        path = folder / DATABASE
        if not create and not path.exists():
            raise DatasetRefused(f"{folder} holds no data set; name another folder, or import pictures into it.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise DatasetRefused(f"The data set {path} cannot be opened ({error}); check the disk.") from error
        return cls(folder, connection)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, crops: Iterable[NewCrop]) -> int:
        """Take in pictures; one that is there already is left as it is. Returns how many are new.

        The picture is on the disk before its row is. Raises OSError and sqlite3.Error.
        """
        added = 0
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for crop in crops:
                added += self._add(crop)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return added

    def picture(self, crop: Crop) -> bytes:
        """The picture's file; raises DatasetRefused when it is gone or was changed."""
        path = self._path(crop.sha256, crop.kind)
        try:
            found = path.read_bytes()
        except OSError as error:
            raise DatasetRefused(f"{path} cannot be read ({error.strerror}); remove the crop or restore it.") from error
        if hashlib.sha256(found).hexdigest() != crop.sha256:
            raise DatasetRefused(f"{path} was changed since it was taken in; restore it from a copy.")
        return found

    def crop(self, crop_id: int) -> Crop | None:
        """None when there is no such crop, or none any more."""
        return next(self._crops("WHERE id = ?", (crop_id,)), None)

    def crops(self) -> Iterator[Crop]:
        """All of them, oldest first."""
        return self._crops("ORDER BY id", ())

    def unlabelled(self, count: int = 1) -> tuple[Crop, ...]:
        """The next ones for a person to look at: most valuable first, newest first."""
        return tuple(self._crops("WHERE label IS NULL ORDER BY value DESC, id DESC LIMIT ?", (count,)))

    def label(self, crop_id: int, label: str | None, by: str, at_utc: str) -> bool:
        """What a person says it is; None takes the word back. False when the crop is gone. All words are kept."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            changed = self._connection.execute(
                "UPDATE crops SET label = ?, labelled_by = ?, labelled_utc = ? WHERE id = ?",
                (label, by if label is not None else None, at_utc if label is not None else None, crop_id),
            ).rowcount
            if changed:
                self._connection.execute(
                    "INSERT INTO reviews (crop_id, label, by, at_utc) VALUES (?, ?, ?, ?)", (crop_id, label, by, at_utc)
                )
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return bool(changed)

    def reviews(self, crop_id: int) -> tuple[tuple[str | None, str, str], ...]:
        """Every word said about a crop: label, who, when."""
        found = self._connection.execute(
            "SELECT label, by, at_utc FROM reviews WHERE crop_id = ? ORDER BY id", (crop_id,)
        )
        return tuple(found.fetchall())

    def tally(self) -> Tally:
        return Tally(
            *self._connection.execute("SELECT count(*), count(label), coalesce(sum(bytes), 0) FROM crops").fetchone()
        )

    def make_room(self, most_bytes: int) -> int:
        """Remove the oldest of the least valuable until the rest fits; returns how many went.

        What a person has labelled is never removed.
        """
        removed, used = 0, self.tally().bytes
        while used > most_bytes:
            row = self._connection.execute(
                "SELECT id, sha256, kind, bytes FROM crops WHERE label IS NULL ORDER BY value, id LIMIT 1"
            ).fetchone()
            if row is None:
                return removed
            self._connection.execute("DELETE FROM crops WHERE id = ?", (row[0],))
            self._path(row[1], row[2]).unlink(missing_ok=True)
            removed, used = removed + 1, used - int(row[3])
        return removed

    def splits(self) -> Mapping[str, str]:
        """Split by object, of the objects that have one."""
        return dict(self._connection.execute("SELECT object, split FROM splits").fetchall())

    def set_splits(self, splits: Mapping[str, str]) -> None:
        """An object that has a split keeps it."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO splits VALUES (?, ?) ON CONFLICT DO NOTHING", sorted(splits.items()))
        self._connection.execute("COMMIT")

    def _add(self, crop: NewCrop) -> int:
        sha256 = hashlib.sha256(crop.picture).hexdigest()
        known = self._connection.execute("SELECT 1 FROM crops WHERE sha256 = ?", (sha256,)).fetchone()
        if known:
            return 0
        path = self._path(sha256, crop.kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".part")
        draft.write_bytes(crop.picture)
        draft.replace(path)
        labelled = (crop.label, crop.labelled_by, crop.taken_utc) if crop.label is not None else (None, None, None)
        scores = json.dumps({label: round(score, 4) for label, score in crop.scores.items()})
        row = (
            sha256, crop.kind, crop.object, crop.source, crop.reason, VALUES[crop.reason], crop.taken_utc,
            len(crop.picture), scores, crop.model, *labelled,
        )  # fmt: skip
        found = self._connection.execute(
            f"INSERT INTO crops (sha256, kind, object, source, reason, value, taken_utc, bytes, scores, model, label,"
            f" labelled_by, labelled_utc) VALUES ({', '.join('?' * len(row))})",
            row,
        )
        if crop.label is not None:
            self._connection.execute(
                "INSERT INTO reviews (crop_id, label, by, at_utc) VALUES (?, ?, ?, ?)",
                (found.lastrowid, crop.label, crop.labelled_by or "unknown", crop.taken_utc),
            )
        return 1

    def _crops(self, rest: str, values: Sequence[int]) -> Iterator[Crop]:
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM crops {rest}", values):
            yield Crop._make((*row[:5], Reason(row[5]), row[6], json.loads(row[7]), *row[8:]))

    def _path(self, sha256: str, kind: str) -> Path:
        return self.folder / "pictures" / sha256[:2] / f"{sha256}.{kind}"


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_empty:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
    elif owner != _APPLICATION_ID or version > _VERSION:
        raise DatasetRefused(f"{DATABASE} is of another program or a newer station; choose another folder.")
