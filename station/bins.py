"""Bins: how full each is by the estimated mass of what fell into it since a person emptied it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from station.marked import marked
from station.span_counts import BinMass
from station.store_reader import open_reader
from station.store_rows import Event, EventKind

NEARLY_FULL = 0.9
_AFTER = "after_piece"


class Emptied(NamedTuple):
    """The bin was empty after this piece; ``by`` is empty where only the counting began then. ``at_ns`` is UTC."""

    after_piece: int
    at_ns: int
    by: str


class BinLevel(NamedTuple):
    """``capacity_kg`` and with it ``share`` (0..1 and above) is None where nobody said how much fits in."""

    outlet: str
    kg: float
    sd_kg: float
    capacity_kg: float | None
    share: float | None
    since_ns: int
    emptied_by: str

    @property
    def is_nearly_full(self) -> bool:
        return self.share is not None and self.share >= NEARLY_FULL


class Bins:
    """The bins of one station; what people say of them goes into the event log."""

    def __init__(
        self,
        run: str,
        utc_offset_ns: int,
        capacity_kg: Mapping[str, float | None],
        note: Callable[[Iterable[Event]], object],
        newest_piece: Callable[[], int],
        now_ns: Callable[[], int],
        emptied: Mapping[str, Emptied],
    ) -> None:
        """``capacity_kg`` names every outlet; ``emptied`` is what earlier runs knew. A new bin counts from now on."""
        self._run = run
        self._offset_ns = utc_offset_ns
        self._capacity_kg = capacity_kg
        self._note = note
        self._newest_piece = newest_piece
        self._now_ns = now_ns
        self._emptied = {outlet: emptied[outlet] for outlet in capacity_kg if outlet in emptied}
        self._masses: Mapping[str, BinMass] = {}
        for outlet in capacity_kg:
            if outlet not in self._emptied:
                self._begin(outlet, "")

    def begins(self) -> dict[str, int]:
        """By outlet, the piece after which it was empty."""
        return {outlet: emptied.after_piece for outlet, emptied in self._emptied.items()}

    def take(self, masses: Mapping[str, BinMass]) -> None:
        """What lies in them, counted from ``begins``."""
        self._masses = masses

    def empty(self, outlet: str, by: str) -> str | None:
        """A person emptied it: None, or the sentence that says why not."""
        if outlet not in self._capacity_kg:
            return marked("There is no such bin.")
        self._begin(outlet, by)
        self._masses = {**self._masses, outlet: BinMass(0.0, 0.0)}
        return None

    def levels(self) -> tuple[BinLevel, ...]:
        """In the order of the outlets."""
        return tuple(self._level(outlet, capacity) for outlet, capacity in self._capacity_kg.items())

    def attention(self) -> str | None:
        """Which bins are nearly full; None when none is."""
        full = [f"{level.outlet} {100 * (level.share or 0):.0f} %" for level in self.levels() if level.is_nearly_full]
        return ", ".join(full) or None

    def _begin(self, outlet: str, by: str) -> None:
        after, now_ns = self._newest_piece(), self._now_ns()
        self._emptied[outlet] = Emptied(after, now_ns + self._offset_ns, by)
        detail = json.dumps({_AFTER: after})
        self._note([Event(self._run, now_ns, EventKind.bin_emptied, outlet, detail, None, by or None)])

    def _level(self, outlet: str, capacity_kg: float | None) -> BinLevel:
        kg, sd_kg = self._masses.get(outlet, BinMass(0.0, 0.0))
        emptied = self._emptied[outlet]
        share = None if capacity_kg is None else kg / capacity_kg
        return BinLevel(outlet, kg, sd_kg, capacity_kg, share, emptied.at_ns, emptied.by)


def read_emptied(path: Path) -> dict[str, Emptied]:
    """When which bin was emptied last. Raises sqlite3.Error."""
    with closing(open_reader(path)) as reader:
        rows: list[tuple[str, str, int, str | None, int]] = reader.execute(
            "SELECT code, detail, at_ns + utc_offset_ns, by, max(seq) FROM events JOIN runs ON runs.id = run_id"
            " WHERE kind = ? GROUP BY code",
            (EventKind.bin_emptied,),
        ).fetchall()
    return {code: Emptied(_after(detail), at_ns, by or "") for code, detail, at_ns, by, _ in rows}


def _after(detail: str) -> int:
    return int(json.loads(detail)[_AFTER])
