"""A small receiver of rows, as plain as can be: applies each once and in order, acknowledges cumulatively."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence

from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying, Subscribe
from station.reporting.row import IntervalRow, parse


class SmallProgramme:
    """``applied`` are the rows of each epoch; ``poison`` numbers are refused with ``code`` until they are withheld.

    ``times`` counts how often each row came.
    """

    def __init__(self, station: str = "demo-line", poison: Sequence[int] = (), code: str = "schema") -> None:
        self.applied: dict[str, list[IntervalRow]] = defaultdict(list)
        self.times: Counter[tuple[str, int]] = Counter()
        self.station = station
        self._through: Counter[str] = Counter()
        self._kept: dict[str, dict[int, IntervalRow]] = defaultdict(dict)
        self._poison = set(poison)
        self._code = code

    def take(self, raw: bytes) -> bytes:
        """One ``batch/1``; the answer is its ``ack/1``."""
        told = json.loads(raw)
        epoch, refused = told["epoch"], []
        withheld = set(told["withheld"])
        for tree in told["rows"]:
            row = parse(json.dumps(tree))
            self.times[epoch, row.sequence] += 1
            if row.sequence in self._poison:
                refused.append({"sequence": row.sequence, "code": self._code, "reason": "no such class"})
            elif row.sequence > self._through[epoch]:
                self._kept[epoch][row.sequence] = row
        last = self._go_on(epoch, withheld)
        answer = {"schema": "ack/1", "station": self.station, "epoch": epoch, "refused": refused, "missing": []}
        return json.dumps({**answer, "acknowledged_through": self._through[epoch], "acknowledged_hash": last}).encode()

    def _go_on(self, epoch: str, withheld: set[int]) -> str | None:
        """The hash of the last row up to which nothing is missing, None where that was withheld."""
        kept = self._kept[epoch]
        while True:
            following = self._through[epoch] + 1
            if following in kept:
                self.applied[epoch].append(kept.pop(following))
            elif following not in withheld:
                break
            self._through[epoch] = following
        newest = self.applied[epoch][-1] if self.applied[epoch] else None
        return newest.hash if newest and newest.sequence == self._through[epoch] else None


class Listener:
    """The small receiver on a broker."""

    def __init__(self, programme: SmallProgramme, group: str) -> None:
        self._programme = programme
        self._group = group

    def will(self) -> Publish | None:
        return None

    def sent_connect(self) -> None:
        return

    def connected(self, _now: Moment) -> Sequence[Saying]:
        return [Subscribe((f"scrap/{self._group}/+/rows",))]

    def heard(self, message: Heard, _now: Moment) -> Sequence[Saying]:
        return [Publish(message.topic.replace("/rows", "/ack"), self._programme.take(message.payload), qos=1)]

    def turn(self, _now: Moment) -> Sequence[Saying]:
        return []

    def lost(self) -> None:
        return

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return []
