"""Plain JSON beside Sparkplug, for IT users: whether the station is there, its live state, its running totals.

All three topics are retained. Their schemas are in ``plain_shape``. Totals only grow within one epoch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from station.reporting.line_now import About, LineNow
from station.reporting.mqtt.settings import TopicSettings
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying
from station.reporting.shape import Tree


class PlainTalker:
    """``look`` is asked every ``every_s``; only what has changed is told."""

    def __init__(self, topics: TopicSettings, about: About, look: Callable[[], LineNow | None], every_s: float) -> None:
        self._topics = topics
        self._about = about
        self._look = look
        self._every_s = every_s
        self._looked_s: float | None = None
        self._is_connected = False
        self._told: dict[str, Tree] = {}

    def will(self) -> Publish | None:
        return self._online(False)

    def sent_connect(self) -> None:
        return

    def connected(self, now: Moment) -> Sequence[Saying]:
        self._is_connected = True
        self._told.clear()
        self._looked_s = None
        return [self._online(True), *self.turn(now)]

    def heard(self, _message: Heard, _now: Moment) -> Sequence[Saying]:
        return []

    def turn(self, now: Moment) -> Sequence[Saying]:
        too_soon = self._looked_s is not None and now.monotonic_s - self._looked_s < self._every_s
        if too_soon or not self._is_connected:
            return []
        self._looked_s = now.monotonic_s
        found = self._look()
        if found is None:
            return []
        messages = {"state": self._state(found), "counters": self._counters(found)}
        return [self._tell(name, told, now) for name, told in messages.items() if told != self._told.get(name)]

    def lost(self) -> None:
        self._is_connected = False

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return [self._online(False)]

    def _tell(self, name: str, told: Tree, now: Moment) -> Publish:
        self._told[name] = told
        at = datetime.fromtimestamp(now.utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
        return self._publish(name, {**told, "at_utc": at.replace("+00:00", "Z")})

    def _publish(self, name: str, told: Tree) -> Publish:
        head = {"schema": f"{name}/1", "station": self._about.station, "is_simulated": self._about.is_simulated}
        raw = json.dumps({**head, **told}, ensure_ascii=False).encode()
        return Publish(self._topics.plain(name), raw, qos=1, retain=True)

    def _online(self, online: bool) -> Publish:
        return self._publish("online", {"online": online})

    def _state(self, now: LineNow) -> Tree:
        return {
            "state": now.state.value,
            "packml": now.packml,
            "sentence": now.sentence,
            "faults": list(now.faults),
            "recipe": now.recipe,
            "model": self._about.model,
            "software": self._about.software,
            "speed_mm_s": now.speed_mm_s,
            "pieces_per_min": now.pieces_per_min,
            "valves_dead": [valve.output for valve in now.valves if valve.is_dead],
            "valves_slow": [valve.output for valve in now.valves if valve.is_slow],
            "rows_waiting": now.backlog.waiting,
            "rows_in_quarantine": now.backlog.quarantined,
        }

    def _counters(self, now: LineNow) -> Tree:
        return {
            "epoch": now.totals.epoch,
            "pieces": now.totals.pieces,
            "counts": [row._asdict() for row in now.totals.rows],
        }
