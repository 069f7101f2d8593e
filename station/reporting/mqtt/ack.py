"""The receiver's acknowledgement (``ack/1``), read with bounds."""

from __future__ import annotations

import json
from typing import NamedTuple

_LARGEST_BYTES = 1 << 18
_LONGEST_SAID = 300


class Refusal(NamedTuple):
    """``sequence`` None: the receiver could not even tell which row it was."""

    sequence: int | None
    code: str
    reason: str


class Ack(NamedTuple):
    """Rows up to ``through`` are applied (or withheld by us); ``digest`` is the hash of that row, None when withheld.
    ``missing`` ranges, both ends included, lie before rows that the receiver has."""

    epoch: str
    through: int
    digest: str | None
    refused: tuple[Refusal, ...]
    missing: tuple[tuple[int, int], ...]


class TurnedAway(NamedTuple):
    """The receiver could not, or would not, read a message at all."""

    sentence: str


def read_ack(raw: bytes, station: str) -> Ack | TurnedAway | None:
    """None when this is no acknowledgement for ``station``."""
    if len(raw) > _LARGEST_BYTES:
        return None
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    if told.get("schema") == "refusal/1":
        return TurnedAway(str(told.get("refusal"))[:_LONGEST_SAID])
    epoch, through, digest = told.get("epoch"), _whole(told.get("acknowledged_through")), told.get("acknowledged_hash")
    is_ours = told.get("schema") == "ack/1" and told.get("station") == station
    if not is_ours or not isinstance(epoch, str) or through is None or not isinstance(digest, str | None):
        return None
    return Ack(epoch, through, digest, _refusals(told.get("refused")), _ranges(told.get("missing")))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refusals(told: object) -> tuple[Refusal, ...]:
    entries = told if isinstance(told, list) else []
    return tuple(_refusal(entry) for entry in entries if isinstance(entry, dict))


def _refusal(entry: dict[str, object]) -> Refusal:
    return Refusal(_whole(entry.get("sequence")), str(entry.get("code"))[:40], str(entry.get("reason"))[:_LONGEST_SAID])


def _ranges(told: object) -> tuple[tuple[int, int], ...]:
    entries = told if isinstance(told, list) else []
    pairs = [(_whole(entry[0]), _whole(entry[1])) for entry in entries if isinstance(entry, list) and len(entry) == 2]
    return tuple((first, last) for first, last in pairs if first is not None and last is not None)
