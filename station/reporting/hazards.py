"""The hazards ledger: follows the piece records, writes every hazardous piece into the yard book, joins its picture."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from control.types import Outcome
from control.types import Reason as Decided
from station.marked import marked
from station.reporting.factors import Entry, FullCodebook
from station.reporting.yard_book import YardBook
from station.reporting.yard_words import BookRefused, Deed, NewFinding
from station.store_reader import open_reader

PICTURES = "hazards"
# A piece belongs to the batch of its interval: a closed one, or the one that is open.
_BATCH = (
    "coalesce((SELECT json_extract(told, '$.batch') FROM contexts WHERE id = (SELECT iif(after_piece < pieces.seq,"
    " context_id, NULL) FROM intervals WHERE last_piece >= pieces.seq AND kind = 'interval'"
    " ORDER BY last_piece LIMIT 1)), (SELECT json_extract(told, '$.batch') FROM open_interval"
    " JOIN contexts ON contexts.id = context_id WHERE after_piece < pieces.seq))"
)
_MOST_AT_ONCE = 20_000
_DIVERT = "divert"
_NOT_RECOGNISED = (Decided.unsure, Decided.touching, Decided.unseen)


class Hazard(NamedTuple):
    """What the rules say of one class: whether a person has to deal with every such piece."""

    entry: Entry
    needs_person: bool


def hazards_of(book: FullCodebook) -> Mapping[str, Hazard]:
    """Hazardous classes by id. What is only to be diverted needs a person when the line has missed it."""
    return {entry.id: Hazard(entry, entry.action != _DIVERT) for entry in book.entries.values() if entry.is_hazard}


def picture_name(run: str, piece: int) -> str:
    """File name of the kept picture of a hazardous piece."""
    return f"{run}-{piece}.png"


def _always() -> bool:
    return True


def gather(records: Path, yard: YardBook, book: FullCodebook, go_on: Callable[[], bool] = _always) -> int:
    """Read on in the records where the last reading ended; returns how many findings were new.

    ``go_on`` is asked after every part of a long history. May be done at any time and by several at once: every piece
    is written down once. Raises BookRefused.
    """
    new = 0
    try:
        while records.exists():
            part = _read_on(records, yard, book)
            if part.up_to > part.after:
                new += yard.note_findings(part.found, part.epoch, part.up_to)
            if part.up_to < part.after + _MOST_AT_ONCE or not go_on():
                break
        _join_pictures(records.parent / PICTURES, yard)
    except (sqlite3.Error, OSError) as error:
        raise BookRefused(
            marked("{records} cannot be looked through for hazards ({error}).").format(records=records, error=error)
        ) from error
    return new


class _Part(NamedTuple):
    """Pieces with ``after`` < seq <= ``up_to`` of the database's newest ``epoch`` (a restored one counts anew)."""

    epoch: str
    after: int
    up_to: int
    found: list[NewFinding]


def _read_on(records: Path, yard: YardBook, book: FullCodebook) -> _Part:
    hazards = hazards_of(book)
    basel_from = book.editions.basel_from.isoformat()
    with closing(open_reader(records)) as reader:
        epoch = str(reader.execute("SELECT uuid FROM epochs ORDER BY id DESC LIMIT 1").fetchone()[0])
        after = yard.followed(epoch)
        last = int(reader.execute("SELECT coalesce(max(seq), 0) FROM pieces").fetchone()[0])
        up_to = min(last, after + _MOST_AT_ONCE)
        names = ", ".join("?" * len(hazards))
        rows = reader.execute(
            "SELECT run, piece_id, closed_utc, label, decision_reason, outcome, outcome_reason, outlet, is_simulated,"
            f" {_BATCH} FROM closed_pieces AS pieces JOIN runs ON runs.id = run_id"
            f" WHERE seq > ? AND seq <= ? AND label IN ({names}) ORDER BY seq",
            (after, up_to, *hazards),
        ).fetchall()
    found = [_finding(hazards[row[3]], basel_from, *row) for row in rows if Decided(row[4]) not in _NOT_RECOGNISED]
    return _Part(epoch, after, up_to, found)


def _finding(
    hazard: Hazard,
    basel_from: str,
    run: str,
    piece: int,
    closed_utc: str,
    label: str,
    decided: str,
    outcome: str,
    why: str,
    outlet: str | None,
    is_simulated: int,
    batch: str | None,
) -> NewFinding:
    done, detail = _deed(Decided(decided), Outcome(outcome), why, outlet)
    return NewFinding(
        run=run,
        piece=piece,
        batch=batch,
        found_utc=closed_utc,
        class_id=label,
        done=done,
        detail=detail,
        basel=hazard.entry.basel,
        basel_from=basel_from if hazard.entry.basel else "",
        is_simulated=bool(is_simulated),
        needs_person=hazard.needs_person or done is Deed.missed,
    )


def _deed(decided: Decided, outcome: Outcome, why: str, outlet: str | None) -> tuple[Deed, str]:
    if decided is Decided.hazard:
        return Deed.stopped, ""
    if outcome is Outcome.ejected and outlet is not None:
        return Deed.diverted, outlet
    return Deed.missed, why or decided.value


def _join_pictures(folder: Path, yard: YardBook) -> None:
    """Pictures come from another thread and may come later than the record."""
    if not folder.is_dir():
        return
    known = yard.pictures()
    for path in folder.glob("*.png"):
        run, _, piece = path.stem.rpartition("-")
        if path.name not in known and piece.isdecimal():
            yard.note_picture(run, int(piece), path.name, hashlib.sha256(path.read_bytes()).hexdigest())
