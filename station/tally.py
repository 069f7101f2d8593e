"""The tally of a run: what was seen goes on being counted when the vision process had to be started anew."""

from __future__ import annotations

from typing import NamedTuple

from station.types import Status


class Seen(NamedTuple):
    """Frames and pieces since the start of the run. ``unrecorded`` pieces were under way when a vision process ended,
    which happened ``restarts`` times: nobody knows where they fell.
    """

    pieces: int = 0
    unrecorded: int = 0
    frames: int = 0
    frames_dropped: int = 0
    frames_unplaced: int = 0
    restarts: int = 0


class Tally:
    """Told what each sorter says of itself, which begins at nothing, and when it is gone."""

    def __init__(self) -> None:
        self._before = Seen()
        self._status: Status | None = None
        self._records = 0

    def hear(self, status: Status) -> None:
        self._status = status

    def record(self) -> None:
        """A piece got its record."""
        self._records += 1

    def end(self, *, died: bool = True) -> None:
        """The vision process is gone and said all it had to say; what it saw last it may not have told."""
        seen = self.seen
        pieces = max(seen.pieces, self._before.pieces + self._records)
        lost = pieces - self._before.pieces - self._records
        self._before = seen._replace(
            pieces=pieces, unrecorded=self._before.unrecorded + lost, restarts=self._before.restarts + died
        )
        self._status, self._records = None, 0

    @property
    def seen(self) -> Seen:
        """All sorters of this run together."""
        now, before = self._status, self._before
        if now is None:
            return before
        return before._replace(
            pieces=before.pieces + now.pieces,
            frames=before.frames + now.frames,
            frames_dropped=before.frames_dropped + now.frames_dropped,
            frames_unplaced=before.frames_unplaced + now.frames_unplaced,
        )
