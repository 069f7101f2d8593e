"""Words of the receiver: who sends, what came, what was refused, and the acknowledgement."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from station.reporting.row import IntervalRow

ACK_SCHEMA = "ack/1"


class Code(StrEnum):
    """Why a row is not taken. ``schema`` is the row's own fault; ``ahead`` only means not yet; the others need people:
    ``conflict`` is other content under a number already held, ``chain`` a row that does not know the one before it."""

    schema = "schema"
    station = "station"
    simulated = "simulated"
    conflict = "conflict"
    chain = "chain"
    ahead = "ahead"


class Channel(StrEnum):
    https = "https"
    mqtt = "mqtt"


class Sender(NamedTuple):
    """Who was let in: the station and how it is registered."""

    station: str
    is_simulated: bool


class Refusal(NamedTuple):
    """``sequence`` None: what came does not even tell its number."""

    sequence: int | None
    code: Code
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Rows of one epoch as they came. ``withheld``: numbers the station cannot send. ``refused``: what was no row."""

    epoch: str
    rows: tuple[IntervalRow, ...]
    withheld: tuple[int, ...] = ()
    refused: tuple[Refusal, ...] = ()
    channel: Channel = Channel.https


@dataclass(frozen=True, slots=True)
class Ack:
    """``acknowledged_through``: this row (its hash beside it) and all before are applied, or withheld by the station.

    ``accepted`` rows are new. ``waiting`` rows lie beyond the ``missing`` ranges: kept, but not acknowledged. A station
    believes an acknowledgement only where the hash is that of its own row; it is None when that row is withheld.
    """

    station: str
    epoch: str
    acknowledged_through: int
    acknowledged_hash: str | None
    accepted: int
    duplicates: int
    waiting: int
    missing: tuple[tuple[int, int], ...]
    refused: tuple[Refusal, ...]

    def message(self) -> dict[str, object]:
        """As it is sent: JSON with ``schema`` ack/1."""
        told = {**asdict(self), "missing": [list(gap) for gap in self.missing]}
        return {"schema": ACK_SCHEMA, **told, "refused": [refusal._asdict() for refusal in self.refused]}
