"""The trail: who changed what, from what, to what, and why; chained, so that a missing line shows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

from station.chain import append_entry, read_chain

FILE = "trail.jsonl"


class Deed(NamedTuple):
    """One change. ``before`` and ``after`` are plain words, empty where there was nothing."""

    at_utc: str
    by: str
    role: str
    what: str
    before: str
    after: str
    why: str


class Trail:
    """One file, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()

    def note(self, deed: Deed) -> None:
        """Seen to the disk when this returns; raises ChainBroken when the lines before do not hold."""
        with self._turn:
            append_entry(self._path, deed._asdict())

    def newest(self, limit: int) -> tuple[Deed, ...]:
        """Newest first; raises ChainBroken."""
        with self._turn:
            entries = read_chain(self._path)
        return tuple(Deed(**{name: str(entry[name]) for name in Deed._fields}) for entry in entries[: -limit - 1 : -1])
