"""Pictures of hazardous pieces, kept for the ledger, one file a piece; what needs a person is kept for good."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

from control.types import Reason as Decided
from station.reporting.hazards import Hazard, picture_name
from station.types import PieceRecord

_MINUTE_NS = 60_000_000_000


class HazardPictures:
    """Not for several threads. What is only diverted is kept a few times a minute, and the oldest of it goes."""

    def __init__(
        self, folder: Path, hazards: Mapping[str, Hazard], most_per_min: int = 6, most_diverted: int = 2000
    ) -> None:
        self._folder = folder
        self._hazards = hazards
        self._most_per_min = most_per_min
        self._most_diverted = most_diverted
        self._lately_ns: deque[int] = deque()
        self._diverted: deque[Path] = deque()

    def wants(self, record: PieceRecord) -> bool:
        """True when a picture of this piece belongs into the ledger."""
        hazard = self._hazards.get(record.decision.label)
        if record.decision.reason is Decided.hazard or (hazard is not None and hazard.needs_person):
            return True
        return hazard is not None and self._has_room(record.closed_ns)

    def keep(self, record: PieceRecord, png: bytes) -> None:
        """Write it whole or not at all; raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / picture_name(record.run, record.piece.id)
        draft = path.with_name(path.name + ".part")
        draft.write_bytes(png)
        draft.replace(path)
        hazard = self._hazards.get(record.decision.label)
        if record.decision.reason is Decided.hazard or hazard is None or hazard.needs_person:
            return
        self._lately_ns.append(record.closed_ns)
        self._diverted.append(path)
        while len(self._diverted) > self._most_diverted:
            self._diverted.popleft().unlink(missing_ok=True)

    def _has_room(self, now_ns: int) -> bool:
        while self._lately_ns and now_ns - self._lately_ns[0] >= _MINUTE_NS:
            self._lately_ns.popleft()
        return len(self._lately_ns) < self._most_per_min
