"""The office: what people ask of and tell the report while the station runs, for the page and for commands.

Every verb is called in the parent's event loop and never holds it up; refusals are sentences.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from station.marked import marked
from station.reporting.batches import (
    Balance,
    Batch,
    BatchRefused,
    Intake,
    balance,
    read_batches,
    weigh,
)
from station.reporting.outbox import Forecast, Outbox, Quarantined
from station.reporting.reporter import Reporter
from station.reporting.row import DowntimeKind
from station.reporting.standing import ChannelStanding
from station.store import Store, StoreBusy
from station.store_change import Change

_WAIT_S = 5.0
_LONGEST_REASON = 120
_Found = TypeVar("_Found")


class Told(NamedTuple):
    """``refusal`` None: it was done, and ``told`` is its name (of a batch, a shift) or empty."""

    refusal: str | None
    told: str = ""


class Office:
    """One running station's. ``by`` is who asks."""

    def __init__(self, store: Store, reporter: Reporter) -> None:
        self._store = store
        self._reporter = reporter
        self.outbox = Outbox(store, lambda: reporter.held)
        self.standings: Callable[[], tuple[ChannelStanding, ...]] = tuple

    async def open_batch(self, intake: Intake, by: str) -> Told:
        """What was closed until now belongs to what was before."""
        return await self._batch(self._reporter.open_batch(intake, by, _now_ns()))

    async def close_batch(self, by: str) -> Told:
        return await self._batch(self._reporter.close_batch(by, _now_ns()))

    async def set_shift(self, name: str | None) -> Told:
        """None: the shifts of the plan count again."""
        if name is not None and not (0 < len(name) <= 40 and name.isprintable()):
            return Told(marked("A shift has a name of at most 40 characters."))
        change = self._reporter.set_shift(name, _now_ns())
        return await self._settled(change, lambda _: name or "")

    async def weigh(self, batch: str, outlet: str, mass_kg: float, sd_kg: float, by: str) -> Told:
        """A person weighed an outlet of a batch."""
        change = self._store.begin_change(lambda connection: weigh(connection, batch, outlet, mass_kg, sd_kg, by))
        return await self._settled(change, lambda _: "")

    def give_reason(self, kind: DowntimeKind, reason: str) -> Told:
        """Why the line does not sort now, in a person's words."""
        if not (0 < len(reason) <= _LONGEST_REASON and reason.isprintable()):
            return Told(marked("Give a reason of at most {most} characters.").format(most=_LONGEST_REASON))
        return Told(self._reporter.give_reason(kind, reason, _now_ns()))

    async def batches(self) -> tuple[Batch, ...]:
        """The newest first."""
        return await self._read(read_batches)

    async def balance(self, batch: str) -> Balance | None:
        """None when there is no such batch."""
        try:
            return await self._read(lambda path: balance(path, batch))
        except BatchRefused:
            return None

    async def forecast(self) -> Forecast:
        """What waits for the programme."""
        return await asyncio.to_thread(self.outbox.forecast)

    async def quarantined(self) -> tuple[Quarantined, ...]:
        """Rows the receiver would not take."""
        return await asyncio.to_thread(self.outbox.quarantined)

    async def retry(self) -> Told:
        """All rows in quarantine wait again."""
        try:
            return Told(None, str(await asyncio.to_thread(self.outbox.retry)))
        except StoreBusy as error:
            return Told(str(error))

    async def _batch(self, change: Change[str] | None) -> Told:
        told = await self._settled(change, str)
        if told.refusal is not None:
            found = await self.batches()
            self._reporter.settle_batch(any(batch.closed_utc is None for batch in found))
        return told

    async def _settled(self, change: Change[_Found] | None, words: Callable[[_Found], str]) -> Told:
        """When it is on the disk."""
        if change is None or not await asyncio.to_thread(change.settled.wait, _WAIT_S):
            return Told(self._store.trouble or marked("The record database is busy; try again in a moment."))
        try:
            return Told(None, words(change.result()))
        except BatchRefused as error:
            return Told(str(error))

    def _read(self, question: Callable[[Path], _Found]) -> Awaitable[_Found]:
        return asyncio.to_thread(question, self._store.path)


def _now_ns() -> int:
    return time.monotonic_ns()  # noqa: TID251 - the moment a person speaks
