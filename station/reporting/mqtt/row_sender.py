"""Sends the outbox over MQTT: a row leaves it by the receiver's own acknowledgement, never by the broker's.

A few messages are under way at a time; what is not acknowledged in time is sent again, from the oldest row on.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from station.marked import marked
from station.reporting.mqtt.ack import Ack, Refusal, TurnedAway, read_ack
from station.reporting.mqtt.settings import TopicSettings
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying, Subscribe
from station.reporting.outbox import Waiting
from station.reporting.pace import ROWS_AT_ONCE, ROWS_PER_S
from station.store import StoreBusy

_log = logging.getLogger(__name__)
_POISON = "schema"  # a row of another chain is for people: after a station was restored, all of them would be
_NOT_YET = "ahead"


class RowBox(Protocol):
    """What the sender needs of the outbox."""

    @property
    def held(self) -> str | None: ...

    def pending(self, limit: int = 100, after: tuple[str, int] | None = None) -> tuple[Waiting, ...]: ...

    def acknowledge(self, epoch: str, *, up_to: int | None = None, sequences: Iterable[int] = ()) -> int: ...

    def refused(self, epoch: str, sequence: int, reason: str) -> bool: ...

    def withheld(self, epoch: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """``patience_s`` is how long an acknowledgement may take; twice as long each time, to ``most_patience_s``.
    ``rows_per_s`` is the pace of a backlog."""

    rows_per_message: int = ROWS_AT_ONCE
    bytes_per_message: int = 1 << 18
    messages_under_way: int = 4
    rows_per_s: float = ROWS_PER_S
    look_every_s: float = 1.0
    patience_s: float = 10.0
    most_patience_s: float = 300.0


@dataclass(slots=True)
class _UnderWay:
    epoch: str
    digests: dict[int, str]
    sent_s: float


class RowSender:
    """A talker of its own connection. ``trouble`` is a sentence for the page while rows do not get through."""

    def __init__(self, topics: TopicSettings, box: RowBox, settings: SenderSettings | None = None) -> None:
        self._topics = topics
        self._box = box
        self._settings = settings or SenderSettings()
        self._under_way: list[_UnderWay] = []
        self._after: tuple[str, int] | None = None
        self._patience_s = self._settings.patience_s
        self._look_s: float | None = None
        self._rest_until_s = 0.0
        self._is_connected = False
        self.trouble: str | None = None
        self.acknowledged = 0

    def will(self) -> Publish | None:
        return None

    def sent_connect(self) -> None:
        return

    def connected(self, now: Moment) -> Sequence[Saying]:
        self._is_connected = True
        self._begin_again()
        return [Subscribe((self._topics.acknowledgements,)), *self.turn(now)]

    def lost(self) -> None:
        self._is_connected = False
        self._begin_again()

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return []

    def turn(self, now: Moment) -> Sequence[Saying]:
        if not self._is_connected:
            return []
        if self._under_way and now.monotonic_s - self._under_way[0].sent_s > self._patience_s:
            self.trouble = marked(
                "The programme has not acknowledged rows for {patience_s} s; they are sent again."
            ).format(patience_s=f"{self._patience_s:.0f}")
            self._patience_s = min(2 * self._patience_s, self._settings.most_patience_s)
            self._begin_again()
        try:
            return list(self._send(now))
        except (sqlite3.Error, StoreBusy) as error:
            return self._put_off(error, now)

    def heard(self, message: Heard, now: Moment) -> Sequence[Saying]:
        if message.topic != self._topics.acknowledgements:
            return []
        told = read_ack(message.payload, self._topics.station)
        try:
            match told:
                case Ack():
                    self._take(told)
                case TurnedAway():
                    self.trouble = marked("The programme does not take rows: {reason}").format(reason=told.sentence)
        except (sqlite3.Error, StoreBusy) as error:
            return self._put_off(error, now)
        return self.turn(now)

    def _begin_again(self) -> None:
        """The oldest row that waits is the next."""
        self._under_way.clear()
        self._after = None
        self._look_s = None

    def _put_off(self, error: Exception, now: Moment) -> Sequence[Saying]:
        """The database is busy: nothing is lost, everything is asked again."""
        _log.warning("the outbox cannot be read or changed now: %s", error)
        self._look_s = now.monotonic_s + self._settings.look_every_s
        return []

    def _send(self, now: Moment) -> Iterator[Saying]:
        if self._look_s is not None and now.monotonic_s < self._look_s:
            return
        settings = self._settings
        while len(self._under_way) < settings.messages_under_way and now.monotonic_s >= self._rest_until_s:
            rows = self._box.pending(settings.rows_per_message, self._after)
            if not rows:
                self._look_s = now.monotonic_s + settings.look_every_s
                return
            portion = list(_portion(rows, settings.bytes_per_message))
            self._after = (portion[-1].epoch, portion[-1].sequence)
            self._rest_until_s = now.monotonic_s + len(portion) / settings.rows_per_s
            digests = {waiting.sequence: _hash(waiting) for waiting in portion}
            self._under_way.append(_UnderWay(portion[0].epoch, digests, now.monotonic_s))
            withheld = self._box.withheld(portion[0].epoch)
            yield Publish(self._topics.rows, _batch(self._topics.station, portion, withheld), qos=1)

    def _take(self, ack: Ack) -> None:
        """Only rows that are under way are taken as acknowledged; others come again and are known there."""
        for refusal in ack.refused:
            self._be_refused(ack.epoch, refusal)
        refused = {refusal.sequence for refusal in ack.refused}
        if ack.through and self._is_believed(ack):
            done = [
                sequence
                for message in self._under_way
                if message.epoch == ack.epoch
                for sequence in message.digests
                if sequence <= ack.through and sequence not in refused
            ]
            if done:
                self.acknowledged += self._box.acknowledge(ack.epoch, sequences=done)
                self._settle(ack.epoch, set(done))
        self._mind_gap(ack)

    def _settle(self, epoch: str, done: set[int]) -> None:
        for message in self._under_way:
            if message.epoch == epoch:
                message.digests = {sequence: told for sequence, told in message.digests.items() if sequence not in done}
        self._under_way = [message for message in self._under_way if message.digests]
        self._patience_s = self._settings.patience_s
        self._look_s = None
        self.trouble = None

    def _is_believed(self, ack: Ack) -> bool:
        """The receiver has to name the hash of our row: a programme that knows another station by our name does not."""
        if ack.digest is None:
            return ack.through in self._box.withheld(ack.epoch)
        known = next((way.digests.get(ack.through) for way in self._under_way if way.epoch == ack.epoch
                      and ack.through in way.digests), None)  # fmt: skip
        if known is None:
            known = next((_hash(row) for row in self._box.pending(1, (ack.epoch, ack.through - 1))
                          if (row.epoch, row.sequence) == (ack.epoch, ack.through)), None)  # fmt: skip
        if known is not None and known != ack.digest:
            self.trouble = marked(
                "The programme holds another row {through} than this station: ask who runs it."
            ).format(through=ack.through)
        return known == ack.digest

    def _be_refused(self, epoch: str, refusal: Refusal) -> None:
        if refusal.code == _NOT_YET:
            return
        self.trouble = marked("The programme refuses row {row}: {reason}").format(
            row=refusal.sequence, reason=refusal.reason
        )
        is_ours = any(way.epoch == epoch and refusal.sequence in way.digests for way in self._under_way)
        if refusal.code != _POISON or refusal.sequence is None or not is_ours:
            return
        if self._box.refused(epoch, refusal.sequence, f"{refusal.code}: {refusal.reason}"):
            _log.warning("row %d of %s is set aside: %s", refusal.sequence, epoch, refusal.reason)
            self._begin_again()

    def _mind_gap(self, ack: Ack) -> None:
        """Rows the receiver misses come again at once when they were sent and lost; others are past our help."""
        if not ack.missing:
            return
        first = ack.missing[0][0]
        oldest = self._box.pending(1)
        if oldest and oldest[0].epoch == ack.epoch and oldest[0].sequence > first:
            self.trouble = marked(
                "The programme misses row {first}, which it had acknowledged: ask who runs it."
            ).format(first=first)


def _hash(waiting: Waiting) -> str:
    """As the row itself tells it."""
    return str(json.loads(waiting.data)["hash"])


def _portion(rows: Sequence[Waiting], most_bytes: int) -> Iterator[Waiting]:
    """Rows of one epoch, as many as a message bears; always one."""
    _, same = next(groupby(rows, lambda waiting: waiting.epoch))
    size = 0
    for waiting in same:
        size += len(waiting.data)
        if size > most_bytes and size > len(waiting.data):
            return
        yield waiting


def _batch(station: str, rows: Sequence[Waiting], withheld: Sequence[int]) -> bytes:
    """``batch/1``; the rows stand in it as they were sealed."""
    told = b",".join(waiting.data for waiting in rows)
    numbers = ",".join(map(str, withheld))
    head = f'{{"schema":"batch/1","station":"{station}","epoch":"{rows[0].epoch}","withheld":[{numbers}],"rows":['
    return b"".join((head.encode(), told, b"]}"))
