"""What differs between what was recorded and what is said now, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from control.types import Outcome
from station.recording.codec import encode
from station.types import PieceRecord

_LONGEST_VALUE = 120


class PieceDifference(NamedTuple):
    """One piece that ended otherwise; a side is None where the piece does not exist there."""

    piece_id: int
    was: PieceRecord | None
    now: PieceRecord | None

    @property
    def sentence(self) -> str:
        """``piece 31 was ejected to copper, now passed: unsure 0.58``."""
        was, now = _end(self.was), _end(self.now)
        if was != now or self.was is None or self.now is None:
            return f"piece {self.piece_id} was {was}, now {now}"
        where = first_difference(encode(PieceRecord, self.was), encode(PieceRecord, self.now))
        return f"piece {self.piece_id} was {was} and still is, but {where}"


def first_difference(was: bytes, now: bytes) -> str:
    """The first field that differs between two canonical texts: ``status.tick was 1, now 2``."""
    return next(_differences("", json.loads(was), json.loads(now)), "the texts differ in form only")


def piece_differences(
    was: Mapping[tuple[int, int], PieceRecord], now: Mapping[tuple[int, int], PieceRecord]
) -> Iterator[PieceDifference]:
    """The pieces that ended otherwise, in the order in which they were closed, new ones last; keyed by sorter, id."""
    for key in dict.fromkeys((*was, *now)):
        old, new = was.get(key), now.get(key)
        if old is None or new is None or encode(PieceRecord, old) != encode(PieceRecord, new):
            yield PieceDifference(key[1], old, new)


def _end(record: PieceRecord | None) -> str:
    if record is None:
        return "not there"
    decision = record.decision
    match record.outcome:
        case Outcome.ejected:
            return f"ejected to {decision.outlet}"
        case Outcome.passed | Outcome.unsure:
            return f"passed: {record.reason} {decision.label} {decision.confidence:.2f}"
        case _:
            to = "" if decision.outlet is None else f" on its way to {decision.outlet}"
            return f"{record.outcome.value}{to} ({record.reason})"


def _differences(path: str, was: object, now: object) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            yield from _differences(f"{path}.{key}" if path else str(key), was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (old, new) in enumerate(zip(was, now, strict=True)):
            yield from _differences(f"{path}[{number}]", old, new)
    elif type(was) is not type(now) or was != now:
        yield f"{path} was {_short(was)}, now {_short(now)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
