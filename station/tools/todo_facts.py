"""Gathers from files and from the running station what its to-do list is derived from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from station import setup
from station.config import Config
from station.dataset.book import Book
from station.dataset.words import DatasetRefused
from station.device_doubts import doubts
from station.faults import FAULTS, Effect
from station.keeping.places import CROPS, data_folder
from station.promotion.audit import read_audit
from station.promotion.promote import audit_file
from station.reporting.clock import Clock, is_synchronised
from station.reporting.context import ClockState
from station.reporting.office import Office
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import BookRefused
from station.tools.settings import SettingsDesk
from station.tools.todo import Facts, Item, SlowingLane, Trouble, todo
from station.trends.lanes import lane_days, slowing
from station.web.view import FaultRow, StationView

_EVERYWHERE = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class TodoDesk:
    """Of one running station. ``has_admin`` is asked of the book of accounts; ``office`` None where nothing is
    reported. Touches files: asked away from the event loop."""

    config: Config
    settings: SettingsDesk
    is_simulated: bool
    office: Office | None = None

    def items(self, view: StationView, has_admin: Callable[[], bool]) -> tuple[Item, ...]:
        """What there is to do now."""
        return todo(self.facts(view, has_admin))

    def facts(self, view: StationView, has_admin: Callable[[], bool]) -> Facts:
        """As far as they can be found out; what cannot be read is left out, never guessed."""
        file, now = self.config.file, datetime.now(UTC)  # noqa: TID251 - what is old is old now
        waiting = None if self.office is None else self.office.outbox.forecast()
        recording = view.recording()
        return Facts(
            today=now.date(),
            has_admin=has_admin(),
            troubles=tuple(_troubles(view.faults())),
            calibrated=_day(self.config.calibration.made),
            has_flat_field=self.config.calibration.flat_field is not None,
            unread_registers=tuple(doubts(self.config)),
            lanes_slowing=tuple(self._slowing(now.timestamp())),
            model_since=self._model_since(),
            sampled=self._sampled(),
            rows_wait_since_h=None if waiting is None else _hours(waiting.oldest_utc, now),
            rows_waiting=0 if waiting is None else waiting.waiting,
            rows_quarantined=0 if waiting is None else waiting.quarantined,
            disk_days=None if waiting is None or recording is None or not recording.stopped else waiting.days_left,
            clock_is_trusted=_clock() is ClockState.good,
            records=file.recording.steps,
            crops_waiting=self._crops_waiting(),
            newer_files=tuple(each.name for each in self.settings.files() if each.is_newer),
            is_simulated=self.is_simulated,
            watched_from_anywhere=file.web.viewers and file.web.host in _EVERYWHERE,
        )

    def _slowing(self, now_s: float) -> Iterator[SlowingLane]:
        found = slowing(lane_days(data_folder(self.config), now_s))
        seen: dict[str, int] = {}
        for ejector in setup.ejectors(self.config):
            lane = seen[ejector.outlet] = seen.get(ejector.outlet, 0) + 1
            if ejector.output in found:
                yield SlowingLane(ejector.outlet, lane, *found[ejector.output])

    def _model_since(self) -> date | None:
        """None where it was never changed by command."""
        changes = read_audit(audit_file(self.config))
        return _day(changes[-1].at_utc) if changes else None

    def _sampled(self) -> date | None:
        try:
            samples = YardBook(data_folder(self.config) / BOOK).samples()
        except BookRefused:
            return None
        return max((day for sample in samples if (day := _day(sample.taken_utc)) is not None), default=None)

    def _crops_waiting(self) -> int:
        try:
            with Book.open(data_folder(self.config) / CROPS) as book:
                tally = book.tally()
        except DatasetRefused:
            return 0
        return tally.crops - tally.labelled


def _troubles(faults: Sequence[FaultRow]) -> Iterator[Trouble]:
    for fault in faults:
        known = FAULTS.get(fault.code)
        stops = known is not None and known.effect in {Effect.stop, Effect.pause, Effect.bypass}
        yield Trouble(fault.code, fault.sentence, fault.effect, fault.hint, fault.detail, stops)


def _day(text: str) -> date | None:
    """Of a date or an instant, however exactly it is written."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _hours(since_utc: str | None, now: datetime) -> float | None:
    if since_utc is None:
        return None
    return (now - datetime.fromisoformat(since_utc)).total_seconds() / 3600


def _clock() -> ClockState:
    mono_ns, wall_ns = time.monotonic_ns(), time.time_ns()  # noqa: TID251 - the clock itself is judged
    return Clock().read(mono_ns, wall_ns, is_synchronised()).state
