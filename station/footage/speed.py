"""How the belt moved under footage that came without the station's own encoder: told, read from a table, or seen."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from station.footage.source import Picture
from vision.belt_motion import follow_belt, still_part
from vision.types import FootageError

_LEAD_NS = 500_000_000
_LONGEST_OUT_NS = 120_000_000_000
_LEAST_SPEED_MM_S = 1.0
_PLATES = 40
_END_STEPS = 15


class BeltTable(NamedTuple):
    """Belt positions in mm at instants that grow; ``how`` says in words how they are known."""

    stamps: tuple[int, ...]
    travelled_mm_at: tuple[float, ...]
    how: str

    def travelled_mm(self) -> float:
        """From the first to the last instant."""
        return self.travelled_mm_at[-1] - self.travelled_mm_at[0]

    def rows(self, ticks_per_mm: float, run_out_mm: float, every_ns: int) -> Iterator[tuple[int, int]]:
        """(taken_ns, count) every so often, from half a second before to ``run_out_mm`` after, at the speed of the
        ends; the count starts at 0."""
        before, after = self._speed_mm_s(0), self._speed_mm_s(-1)
        out_ns = _LONGEST_OUT_NS
        if after > _LEAST_SPEED_MM_S:
            out_ns = min(_LONGEST_OUT_NS, round(run_out_mm / after * 1e9))
        first_ns, last_ns = self.stamps[0] - _LEAD_NS, self.stamps[-1] + out_ns
        start_mm = self.at_mm(first_ns, before, after)
        for taken_ns in range(first_ns, last_ns + every_ns, every_ns):
            yield taken_ns, max(0, round((self.at_mm(taken_ns, before, after) - start_mm) * ticks_per_mm))

    def at_mm(self, taken_ns: int, before_mm_s: float, after_mm_s: float) -> float:
        """Belt position at an instant, going on at these speeds beyond the ends."""
        stamps, places = self.stamps, self.travelled_mm_at
        if taken_ns <= stamps[0]:
            return places[0] - before_mm_s * (stamps[0] - taken_ns) / 1e9
        if taken_ns >= stamps[-1]:
            return places[-1] + after_mm_s * (taken_ns - stamps[-1]) / 1e9
        n = bisect_right(stamps, taken_ns)
        share = (taken_ns - stamps[n - 1]) / (stamps[n] - stamps[n - 1])
        return places[n - 1] + share * (places[n] - places[n - 1])

    def _speed_mm_s(self, end: int) -> float:
        """Mean speed of the first (0) or last (-1) steps."""
        steps = min(_END_STEPS, len(self.stamps) - 1)
        a, b = (0, steps) if end == 0 else (-1 - steps, -1)
        return (self.travelled_mm_at[b] - self.travelled_mm_at[a]) * 1e9 / (self.stamps[b] - self.stamps[a])


def by_speed(speed_mm_s: float, stamps: Sequence[int]) -> BeltTable:
    """A belt that runs evenly."""
    places = tuple(speed_mm_s * (stamp - stamps[0]) / 1e9 for stamp in stamps)
    return BeltTable(tuple(stamps), places, f"constant speed of {speed_mm_s:g} mm/s, as told")


def by_picture(
    pictures: Callable[[Sequence[int]], Iterator[Picture]], stamps: Sequence[int], mm_per_px: float
) -> BeltTable:
    """A belt followed in the pictures; ``pictures`` gives those with the numbers asked for. Raises BlindBelt."""
    some = range(0, len(stamps), max(1, len(stamps) // _PLATES))
    plate = still_part(pictures(some))
    path = follow_belt(pictures(range(len(stamps))), stamps, plate)
    how = f"estimated from the picture, quality {path.quality:.2f} of 1, {path.blind:.0%} of the pictures bridged"
    return BeltTable(tuple(stamps), tuple(px * mm_per_px for px in path.travelled_px), how)


def by_table(table: Path, stamps: Sequence[int], ticks_per_mm: float) -> BeltTable:
    """A tick table of its own: columns taken_ns and count, in the time of the pictures. Raises FootageError."""
    rows = _read(table)
    taken, counts = [row[0] for row in rows], [row[1] for row in rows]
    if taken[0] > stamps[0] or taken[-1] < stamps[-1]:
        raise FootageError(
            f"{table} runs from {taken[0] / 1e9:.3f} s to {taken[-1] / 1e9:.3f} s, the pictures from "
            f"{stamps[0] / 1e9:.3f} s to {stamps[-1] / 1e9:.3f} s; readings are needed before and after all of them."
        )
    places = tuple((count - counts[0]) / ticks_per_mm for count in counts)
    return BeltTable(tuple(taken), places, f"tick table {table.name}")


def _read(table: Path) -> list[tuple[int, int]]:
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
        found = [(int(taken), int(count)) for taken, count in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise FootageError(f"{table} cannot be read ({error}); expected the columns taken_ns,count.") from error
    if header != ["taken_ns", "count"] or len(found) < 2:
        raise FootageError(f"{table} must begin with the line taken_ns,count and hold two rows at least.")
    if any(after[0] <= before[0] or after[1] < before[1] for before, after in pairwise(found)):
        raise FootageError(f"{table}: taken_ns must grow and count must not fall; unwrap the counter first.")
    return found
