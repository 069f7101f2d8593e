"""What is said and heard on one MQTT connection, as plain values; who talks reads no clock and touches no socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Moment(NamedTuple):
    """``utc_ms`` is a label of the wall clock, ``monotonic_s`` measures durations."""

    utc_ms: int
    monotonic_s: float


class Publish(NamedTuple):
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Subscribe(NamedTuple):
    """Each topic filter at QoS 1."""

    topics: tuple[str, ...]


class Leave(NamedTuple):
    """Let go of the broker once everything said has arrived there; come back later unless the station ends."""

    why: str


Saying = Publish | Subscribe | Leave


class Heard(NamedTuple):
    topic: str
    payload: bytes
    retained: bool


class Talker(Protocol):
    """Who talks on a connection. Every call comes from the connection's own thread."""

    def will(self) -> Publish | None:
        """What the broker says when the connection to come breaks; asked before every CONNECT."""

    def sent_connect(self) -> None:
        """A CONNECT with that will has been sent."""

    def connected(self, now: Moment) -> Sequence[Saying]:
        """The broker has taken the connection; nothing of an earlier one is left."""

    def heard(self, message: Heard, now: Moment) -> Sequence[Saying]: ...

    def turn(self, now: Moment) -> Sequence[Saying]:
        """A few times a second, connected or not; what is returned while not connected is lost."""

    def lost(self) -> None:
        """The connection is gone."""

    def leave(self, now: Moment, /) -> Sequence[Saying]:
        """The station ends: last words, without a Leave."""
