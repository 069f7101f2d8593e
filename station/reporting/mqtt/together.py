"""Several talkers on one connection."""

from __future__ import annotations

from collections.abc import Sequence

from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying, Talker


class Together:
    """Each hears everything; the will is that of the first that has one."""

    def __init__(self, *talkers: Talker) -> None:
        self._talkers = talkers

    def will(self) -> Publish | None:
        return next((will for talker in self._talkers if (will := talker.will()) is not None), None)

    def sent_connect(self) -> None:
        for talker in self._talkers:
            talker.sent_connect()

    def connected(self, now: Moment) -> Sequence[Saying]:
        return [saying for talker in self._talkers for saying in talker.connected(now)]

    def heard(self, message: Heard, now: Moment) -> Sequence[Saying]:
        return [saying for talker in self._talkers for saying in talker.heard(message, now)]

    def turn(self, now: Moment) -> Sequence[Saying]:
        return [saying for talker in self._talkers for saying in talker.turn(now)]

    def lost(self) -> None:
        for talker in self._talkers:
            talker.lost()

    def leave(self, now: Moment) -> Sequence[Saying]:
        return [saying for talker in self._talkers for saying in talker.leave(now)]
