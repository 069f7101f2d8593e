"""The ledger: interval rows are applied once each, in the order of their chain, and acknowledged by sequence number.

A row beyond a gap waits until the gap is filled. Another row under a number already held, or one that does not know the
row before it, is never applied. A row the station says it cannot send is passed over and stays marked as missing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from sqlalchemy import select, update
from sqlalchemy.engine import Connection, RowMapping

from station.programme.row_book import Held, RowBook
from station.programme.sums import Sums, Values, add_up, day_of, moment_ms, put
from station.programme.tables import batches, chains, refusals
from station.programme.words import Ack, Code, Delivery, Refusal, Sender
from station.reporting.row import NO_PREVIOUS, Correction, IntervalRow

_FARTHEST = 20_000
_LONGEST_REASON = 400


@dataclass(slots=True)
class _Work:
    """One chain while a delivery is applied to it."""

    book: RowBook
    sender: Sender
    delivery: Delivery
    through: int
    last_hash: str | None
    agreed: int | None = None
    duplicates: int = 0
    has_waiting: bool = False
    has_withheld: bool = False
    new: dict[int, IntervalRow] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    corrections: list[tuple[int, Correction]] = field(default_factory=list)

    def refuse(self, row: IntervalRow, code: Code, reason: str, held_hash: str | None = None) -> None:
        self.refused.append(Refusal(row.sequence, code, reason))
        if code in {Code.conflict, Code.chain}:
            self.book.keep_conflict(row, held_hash, code)
            self.agreed = row.sequence - 1 if self.agreed is None else min(self.agreed, row.sequence - 1)


def apply(connection: Connection, sender: Sender, delivery: Delivery, now_ms: int) -> Ack:
    """Apply what can be applied, inside the caller's transaction; nothing counts before that is committed."""
    begun = _lock_chain(connection, sender, delivery, now_ms)
    book = RowBook(connection, sender.station, delivery.epoch, now_ms)
    work = _Work(book, sender, delivery, begun["applied_through"], begun["last_hash"])
    work.has_waiting, work.has_withheld = begun["waiting"] > 0, begun["withheld"] > 0
    work.refused.extend(delivery.refused)
    _take_in(work)
    _pass_over(work)
    _promote(work)
    work.sums.store(connection)
    _correct(work)
    _note_refusals(work, now_ms)
    waiting = book.count("waiting") if work.has_waiting else 0
    withheld = book.count("withheld") if work.has_withheld else 0
    _save_chain(work, {"waiting": waiting, "withheld": withheld, "last_ms": now_ms})
    return _ack(work, waiting)


def _lock_chain(connection: Connection, sender: Sender, delivery: Delivery, now_ms: int) -> RowMapping:
    """The chain, begun where there is none; with PostgreSQL nobody else applies to it until the transaction ends."""
    here = (chains.c.station == sender.station, chains.c.epoch == delivery.epoch)
    wanted = select(chains).where(*here).with_for_update()
    found = connection.execute(wanted).mappings().first()
    if found is not None:
        return found
    begun: Values = {
        "station": sender.station, "epoch": delivery.epoch, "is_simulated": sender.is_simulated,
        "applied_through": 0, "last_hash": NO_PREVIOUS, "waiting": 0, "withheld": 0,
        "first_ms": now_ms, "last_ms": now_ms, "channel": delivery.channel.value, "last_to_utc": "",
    }  # fmt: skip
    put(connection, chains, [begun])
    return connection.execute(wanted).mappings().one()


def _take_in(work: _Work) -> None:
    """Sort the delivery into new, known and not to be taken, and keep what is new."""
    held = work.book.held([row.sequence for row in work.delivery.rows])
    fresh: list[IntervalRow] = []
    for row in sorted(work.delivery.rows, key=lambda found: found.sequence):
        foreign = _foreign(work, row)
        known = held.get(row.sequence)
        if foreign is not None:
            work.refused.append(foreign)
        elif known is not None and known.state == "withheld":
            _fill(work, row)
            held[row.sequence] = Held("", row.hash, row.previous)
        elif known is not None:
            _compare(work, row, known.hash)
        else:
            work.new[row.sequence] = row
            fresh.append(row)
            held[row.sequence] = Held("", row.hash, row.previous)
    work.book.keep_waiting(fresh)


def _foreign(work: _Work, row: IntervalRow) -> Refusal | None:
    """Why a row is none of this sender's, or comes too early."""
    sender = work.sender
    if (row.station, row.epoch) != (sender.station, work.delivery.epoch):
        reason = f"The row is of {row.station}, epoch {row.epoch}; it was sent as {sender.station}'s."
        return Refusal(row.sequence, Code.station, reason)
    if row.is_simulated != sender.is_simulated:
        word = "simulated" if sender.is_simulated else "real"
        reason = f"{row.station} is registered as {word}; rows of the other kind are not taken."
        return Refusal(row.sequence, Code.simulated, reason)
    if row.sequence > work.through + _FARTHEST:
        reason = f"Row {row.sequence} is more than {_FARTHEST} beyond row {work.through}; send those first."
        return Refusal(row.sequence, Code.ahead, reason)
    return None


