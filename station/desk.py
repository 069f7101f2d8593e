"""The desk: what the parent process knows of its children, as the page and the summary see it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from station.alarm_desk import AlarmDesk
from station.bins import Bins
from station.config import ConfigError
from station.faults import EFFECT_WORDS, FAULTS
from station.figures import Figures
from station.marked import marked
from station.recipes import RecipeShelf
from station.recording.post import Post
from station.recording.settings import RecorderNews
from station.span_counts import Span, SpanCounts
from station.store import Store
from station.store_reader import Counts
from station.store_rows import Event, EventKind
from station.summary import Quantiles
from station.tally import Tally
from station.types import (
    ActiveFault,
    FootageEnded,
    Order,
    OrderAnswer,
    OrderGiven,
    PieceRecord,
    RecipeGiven,
    Shown,
    State,
    Status,
    Timing,
    Truth,
)
from station.valve_counts import ValveCounts
from station.web.view import FaultRow, Mishap, Performance, Picture, StationFacts
from station.window import Window
from vision.frame_ring import FrameRing
from vision.types import Port

_log = logging.getLogger(__name__)
_ANSWER_S = 2.0
_HELD_AFTER = (State.fault, State.estop)


class Desk:
    """Takes the messages of the vision process, keeps the records, answers the page."""

    def __init__(
        self,
        run: str,
        facts: StationFacts,
        store: Store,
        figures: Figures,
        ring: FrameRing,
        alarms: AlarmDesk,
        post: Post | None = None,
    ) -> None:
        self._run = run
        self._facts = facts
        self._store = store
        self._figures = figures
        self._window = Window(ring)
        self._alarms = alarms
        self._must_hold = False
        self._post = post
        self._orders: Port | None = None
        self._mishaps: Callable[[Mishap, bool], None] | None = None
        self._shelf: RecipeShelf | None = None
        self._valves = ValveCounts(store.path.parent)
        self._on: frozenset[Mishap] = frozenset()
        self._number = itertools.count(1)
        self._answers: dict[int, asyncio.Future[str | None]] = {}
        self._status: Status | None = None
        self._known_faults: dict[str, ActiveFault] = {}
        self._truth: Mapping[str, Truth] | None = None
        self._frames_per_s = 0.0
        self._paced: Status | None = None
        self.frame_ms = Quantiles()
        self.slack_ms = Quantiles()
        self.tally = Tally()
        self.footage_ended = False

    def connect(self, orders: Port | None) -> None:
        """Where orders go; None while there is no vision process."""
        self._orders = orders

    def allow_mishaps(self, cause: Callable[[Mishap, bool], None]) -> None:
        """Only a simulated line has them."""
        self._mishaps = cause

    def allow_recipes(self, shelf: RecipeShelf) -> None:
        """Which recipes people may choose from."""
        self._shelf = shelf

    def take(self, message: object) -> None:
        """One message of the vision process."""
        match message:
            case Status():
                self._take_status(message)
            case PieceRecord():
                self._store.append((message,))
                self.tally.record()
                self._valves.note(message)
                self.slack_ms.add(() if message.slack_ms is None else (message.slack_ms,))
            case Shown():
                self._window.take(message)
            case Timing():
                self.frame_ms.add(message.frame_ms)
            case OrderAnswer():
                self._settle(message)
            case FootageEnded():
                self.footage_ended = True

    def give_up(self, code: str, detail: str) -> None:
        """Too many restarts: the fault stays on the page and nothing is started any more."""
        if self._status is not None:
            fault = ActiveFault(code, f"{detail}; not started again", self._status.now_ns, 1, present=True)
            given_up = replace(self._status, state=State.fault, sentence=FAULTS[code].sentence, faults=(fault,))
            self._status = given_up
            self._note_faults({code: fault}, given_up.now_ns)

    def take_truth(self, truth: Mapping[str, Truth]) -> None:
        self._truth = truth

    def status(self) -> Status | None:
        return self._status

    def facts(self) -> StationFacts:
        return self._facts

    def counts(self) -> Counts:
        return self._figures.run

    def spans(self) -> Mapping[Span, SpanCounts]:
        return self._figures.spans

    def bins(self) -> Bins:
        return self._figures.bins

    @property
    def true_shares(self) -> Mapping[str, Truth]:
        """What truly fell where, by outlet; empty where nobody knows."""
        return self._truth or {}

    def truth(self) -> Mapping[str, Truth] | None:
        return self._truth

    def performance(self) -> Performance | None:
        p50, p99 = self.frame_ms.at(0.5, 0.99)
        if p50 is None or p99 is None or self._status is None:
            return None
        return Performance(p50, p99, self._frames_per_s, self._status.frames_dropped)

    def faults(self) -> tuple[FaultRow, ...]:
        return tuple(map(_fault_row, self._status.faults)) if self._status else ()

    def alarms(self) -> AlarmDesk:
        return self._alarms

    def must_hold(self) -> bool:
        return self._must_hold

    def newest_picture(self) -> Picture | None:
        return self._window.newest()

    async def next_picture(self, after_seq: int) -> Picture:
        return await self._window.next(after_seq)

    async def give_order(self, order: Order, by: str) -> str | None:
        given = OrderGiven(next(self._number), order, by)
        refusal = await self._ask(given)
        kind = EventKind.order_taken if refusal is None else EventKind.order_refused
        at_ns = self._status.now_ns if self._status else 0
        self._store.note((Event(self._run, at_ns, kind, order.value, refusal or "", None, by),))
        return refusal

    def openings(self) -> Mapping[int, int]:
        return self._valves.openings

    def save_openings(self) -> None:
        """At the end of a run."""
        self._valves.save()

    def recipes(self) -> tuple[str, ...]:
        return () if self._shelf is None else self._shelf.names()

    async def set_recipe(self, name: str, by: str) -> str | None:
        if self._shelf is None:
            return marked("This station knows only one recipe.")
        try:
            recipe = self._shelf.load(name)
        except ConfigError as error:
            return str(error)
        refusal = await self._ask(RecipeGiven(next(self._number), recipe, by))
        if refusal is None:
            self._shelf.take(name)
        kind = EventKind.order_taken if refusal is None else EventKind.order_refused
        at_ns = self._status.now_ns if self._status else 0
        words = refusal or recipe.version
        self._store.note((Event(self._run, at_ns, kind, "recipe", words, None, by),))
        return refusal

    def mishaps(self) -> frozenset[Mishap]:
        return self._on

    async def set_mishap(self, mishap: Mishap, on: bool) -> str | None:
        if self._mishaps is None:
            return marked("Mishaps can be caused on a simulated line only.")
        self._mishaps(mishap, on)
        self._on = self._on | {mishap} if on else self._on - {mishap}
        return None

    def recording(self) -> RecorderNews | None:
        return None if self._post is None else self._post.news

    async def keep_this(self, by: str) -> str | None:
        return marked("This station records nothing.") if self._post is None else self._post.keep_this(by)

    async def _ask(self, given: OrderGiven | RecipeGiven) -> str | None:
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._answers[given.number] = answer
        try:
            if self._orders is None or not self._orders.send(given):
                return marked("The vision process is not running; wait a moment and try again.")
            return await asyncio.wait_for(answer, _ANSWER_S)
        except (TimeoutError, ConnectionError):
            return marked("The vision process does not answer; wait a moment and try again.")
        finally:
            del self._answers[given.number]

    def _settle(self, answer: OrderAnswer) -> None:
        waiting = self._answers.get(answer.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.refusal)

    def _take_status(self, status: Status) -> None:
        self._status = status
        if status.state in _HELD_AFTER or status.state is State.starting:
            self._must_hold = status.state in _HELD_AFTER
        self.tally.hear(status)
        paced = self._paced
        if paced is None or status.now_ns - paced.now_ns > 1_000_000_000:
            if paced is not None:
                self._frames_per_s = (status.frames - paced.frames) * 1e9 / (status.now_ns - paced.now_ns)
            self._paced = status
        self._note_faults({fault.code: fault for fault in status.faults}, status.now_ns)

    def _note_faults(self, faults: dict[str, ActiveFault], now_ns: int) -> None:
        events = [
            Event(self._run, fault.since_ns, EventKind.fault_raised, fault.code, fault.detail, fault.order, None)
            for code, fault in faults.items()
            if code not in self._known_faults
        ]
        events += [
            Event(self._run, now_ns, EventKind.fault_cleared, fault.code, fault.detail, fault.order, None)
            for code, fault in self._known_faults.items()
            if code not in faults
        ]
        self._known_faults = faults
        for event in events:
            is_new = event.kind is EventKind.fault_raised
            level, word = (logging.WARNING, "Fault") if is_new else (logging.INFO, "Over")
            _log.log(level, "%s (%s): %s %s", word, event.code, FAULTS[event.code].sentence, event.detail)
        if events:
            self._store.note(events)
            self._alarms.hear(events)


def _fault_row(active: ActiveFault) -> FaultRow:
    fault = FAULTS[active.code]
    return FaultRow(
        active.code,
        fault.sentence,
        active.detail,
        EFFECT_WORDS[fault.effect],
        fault.hint,
        active.since_ns,
        active.order,
        active.present,
    )
