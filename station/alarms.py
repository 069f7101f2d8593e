"""Alarms: every fault as something people have to know of, acknowledge, or shelve for a while.

An alarm lasts as long as its fault and beyond that until somebody has acknowledged it. The book knows only what lines
of the event log tell it, the same ones when they happen and after a restart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from station.faults import FAULTS, Effect
from station.marked import marked
from station.store_rows import EventKind

SHORTEST_SHELF_MIN, LONGEST_SHELF_MIN = 5, 480
NS_PER_MIN = 60_000_000_000
_HAZARDS = frozenset({"hazard-found", "hazard-waiting", "alarm-found"})
_WORST_FIRST = tuple(reversed(Effect))


class AlarmEvent(NamedTuple):
    """A line of the event log about alarms. ``at_ns`` is UTC; a shelf's ``detail`` is the UTC instant of its end."""

    run: str
    at_ns: int
    kind: EventKind
    code: str
    detail: str = ""
    order: int | None = None
    by: str | None = None


class Act(NamedTuple):
    """What a person did, and when (UTC)."""

    by: str
    at_ns: int


class Shelf(NamedTuple):
    """Out of sight until ``until_ns`` (UTC), because ``by`` wanted it."""

    by: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """``began_ns`` is UTC and that of the first of ``times`` that nobody has acknowledged; ``ended_ns`` None: its fault
    is there, or latched."""

    code: str
    detail: str
    began_ns: int
    order: int
    times: int = 1
    ended_ns: int | None = None
    acknowledged: Act | None = None

    @property
    def effect(self) -> Effect:
        return FAULTS[self.code].effect


class AlarmBook:
    """All alarms that somebody has still to care about."""

    def __init__(self, past: Iterable[AlarmEvent] = ()) -> None:
        """``past`` are events of runs before this one, oldest first; none of their faults is there any more."""
        self._alarms: dict[str, Alarm] = {}
        self._shelves: dict[str, Shelf] = {}
        self._run = ""
        at_ns = 0
        for event in past:
            self.hear(event)
            at_ns = event.at_ns
        self._end_all(at_ns)

    def hear(self, event: AlarmEvent) -> None:
        """Take a line of the log; what no fault of today's table is called is passed over."""
        if event.run != self._run:
            self._end_all(event.at_ns)
            self._run = event.run
        if event.code not in FAULTS:
            return
        match event.kind:
            case EventKind.fault_raised:
                self._raise(event)
            case EventKind.fault_cleared:
                self._end(event.code, event.at_ns)
            case EventKind.alarm_acknowledged:
                self._acknowledge(event.code, Act(event.by or "", event.at_ns))
            case EventKind.alarm_shelved:
                self._shelves[event.code] = Shelf(event.by or "", int(event.detail))
            case EventKind.alarm_unshelved:
                self._shelves.pop(event.code, None)

    def alarms(self, now_ns: int) -> tuple[Alarm, ...]:
        """In sight: what nobody has acknowledged first, then the worst effect, then the oldest."""
        shelved = self.shelves(now_ns)
        found = [alarm for alarm in self._alarms.values() if alarm.code not in shelved]
        return tuple(sorted(found, key=_urgency))

    def shelves(self, now_ns: int) -> dict[str, Shelf]:
        """By code, those whose time is not over."""
        return {code: shelf for code, shelf in self._shelves.items() if shelf.until_ns > now_ns}

    def first_out(self) -> str | None:
        """The code of the fault that came first of those with the worst effect there is now."""
        active = [alarm for alarm in self._alarms.values() if alarm.ended_ns is None]
        return min(active, key=lambda alarm: (_WORST_FIRST.index(alarm.effect), alarm.order)).code if active else None

    def to_acknowledge(self, code: str | None) -> tuple[str, ...]:
        """Codes that wait for a person: this one, or with None all that are there."""
        waiting = [alarm.code for alarm in self._alarms.values() if alarm.acknowledged is None]
        return tuple(name for name in waiting if code in (None, name))

    def _raise(self, event: AlarmEvent) -> None:
        known = self._alarms.get(event.code)
        fresh = Alarm(event.code, event.detail, event.at_ns, event.order or 0)
        if known is None or known.acknowledged is not None:
            self._alarms[event.code] = fresh
        else:
            self._alarms[event.code] = replace(fresh, began_ns=known.began_ns, times=known.times + 1)

    def _end(self, code: str, at_ns: int) -> None:
        alarm = self._alarms.get(code)
        if alarm is not None and alarm.acknowledged is not None:
            del self._alarms[code]
        elif alarm is not None and alarm.ended_ns is None:
            self._alarms[code] = replace(alarm, ended_ns=at_ns)

    def _end_all(self, at_ns: int) -> None:
        for code in tuple(self._alarms):
            self._end(code, at_ns)

    def _acknowledge(self, code: str, act: Act) -> None:
        alarm = self._alarms.get(code)
        if alarm is None:
            return
        if alarm.ended_ns is None:
            self._alarms[code] = replace(alarm, acknowledged=alarm.acknowledged or act)
        else:
            del self._alarms[code]


def refuse_shelf(code: str, minutes: int) -> str | None:
    """Why this may not be put out of sight; None when it may."""
    if code not in FAULTS:
        return marked("There is no such alarm.")
    if FAULTS[code].effect is Effect.stop:
        return marked("What stops the belt cannot be shelved.")
    if code in _HAZARDS:
        return marked("A hazard cannot be shelved.")
    if not SHORTEST_SHELF_MIN <= minutes <= LONGEST_SHELF_MIN:
        return marked("An alarm is shelved for 5 minutes to 8 hours.")
    return None


def may_be_shelved(code: str) -> bool:
    return refuse_shelf(code, SHORTEST_SHELF_MIN) is None


class PastAlarm(NamedTuple):
    """One raising of a fault, as the log tells it: instants are UTC, None where the log does not say."""

    code: str
    detail: str
    raised_ns: int
    order: int | None
    cleared_ns: int | None = None
    acknowledged: Act | None = None
    shelved: Act | None = None


def past_alarms(events: Iterable[AlarmEvent]) -> tuple[PastAlarm, ...]:
    """What became of every raising, newest first; ``events`` oldest first."""
    found: list[PastAlarm] = []
    of_code: dict[str, list[int]] = {}
    for event in events:
        own = of_code.setdefault(event.code, [])
        if event.kind is EventKind.fault_raised:
            own.append(len(found))
            found.append(PastAlarm(event.code, event.detail, event.at_ns, event.order))
        elif own and event.kind is EventKind.fault_cleared:
            found[own[-1]] = found[own[-1]]._replace(cleared_ns=event.at_ns)
        elif own and event.kind is EventKind.alarm_shelved:
            found[own[-1]] = found[own[-1]]._replace(shelved=Act(event.by or "", event.at_ns))
        elif event.kind is EventKind.alarm_acknowledged:
            for place in own:
                if found[place].acknowledged is None:
                    found[place] = found[place]._replace(acknowledged=Act(event.by or "", event.at_ns))
    return tuple(reversed(found))


def _urgency(alarm: Alarm) -> tuple[bool, bool, int, int]:
    return (
        alarm.acknowledged is not None,
        alarm.ended_ns is not None,
        _WORST_FIRST.index(alarm.effect),
        alarm.began_ns,
    )
