"""The reporter: closes intervals as time, batch, shift, recipe and clock go on. It never makes the line wait."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace

from station.marked import marked
from station.reporting.batches import Intake, close_batch, open_batch, with_scale
from station.reporting.clock import Clock, ClockReading, hold_reason
from station.reporting.closing import Close, Next, add_correction, close_interval, last_number, recover, utc
from station.reporting.context import ClockState, Context
from station.reporting.downtime import GivenReason, Moment, moment_of, moment_values
from station.reporting.row import DowntimeKind
from station.reporting.shifts import ShiftPlan
from station.reporting.trimming import TrimSettings, trim
from station.store import Made, Store
from station.store_change import Change
from station.store_rows import Event, EventKind
from station.types import PieceRecord, State, Status

_log = logging.getLogger(__name__)
_IDLE_ROW_NS = 3600 * 1_000_000_000
_TRIM_EVERY_NS = 600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class ReporterSettings:
    """``intake_sd_kg`` and ``intake_sd_share`` of the weight are what the scale at intake is off, independently."""

    interval_ns: int
    plan: ShiftPlan
    trim: TrimSettings
    intake_sd_kg: float = 5.0
    intake_sd_share: float = 0.002


class Reporter:
    """One run's. Every verb is called from one thread; the writing is done by the store's."""

    def __init__(self, store: Store, run: str, context: Context, settings: ReporterSettings, clock: Clock) -> None:
        self._store = store
        self._run = run
        self._context = context
        self._settings = settings
        self._clock = clock
        self._number = 0
        self._reading = ClockReading(0, ClockState.good, 0)
        self._opened_ns = 0
        self._due_ns = 0
        self._trim_ns = 0
        self._is_busy = False
        self._has_batch = False
        self._status: Status | None = None
        self._moment: Moment | None = None
        self._moment_number = 0
        self._given: GivenReason | None = None
        self._shown = ""

    def begin(self, mono_ns: int, wall_ns: int, is_synchronised: bool | None) -> None:
        """Close what a cut left open, then open the first interval of this run. Raises StoreBusy."""
        self._reading = self._clock.read(mono_ns, wall_ns, is_synchronised)
        self._shown = utc(wall_ns)
        self._store.change(recover)
        self._number = self._store.change(last_number)
        self._moment_number = self._store.change(_last_moment)
        self._has_batch = self._store.change(_has_open_batch)
        if self._reading.state is not ClockState.good:
            self._note_clock(mono_ns)
        self._close(mono_ns)
        self._keep_moment(Moment(mono_ns, State.idle, None, "", ()))

    def tick(self, mono_ns: int, wall_ns: int, is_synchronised: bool | None) -> None:
        """Some times a second: is anything due. ``mono_ns`` and ``wall_ns`` are the same instant."""
        before, self._reading = self._reading, self._clock.read(mono_ns, wall_ns, is_synchronised)
        self._shown = utc(wall_ns)
        if self._reading.step_ns or self._reading.state is not before.state:
            self._put_right(mono_ns, before)
        elif self._is_due(mono_ns):
            self._close(mono_ns)
        if mono_ns >= self._trim_ns:
            self._trim_ns = mono_ns + _TRIM_EVERY_NS
            self._store.begin_change(trim(self._settings.trim, self._store.path, mono_ns + self._reading.offset_ns))

    def take(self, message: object) -> None:
        """A message of the vision process, after its records were given to the store."""
        match message:
            case PieceRecord():
                self._is_busy = True
            case Status():
                self._take_status(message)

    def stop(self, mono_ns: int) -> None:
        """The run ends: the last interval is closed and none begins."""
        self._number += 1
        order = Close(self._number, mono_ns, None)
        self._store.begin_change(lambda connection: close_interval(connection, order))

    @property
    def held(self) -> str | None:
        """Why no report may be sent now, or None."""
        return hold_reason(self._reading.state, self._shown)

    @property
    def clock(self) -> tuple[ClockState, str]:
        """What is thought of the wall clock, and what it shows."""
        return self._reading.state, self._shown

    def open_batch(self, intake: Intake, by: str, mono_ns: int) -> Change[str] | None:
        """The interval before it is closed in the same transaction. The change gives the batch's id or raises
        BatchRefused; None: the store takes nothing now."""
        order, now_utc = self._order(mono_ns), self._utc(mono_ns)
        whole = with_scale(intake, self._settings.intake_sd_kg, self._settings.intake_sd_share)

        def work(connection: sqlite3.Connection) -> str:
            name = open_batch(connection, whole, by, now_utc)
            close_interval(connection, order)
            return name

        return self._change(work, mono_ns, has_batch=True)

    def close_batch(self, by: str, mono_ns: int) -> Change[str] | None:
        """As ``open_batch``."""
        order, now_utc = self._order(mono_ns), self._utc(mono_ns)

        def work(connection: sqlite3.Connection) -> str:
            name = close_batch(connection, by, now_utc)
            close_interval(connection, order)
            return name

        return self._change(work, mono_ns, has_batch=False)

    def settle_batch(self, is_open: bool) -> None:
        """What became of a change of batch, when it was refused."""
        self._has_batch = is_open

    def set_shift(self, name: str | None, mono_ns: int) -> Change[None] | None:
        """A person names the shift; None goes back to the plan."""
        order = self._order(mono_ns)

        def work(connection: sqlite3.Connection) -> None:
            stand(connection, "shift", name)
            close_interval(connection, order)

        return self._change(work, mono_ns, has_batch=self._has_batch)

    def give_reason(self, kind: DowntimeKind, reason: str, mono_ns: int) -> str | None:
        """A person says why the line does not sort; a sentence when it does."""
        if self._moment is None or self._moment.kind is None or self._status is None:
            return marked("The line is sorting, or nobody waits for it: there is no downtime to explain.")
        self._given = GivenReason(kind, reason)
        self._note_moment(replace(self._status, now_ns=mono_ns))
        return None

    def _is_due(self, mono_ns: int) -> bool:
        """At whole intervals; idle time is told in rows of an hour. At the beginning of a shift at once."""
        if self._settings.plan.at(mono_ns + self._reading.offset_ns) != self._context.shift:
            return True
        return mono_ns >= self._due_ns and (self._is_busy or mono_ns - self._opened_ns >= _IDLE_ROW_NS)

    def _take_status(self, status: Status) -> None:
        self._status = status
        if status.recipe and status.recipe != self._context.recipe:
            self._context = replace(self._context, recipe=status.recipe)
            self._close(max(status.now_ns, self._opened_ns))
        self._note_moment(status)

    def _note_moment(self, status: Status) -> None:
        """Only changes are kept. What is heard of late counts in the open interval: the one before is sealed."""
        working = self._has_batch or self._context.shift is not None
        moment = moment_of(status, is_working_time=working, given=self._given)
        if moment.kind is None:
            self._given = None
        self._is_busy = self._is_busy or status.state is not State.idle or moment.kind is not None
        before = self._moment
        if before is not None:
            moment = moment._replace(at_ns=max(moment.at_ns, before.at_ns, self._opened_ns))
            if moment[1:] == before[1:]:
                return
        self._keep_moment(moment)

    def _keep_moment(self, moment: Moment) -> None:
        self._moment = moment
        self._moment_number += 1
        values = (self._moment_number, self._run, *moment_values(moment))
        self._store.begin_change(lambda connection: _insert_moment(connection, values))

    def _put_right(self, mono_ns: int, before: ClockReading) -> None:
        """The clock jumped, or is judged otherwise: rows before and after it are labelled by different clocks."""
        self._note_clock(mono_ns)
        self._close(mono_ns)
        is_right_now = self._reading.state is ClockState.good and before.state is not ClockState.good
        if is_right_now and self._reading.step_ns:
            run, change_ns = self._run, self._reading.step_ns
            self._store.begin_change(lambda connection: add_correction(connection, run, change_ns))

    def _note_clock(self, mono_ns: int) -> None:
        state, step_s = self._reading.state, self._reading.step_ns / 1e9
        if step_s or state is ClockState.impossible:
            _log.warning("the wall clock is %s, jumped by %.1f s, shows %s", state.value, step_s, self._shown)
        detail = f"jumped by {step_s:.3f} s, shows {self._shown}"
        self._store.note((Event(self._run, mono_ns, EventKind.clock, state.value, detail, None, None),))

    def _change(
        self, work: Callable[[sqlite3.Connection], Made], mono_ns: int, *, has_batch: bool
    ) -> Change[Made] | None:
        self._began(mono_ns)
        self._has_batch = has_batch
        return self._store.begin_change(work)

    def _close(self, mono_ns: int) -> None:
        order = self._order(mono_ns)
        self._began(mono_ns)
        self._store.begin_change(lambda connection: close_interval(connection, order))

    def _order(self, mono_ns: int) -> Close:
        self._number += 1
        offset_ns = self._reading.offset_ns
        self._context = replace(self._context, shift=self._settings.plan.at(mono_ns + offset_ns))
        following = Next(self._run, mono_ns, self._context, offset_ns, self._reading.state)
        return Close(self._number, mono_ns, following)

    def _began(self, mono_ns: int) -> None:
        """The next row is due when the wall clock shows a whole number of intervals."""
        interval_ns = self._settings.interval_ns
        self._opened_ns = mono_ns
        self._due_ns = mono_ns + interval_ns - (mono_ns + self._reading.offset_ns) % interval_ns
        state = None if self._status is None else self._status.state
        self._is_busy = state not in (None, State.idle)

    def _utc(self, mono_ns: int) -> str:
        return utc(mono_ns + self._reading.offset_ns)


def stand(connection: sqlite3.Connection, name: str, told: str | None) -> None:
    """Keep what stands until it is said otherwise; None: it stands no more."""
    connection.execute("DELETE FROM standing WHERE name = ?", (name,))
    if told is not None:
        connection.execute("INSERT INTO standing VALUES (?, ?)", (name, told))


def _insert_moment(connection: sqlite3.Connection, values: tuple[int | str | None, ...]) -> None:
    connection.execute(
        "INSERT INTO moments VALUES (?, (SELECT id FROM runs WHERE uuid = ?), ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        values,
    )


def _last_moment(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM moments").fetchone()[0])


def _has_open_batch(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM batches WHERE closed_utc IS NULL").fetchone() is not None
