"""The edge node on its connection: numbers births, looks at the line now and then, tells the past in portions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from station.marked import marked
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying
from station.reporting.sparkplug.birth_number import BirthNumber
from station.reporting.sparkplug.edge_node import EdgeNode, Snapshot

_PAST_PER_TURN = 20


class SparkplugTalker:
    """``look`` is asked every ``every_s`` what is so now; None: nothing is known yet."""

    def __init__(
        self, node: EdgeNode, number: BirthNumber, look: Callable[[], Snapshot | None], every_s: float = 1.0
    ) -> None:
        self._node = node
        self._number = number
        self._look = look
        self._every_s = every_s
        self._looked_s: float | None = None

    @property
    def sentence(self) -> str | None:
        """What holds up a birth, for the page."""
        host = self._node.waits_for
        return None if host is None else marked("Waiting for the primary host {host} to come online.").format(host=host)

    def will(self) -> Publish:
        return self._node.will(self._number.reserve())

    def sent_connect(self) -> None:
        self._number.use()

    def connected(self, now: Moment) -> Sequence[Saying]:
        return self._node.connected(now.utc_ms)

    def heard(self, message: Heard, now: Moment) -> Sequence[Saying]:
        return self._node.heard(message, now.utc_ms)

    def turn(self, now: Moment) -> Sequence[Saying]:
        if self._looked_s is not None and now.monotonic_s - self._looked_s < self._every_s:
            return self._node.tell_past(now.utc_ms, _PAST_PER_TURN)
        self._looked_s = now.monotonic_s
        snapshot = self._look()
        return [] if snapshot is None else self._node.observe(snapshot, now.utc_ms)

    def lost(self) -> None:
        self._node.lost()

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return self._node.leave()
