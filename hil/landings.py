"""What truly fell where at the simulated line: the last pieces one by one, all of them by their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from hil.types import Landed, Truth

_KEPT = 1_000_000
_ROW = np.dtype([("at_mm", "f8"), ("across_mm", "f8"), ("mass_g", "f8"), ("label", "u1"), ("outlet", "u1")])


class Landings:
    """Holds the last ``kept`` pieces in 26 bytes each; counts begin where ``truth`` is asked from."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._rows = np.empty(kept, _ROW)
        self._n = 0
        self._names: list[str] = []
        self._since_mm: float | None = None
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, landed: Iterable[Landed]) -> None:
        """Pieces in the order in which they fell."""
        for one in landed:
            row = (one.at_mm, one.across_mm, one.mass_g, self._number(one.label), self._number(one.outlet))
            self._rows[self._n % len(self._rows)] = row
            self._n += 1
            if self._since_mm is not None and one.at_mm >= self._since_mm:
                self._counts[one.label, one.outlet] += 1

    def last(self, pieces: int | None = None) -> Iterator[Landed]:
        """So many that fell last (None: all that are held), oldest first; forms and numbers are not held."""
        held = min(self._n, len(self._rows))
        for n in range(self._n - min(held, held if pieces is None else pieces), self._n):
            at_mm, across_mm, mass_g, label, outlet = self._rows[n % len(self._rows)].item()
            yield Landed(n, self._names[label], "", self._names[outlet], mass_g, at_mm, across_mm)

    def truth(self, since_mm: float, targets: Mapping[str, Sequence[str]]) -> dict[str, Truth]:
        """Purity and recovery, by pieces that passed the datum line after ``since_mm``, of each outlet named in
        ``targets`` (outlet -> labels that belong there)."""
        if since_mm != self._since_mm:
            self._since_mm = since_mm
            self._counts = Counter((one.label, one.outlet) for one in self.last() if one.at_mm >= since_mm)
        return {outlet: self._truth(outlet, labels) for outlet, labels in targets.items()}

    def _truth(self, outlet: str, labels: Sequence[str]) -> Truth:
        inside = sum(n for (_label, fell), n in self._counts.items() if fell == outlet)
        wanted = sum(n for (label, _fell), n in self._counts.items() if label in labels)
        right = sum(self._counts[label, outlet] for label in labels)
        return Truth(right / inside if inside else None, right / wanted if wanted else None, inside)

    def _number(self, name: str) -> int:
        if name not in self._names:
            self._names.append(name)
        return self._names.index(name)
