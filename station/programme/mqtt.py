"""The receiver on a broker: hears ``scrap/<group>/<station>/rows``, applies, and acknowledges on ``.../ack``.

Who may publish under a station's name is the broker's access list; the acknowledgement is ours, after the commit.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

from station.programme.envelope import LARGEST_BODY_BYTES, BadBatch, read_batch
from station.programme.registry import Registry
from station.programme.words import Ack, Channel
from station.programme.writer import LedgerBusy, LedgerWriter
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying, Subscribe

_LEVELS = 4


class _Asked(NamedTuple):
    topic: str
    answer: Future[Ack]


class RowListener:
    """Talks for one group; ``applied`` and ``turned_away`` count messages."""

    def __init__(self, group: str, registry: Registry, writer: LedgerWriter) -> None:
        self._group = group
        self._registry = registry
        self._writer = writer
        self._asked: deque[_Asked] = deque()
        self.applied = 0
        self.turned_away = 0

    def will(self) -> Publish | None:
        return None

    def sent_connect(self) -> None:
        return

    def connected(self, _now: Moment) -> Sequence[Saying]:
        return (Subscribe((f"scrap/{self._group}/+/rows",)),)

    def heard(self, message: Heard, _now: Moment) -> Sequence[Saying]:
        levels = message.topic.split("/")
        if len(levels) != _LEVELS or levels[-1] != "rows":
            return ()
        station = levels[2]
        sender = self._registry.by_id(station)
        if sender is None:
            return self._turn_away(station, "This station is not registered at the programme, or was revoked.")
        if len(message.payload) > LARGEST_BODY_BYTES:
            return self._turn_away(station, f"A message may have {LARGEST_BODY_BYTES} bytes. Send fewer rows at once.")
        try:
            batch = read_batch(message.payload, Channel.mqtt)
        except BadBatch as bad:
            return self._turn_away(station, bad.sentence)
        if batch.station != station:
            return self._turn_away(station, f"The batch says it is of {batch.station[:40]!r}.")
        self._asked.append(_Asked(self._ack_topic(station), self._writer.submit(sender, batch.delivery)))
        return self._answers()

    def turn(self, _now: Moment) -> Sequence[Saying]:
        return self._answers()

    def lost(self) -> None:
        """Stations send again what was not acknowledged."""
        self._asked.clear()

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return self._answers()

    def _answers(self) -> Sequence[Saying]:
        """Acknowledgements of everything that was committed meanwhile; what was not stays unanswered."""
        said: list[Saying] = []
        while self._asked and self._asked[0].answer.done():
            asked = self._asked.popleft()
            try:
                ack = asked.answer.result()
            except LedgerBusy:
                continue
            self.applied += 1
            said.append(Publish(asked.topic, json.dumps(ack.message()).encode(), qos=1))
        return said

    def _turn_away(self, station: str, sentence: str) -> Sequence[Saying]:
        self.turned_away += 1
        told = {"schema": "refusal/1", "refusal": sentence}
        return (Publish(self._ack_topic(station), json.dumps(told).encode(), qos=1),)

    def _ack_topic(self, station: str) -> str:
        return f"scrap/{self._group}/{station}/ack"
