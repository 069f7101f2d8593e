"""The rows of one chain in the database: which are held, which wait, which are withheld, and what contradicts them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.engine import Connection

from station.programme.sums import Values, day_of, moment_ms, put
from station.programme.tables import conflicts, rows
from station.programme.words import Code
from station.reporting.row import IntervalRow, RowKind, encode, parse

_MOST_GAPS = 20
_MOST_CONFLICTS = 200


class Held(NamedTuple):
    """What is known of a number. The hash is None while its row is withheld."""

    state: str
    hash: str | None
    previous: str | None


class RowBook:
    """All statements end in the caller's transaction."""

    def __init__(self, connection: Connection, station: str, epoch: str, now_ms: int) -> None:
        self.connection = connection
        self._key = {"station": station, "epoch": epoch}
        self._now_ms = now_ms

    def held(self, sequences: Sequence[int]) -> dict[int, Held]:
        """Everything held between the least and the greatest of these numbers."""
        if not sequences:
            return {}
        wanted = select(rows.c.sequence, rows.c.state, rows.c.hash, rows.c.previous).where(
            *self._ours(), rows.c.sequence.between(min(sequences), max(sequences))
        )
        return {at: Held(state, own, before) for at, state, own, before in self.connection.execute(wanted)}

    def keep_waiting(self, new: Iterable[IntervalRow]) -> None:
        lines = [self._line(row.sequence, "waiting", row) for row in new]
        if lines:
            self.connection.execute(rows.insert(), lines)

    def withhold(self, sequences: Iterable[int]) -> None:
        lines = [self._line(sequence, "withheld", None) for sequence in sequences]
        if lines:
            put(self.connection, rows, lines)

    def bring(self, row: IntervalRow, state: str) -> None:
        """A withheld row came after all."""
        line = self._line(row.sequence, state, row)
        self.connection.execute(update(rows).where(*self._at(row.sequence)).values(line))

    def mark_applied(self, after: int, through: int) -> None:
        span = (rows.c.sequence > after, rows.c.sequence <= through, rows.c.state == "waiting")
        self.connection.execute(update(rows).where(*self._ours(), *span).values(state="applied"))

    def cast_out(self, row: IntervalRow) -> None:
        self.connection.execute(delete(rows).where(*self._at(row.sequence)))

    def beyond(self, through: int) -> dict[int, IntervalRow | None]:
        """Rows that wait, and None for withheld ones, after ``through`` up to the first gap."""
        wanted = select(rows.c.sequence, rows.c.state, rows.c.body).where(*self._ours(), rows.c.sequence > through)
        found: dict[int, IntervalRow | None] = {}
        for at, state, body in self.connection.execute(wanted.order_by(rows.c.sequence)):
            if at != through + len(found) + 1:
                break
            found[at] = parse(zlib.decompress(body)) if state == "waiting" else None
        return found

    def count(self, state: str) -> int:
        wanted = select(func.count()).select_from(rows).where(*self._ours(), rows.c.state == state)
        return int(self.connection.execute(wanted).scalar_one())

    def gaps(self, through: int) -> tuple[tuple[int, int], ...]:
        """The first ranges that are missing before rows that wait."""
        wanted = select(rows.c.sequence).where(*self._ours(), rows.c.sequence > through).order_by(rows.c.sequence)
        found: list[tuple[int, int]] = []
        expected = through + 1
        for (at,) in self.connection.execute(wanted):
            if at > expected:
                found.append((expected, at - 1))
            if len(found) == _MOST_GAPS:
                break
            expected = at + 1
        return tuple(found)

    def keep_conflict(self, row: IntervalRow, held_hash: str | None, code: Code) -> None:
        """Kept to be judged by people; a station that goes wild fills no disk."""
        many = select(func.count()).select_from(conflicts).where(conflicts.c.station == self._key["station"])
        if self.connection.execute(many).scalar_one() >= _MOST_CONFLICTS:
            return
        line: Values = {
            **self._key, "sequence": row.sequence, "hash": row.hash, "held_hash": held_hash, "code": code.value,
            "received_ms": self._now_ms, "body": zlib.compress(encode(row)),
        }  # fmt: skip
        put(self.connection, conflicts, [line])

    def corrections_after(self, sequence: int) -> int:
        """Milliseconds by which later corrections move this row."""
        wanted = select(rows.c.body).where(
            *self._ours(),
            rows.c.kind == RowKind.correction.value,
            rows.c.state == "applied",
            rows.c.sequence > sequence,
        )
        moved = 0
        for (body,) in self.connection.execute(wanted):
            told = parse(zlib.decompress(body)).correction
            if told is not None and told.from_sequence <= sequence <= told.to_sequence:
                moved += told.add_ms
        return moved

    def move(self, first: int, last: int, add_ms: int) -> list[tuple[IntervalRow, str, str]]:
        """Applied rows are that much later; those that change their day, with the day before and the new one."""
        wanted = select(rows.c.sequence, rows.c.from_ms, rows.c.moved_ms, rows.c.day, rows.c.body).where(
            *self._ours(), rows.c.sequence.between(first, last), rows.c.state == "applied"
        )
        changed: list[tuple[IntervalRow, str, str]] = []
        for at, from_ms, moved_ms, day, body in self.connection.execute(wanted).all():
            new_day = day if body is None else day_of(from_ms + moved_ms + add_ms)
            change = update(rows).where(*self._at(at)).values(moved_ms=moved_ms + add_ms, day=new_day)
            self.connection.execute(change)
            if new_day != day:
                changed.append((parse(zlib.decompress(body)), day, new_day))
        return changed

    def _ours(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return rows.c.station == self._key["station"], rows.c.epoch == self._key["epoch"]

    def _at(self, sequence: int) -> tuple[ColumnElement[bool], ...]:
        return (*self._ours(), rows.c.sequence == sequence)

    def _line(self, sequence: int, state: str, row: IntervalRow | None) -> Values:
        from_ms = 0 if row is None else moment_ms(row.from_utc)
        return {
            **self._key, "sequence": sequence, "state": state, "kind": "" if row is None else row.kind.value,
            "hash": None if row is None else row.hash, "previous": None if row is None else row.previous,
            "from_ms": from_ms, "moved_ms": 0, "day": "" if row is None else day_of(from_ms),
            "received_ms": self._now_ms, "body": None if row is None else zlib.compress(encode(row)),
        }  # fmt: skip