def _compare(work: _Work, row: IntervalRow, held_hash: str | None) -> None:
    if row.hash == held_hash:
        work.duplicates += 1
        return
    short = str(held_hash)[:12]
    reason = f"The programme holds another row {row.sequence} of this epoch (hash {short}), sent before."
    work.refuse(row, Code.conflict, reason, held_hash)


def _fill(work: _Work, row: IntervalRow) -> None:
    """A withheld row came after all: it has to fit between its neighbours."""
    around = work.book.held([row.sequence - 1, row.sequence + 1])
    before, after = around.get(row.sequence - 1), around.get(row.sequence + 1)
    fits_before = before is None or before.hash in {None, row.previous}
    fits_after = after is None or after.previous in {None, row.hash}
    if not (fits_before and fits_after):
        work.refuse(row, Code.chain, f"Row {row.sequence} does not fit between the rows around it.")
        return
    is_due = row.sequence <= work.through
    work.book.bring(row, "applied" if is_due else "waiting")
    work.new[row.sequence] = row
    work.has_waiting = True
    if row.sequence == work.through:
        work.last_hash = row.hash
    if is_due:
        _count(work, row)
        work.corrections.append(
            (row.sequence + 1, Correction(row.sequence, row.sequence, work.book.corrections_after(row.sequence)))
        )


def _pass_over(work: _Work) -> None:
    """Mark what the station cannot send, unless it is held already."""
    near = sorted({at for at in work.delivery.withheld if work.through < at <= work.through + _FARTHEST})
    held = work.book.held(near)
    missing = [at for at in near if at not in held]
    work.book.withhold(missing)
    work.has_withheld = work.has_withheld or bool(missing)


def _promote(work: _Work) -> None:
    """Apply from the end of the chain as far as it holds without a gap."""
    begun_at = work.through
    stored = work.book.beyond(begun_at) if work.has_waiting or work.has_withheld else {}
    while (at := work.through + 1) in work.new or at in stored:
        row = work.new.get(at) or stored[at]
        if row is not None and work.last_hash not in {None, row.previous}:
            work.book.cast_out(row)
            reason = f"Row {at} does not know row {at - 1} as the programme holds it; it is of another history."
            work.refuse(row, Code.chain, reason, work.last_hash)
            work.new.pop(at, None)
            break
        work.through, work.last_hash = at, None if row is None else row.hash
        if row is not None:
            _count(work, row)
    work.book.mark_applied(begun_at, work.through)
    work.has_waiting = work.has_waiting or any(at > work.through for at in work.new)


def _count(work: _Work, row: IntervalRow) -> None:
    work.sums.add(row, day_of(moment_ms(row.from_utc)))
    if row.correction is not None:
        work.corrections.append((row.sequence, row.correction))
    if row.intake is not None:
        _note_intake(work, row)


def _note_intake(work: _Work, row: IntervalRow) -> None:
    intake = "" if row.intake is None else json.dumps(asdict(row.intake), ensure_ascii=False)
    line: Values = {
        "station": row.station, "is_simulated": row.is_simulated, "batch": str(row.batch),
        "epoch": row.epoch, "sequence": row.sequence, "intake": intake,
    }  # fmt: skip
    put(work.book.connection, batches, [line], replace=True)


def _correct(work: _Work) -> None:
    """The clock was off: earlier rows move to the day they really belong to."""
    for own, told in work.corrections:
        moved = Sums()
        for row, day, new_day in work.book.move(told.from_sequence, min(told.to_sequence, own - 1), told.add_ms):
            moved.add(row, day, -1)
            moved.add(row, new_day)
        moved.store(work.book.connection)


def _note_refusals(work: _Work, now_ms: int) -> None:
    for refusal in work.refused:
        line: Values = {
            "station": work.sender.station, "code": refusal.code.value, "times": 1,
            "last_ms": now_ms, "reason": refusal.reason[:_LONGEST_REASON],
        }  # fmt: skip
        add_up(work.book.connection, refusals, [line], keep=("last_ms", "reason"))


def _save_chain(work: _Work, changes: dict[str, int]) -> None:
    newest = work.new.get(work.through)
    told: Values = {
        **changes, "applied_through": work.through, "last_hash": work.last_hash,
        "channel": work.delivery.channel.value, **({} if newest is None else {"last_to_utc": newest.to_utc}),
    }  # fmt: skip
    here = (chains.c.station == work.sender.station, chains.c.epoch == work.delivery.epoch)
    work.book.connection.execute(update(chains).where(*here).values(dict(told)))


def _ack(work: _Work, waiting: int) -> Ack:
    """Where histories part, only what both agree on is acknowledged."""
    through, last_hash = work.through, work.last_hash
    if work.agreed is not None and work.agreed < through:
        known = work.book.held([work.agreed]).get(work.agreed)
        through, last_hash = work.agreed, None if known is None else known.hash
    return Ack(
        work.sender.station, work.delivery.epoch, through, last_hash if through else None, len(work.new),
        work.duplicates, waiting, work.book.gaps(work.through) if waiting else (), tuple(work.refused),
    )  # fmt: skip
