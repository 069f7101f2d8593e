"""What is missing in a record database that was restored, in words."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from station.reporting.closing import newest_piece, utc

RESTORED = "restored: "


class Newest(NamedTuple):
    """The newest row that was on the disk, the newest piece, and the oldest whose details were not trimmed."""

    epoch: str
    sequence: int
    hash: str
    piece: int
    first_piece: int


class Hole(NamedTuple):
    """Rows ``first`` to ``last`` are gone; the moments are when the row before ended and the one after began."""

    epoch: str
    first: int
    last: int
    from_utc: str
    to_utc: str


def restorations(reader: sqlite3.Connection, batch: str | None = None) -> tuple[str, ...]:
    """What was done and is missing, oldest first; with a batch, what fell into it."""
    found = reader.execute(
        "SELECT cause FROM epochs WHERE cause LIKE ?1 AND (?2 IS NULL OR after_piece BETWEEN"
        " (SELECT min(after_piece) FROM intervals JOIN contexts ON contexts.id = context_id"
        "  WHERE json_extract(contexts.told, '$.batch') = ?2) AND"
        " (SELECT max(last_piece) FROM intervals JOIN contexts ON contexts.id = context_id"
        "  WHERE json_extract(contexts.told, '$.batch') = ?2)) ORDER BY id",
        (RESTORED + "%", batch),
    )
    return tuple(str(cause).removeprefix(RESTORED) for (cause,) in found)


def newest_row(reader: sqlite3.Connection) -> Newest | None:
    found = reader.execute(
        "SELECT uuid, sequence, hash FROM intervals JOIN epochs ON id = epoch_id"
        " ORDER BY epoch_id DESC, sequence DESC LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    epoch, sequence, seal = found
    first = reader.execute("SELECT coalesce(min(seq), 0) FROM pieces").fetchone()[0]
    return Newest(epoch, sequence, seal, newest_piece(reader), first)


def holes(connection: sqlite3.Connection) -> tuple[Hole, ...]:
    """Rows that are missing between others."""
    found = connection.execute(
        "SELECT uuid, before + 1, sequence - 1, ended, began FROM (SELECT epoch_id, sequence,"
        " from_ns + utc_offset_ns AS began, lag(sequence) OVER chain AS before,"
        " lag(to_ns + utc_offset_ns) OVER chain AS ended FROM intervals"
        " WINDOW chain AS (PARTITION BY epoch_id ORDER BY sequence)) JOIN epochs ON id = epoch_id"
        " WHERE sequence > before + 1"
    )
    return tuple(Hole(uuid, first, last, utc(ended), utc(began)) for uuid, first, last, ended, began in found)


def in_words(connection: sqlite3.Connection, remembered: Newest | None) -> str:
    """``remembered``: how far it had come, where that is known."""
    said = [f"rows {hole.first} to {hole.last} ({hole.from_utc} to {hole.to_utc})" for hole in holes(connection)]
    newest = newest_row(connection)
    if remembered is not None and (newest is None or _is_beyond(connection, remembered)):
        last = _last_of(connection, remembered.epoch)
        said.append(f"rows {last[0] + 1} to {remembered.sequence} (after {last[1]})")
    gone = _pieces_gone(connection, remembered)
    if gone:
        said.append(f"{gone} pieces")
    counted = connection.execute("SELECT coalesce(max(last_piece), 0) FROM intervals").fetchone()[0]
    after = connection.execute("SELECT after_piece FROM open_interval").fetchone()[0]
    uncounted = connection.execute(
        "SELECT count(*) FROM pieces WHERE seq > ? AND seq <= ?", (counted, after)
    ).fetchone()[0]
    left = f" {uncounted} pieces stand in no row that is left, and are not counted again." if uncounted else ""
    known = "Nothing is missing." if remembered else "Nothing is missing in between; how far it had come is not known."
    return (f"Missing: {', '.join(said)}." if said else known) + left


def _pieces_gone(connection: sqlite3.Connection, remembered: Newest | None) -> int:
    """Between those that are there, and as far as is known before and after them."""
    first, last, there = connection.execute("SELECT min(seq), max(seq), count(*) FROM pieces").fetchone()
    if remembered is not None:
        first = min(first or remembered.first_piece, remembered.first_piece)
        last = max(last or 0, remembered.piece)
    return 0 if not first else int(last - first + 1 - there)


def _is_beyond(connection: sqlite3.Connection, row: Newest) -> bool:
    return row.sequence > _last_of(connection, row.epoch)[0]


def _last_of(connection: sqlite3.Connection, epoch: str) -> tuple[int, str]:
    """Sequence and end of the newest row of an epoch; 0 without any."""
    found = connection.execute(
        "SELECT sequence, to_ns + utc_offset_ns FROM intervals JOIN epochs ON id = epoch_id WHERE uuid = ?"
        " ORDER BY sequence DESC LIMIT 1",
        (epoch,),
    ).fetchone()
    return (0, "the beginning") if found is None else (int(found[0]), utc(int(found[1])))
