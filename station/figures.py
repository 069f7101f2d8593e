"""The figures people look at: counts and bins, read once a second away from the event loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping

from station.bins import Bins, read_emptied
from station.plan import Plan
from station.reporting.recipe_outlets import outlets_of
from station.span_counts import Span, SpanCounts, SpanReader
from station.store import Store
from station.store_reader import Counts

_log = logging.getLogger(__name__)
_EVERY_S = 1.0


class Figures:
    """What was read last; belongs to the event loop."""

    def __init__(self, reader: SpanReader, bins: Bins) -> None:
        self._reader = reader
        self.bins = bins
        self.spans: Mapping[Span, SpanCounts] = {}

    @property
    def run(self) -> Counts:
        """Counts of this run."""
        found = self.spans.get(Span.run)
        return Counts(0, ()) if found is None else found.counts

    async def keep(self) -> None:
        """Read on until cancelled; what cannot be read now is read later."""
        trouble = ""
        while True:
            try:
                begins = self.bins.begins()
                read = await asyncio.to_thread(self._reader.read, begins)
                self.spans, trouble = read.spans, ""
                if begins == self.bins.begins():
                    self.bins.take(read.bins)
            except sqlite3.Error as error:
                if str(error) != trouble:
                    _log.warning("counts for the page cannot be read: %s", error)
                trouble = str(error)
            await asyncio.sleep(_EVERY_S)


def open_figures(plan: Plan, store: Store, spans: SpanReader) -> Figures:
    """Those of a planned run. Raises sqlite3.Error."""
    config = plan.config
    sizes = {each.outlet: each.capacity_kg for each in config.file.bins}
    return Figures(
        spans,
        Bins(
            plan.run.uuid,
            plan.run.utc_offset_ns,
            {outlet: sizes.get(outlet) for outlet in outlets_of(config)},
            store.note,
            lambda: store.newest_piece,
            time.monotonic_ns,  # noqa: TID251 - the parent process has a clock
            read_emptied(store.path),
        ),
    )
