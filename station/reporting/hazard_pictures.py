"""Pictures of hazardous pieces, kept for the ledger, one file a piece; what needs a person is kept for good."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

from control.types import Outcome
from control.types import Reason as Decided
from station.reporting.hazards import Hazard, picture_name
from station.types import PieceRecord

_MINUTE_NS = 60_000_000_000
_MISSED_TIMES = 5


class HazardPictures:
    """Not for several threads. Of what is only to be diverted ``most_per_min`` are kept in a minute, and five times as
    many of it that were missed; beyond ``most_diverted`` of these the oldest go."""

    def __init__(
        self, folder: Path, hazards: Mapping[str, Hazard], most_per_min: int = 6, most_diverted: int = 5000
    ) -> None:
        self._folder = folder
        self._hazards = hazards
        self._most_diverted = most_diverted
        self._most = {True: most_per_min, False: _MISSED_TIMES * most_per_min}
        self._lately_ns: dict[bool, deque[int]] = {True: deque(), False: deque()}
        self._diverted: deque[Path] = deque()

    def wants(self, record: PieceRecord) -> bool:
        """True when a picture of this piece belongs into the ledger."""
        hazard = self._hazards.get(record.decision.label)
        if record.decision.reason is Decided.hazard or (hazard is not None and hazard.needs_person):
            return True
        return hazard is not None and self._has_room(record.outcome is Outcome.ejected, record.closed_ns)

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
        self._lately_ns[record.outcome is Outcome.ejected].append(record.closed_ns)
        self._diverted.append(path)
        while len(self._diverted) > self._most_diverted:
            self._diverted.popleft().unlink(missing_ok=True)

    def _has_room(self, was_ejected: bool, now_ns: int) -> bool:
        lately_ns = self._lately_ns[was_ejected]
        while lately_ns and now_ns - lately_ns[0] >= _MINUTE_NS:
            lately_ns.popleft()
        return len(lately_ns) < self._most[was_ejected]
