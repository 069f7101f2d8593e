"""Which pieces are worth a person's look: hazards, disputes, doubts, and a few at random."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from control.types import Outcome
from control.types import Reason as Decided
from station.dataset.words import Reason
from station.types import PieceRecord

_MINUTE_NS = 60_000_000_000
_SURE_OF_A_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class WorthSettings:
    """``hazards`` are the labels that stop the line; a piece decided with less confidence than ``unsure_below`` is
    unsure; ``random_share`` of all pieces are kept whatever they are, ``most_per_min`` for each reason."""

    labels: tuple[str, ...]
    hazards: frozenset[str]
    unsure_below: float
    random_share: float
    most_per_min: int


def reason_to_keep(record: PieceRecord, looks: Sequence[Sequence[float]], settings: WorthSettings) -> Reason | None:
    """Why this piece should be labelled, None when it need not; ``looks`` are probabilities per label.

    What touches another piece shows two things and teaches nothing, unless one of them is a hazard.
    """
    best = [max(range(len(look)), key=look.__getitem__) for look in looks]
    named = {settings.labels[n] for n in best} | {record.decision.label}
    if record.decision.reason is Decided.hazard or named & settings.hazards:
        return Reason.hazard
    if record.piece.touching or not looks:
        return None
    if len({n for n, look in zip(best, looks, strict=True) if look[n] >= _SURE_OF_A_LOOK}) > 1:
        return Reason.disputed
    if record.outcome is Outcome.unsure or record.decision.confidence < settings.unsure_below:
        return Reason.unsure
    return Reason.random if _drawn(record) < settings.random_share else None


def _drawn(record: PieceRecord) -> float:
    """A number from 0 to 1 that is the same for the same piece at every replay."""
    digest = hashlib.blake2b(f"{record.run} {record.piece.id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


class Ration:
    """At most so many pieces per minute and reason."""

    def __init__(self, most_per_min: int) -> None:
        self._most = most_per_min
        self._at_ns: dict[Reason, deque[int]] = {}

    def allows(self, reason: Reason, now_ns: int) -> bool:
        """Book one; False when there were enough in the last minute."""
        booked = self._at_ns.setdefault(reason, deque())
        while booked and now_ns - booked[0] >= _MINUTE_NS:
            booked.popleft()
        if len(booked) >= self._most:
            return False
        booked.append(now_ns)
        return True
