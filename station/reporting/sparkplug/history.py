"""What could not be told when it happened: changes by device, bounded, made coarser instead of forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from station.reporting.sparkplug.payload import Metric


class Past(NamedTuple):
    """Metrics that changed, by name, each with the time of its capture. ``joined`` is how many changes it holds."""

    metrics: Mapping[str, Metric]
    joined: int


class History:
    """``who`` is a device, or None for the node itself; of each, ``most`` entries are kept.

    Metrics are states and running totals: when memory is full, neighbours are joined and the newer value stays, and
    what follows is kept as coarsely. So a long absence costs resolution, the same all along, and no final value.
    """

    def __init__(self, most: int) -> None:
        self._most = max(2, most)
        self._entries: dict[str | None, list[Past]] = {}
        self._grain: dict[str | None, int] = {}

    def keep(self, who: str | None, metrics: Mapping[str, Metric]) -> None:
        entries = self._entries.setdefault(who, [])
        fresh = Past(metrics, 1)
        if entries and entries[-1].joined < self._grain.get(who, 1):
            entries[-1] = _join(entries[-1], fresh)
        else:
            entries.append(fresh)
        if len(entries) > self._most:
            self._grain[who] = 2 * self._grain.get(who, 1)
            self._entries[who] = _coarser(entries)

    def take(self, who: str | None, most: int) -> list[Past]:
        """The oldest entries; they are not kept any longer."""
        entries = self._entries.get(who, [])
        taken, self._entries[who] = entries[:most], entries[most:]
        if not self._entries[who]:
            self._grain[who] = 1
        return taken

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))


def _join(earlier: Past, later: Past) -> Past:
    return Past({**earlier.metrics, **later.metrics}, earlier.joined + later.joined)


def _coarser(entries: list[Past]) -> list[Past]:
    joined = [_join(earlier, later) for earlier, later in zip(entries[::2], entries[1::2], strict=False)]
    return joined + entries[2 * len(joined) :]
