"""The desk of alarms in the parent process: told what happens, asked by the page, everything noted in the event log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from station.alarms import NS_PER_MIN, Alarm, AlarmBook, AlarmEvent, Shelf, may_be_shelved, refuse_shelf
from station.faults import EFFECT_WORDS, FAULTS
from station.marked import marked
from station.store_rows import Event, EventKind


class ShownAlarm(NamedTuple):
    """An alarm in words; ``since_s`` and ``over_s`` are seconds ago, ``over_s`` None while it lasts."""

    code: str
    number: int
    sentence: str
    detail: str
    effect: str
    severity: str
    hint: str
    since_s: float
    over_s: float | None
    times: int
    is_first: bool
    may_be_shelved: bool
    acknowledged_by: str | None
    acknowledged_s: float | None


class ShownShelf(NamedTuple):
    """A shelved alarm; ``left_s`` until it comes back by itself."""

    code: str
    sentence: str
    by: str
    left_s: float


class AlarmDesk:
    """Everything answers at once; what is done goes into the event log through ``note``."""

    def __init__(
        self,
        run: str,
        utc_offset_ns: int,
        note: Callable[[Iterable[Event]], object],
        now_ns: Callable[[], int],
        past: Iterable[AlarmEvent] = (),
    ) -> None:
        """``now_ns`` is monotonic; ``utc_offset_ns`` turns it into UTC; ``past`` is what earlier runs left behind."""
        self._run = run
        self._offset_ns = utc_offset_ns
        self._note = note
        self._now_ns = now_ns
        self._book = AlarmBook(past)

    def hear(self, events: Iterable[Event]) -> None:
        """Faults that came or went; whoever found them has noted them."""
        for event in events:
            at_ns = event.at_ns + self._offset_ns
            self._book.hear(
                AlarmEvent(event.run, at_ns, event.kind, event.code, event.detail, event.first_out, event.by)
            )

    def shown(self) -> tuple[ShownAlarm, ...]:
        """The most urgent first."""
        now_ns, first = self._utc_ns(), self._book.first_out()
        return tuple(_shown(alarm, now_ns, first) for alarm in self._book.alarms(now_ns))

    def shelved(self) -> tuple[ShownShelf, ...]:
        """The first to come back first."""
        now_ns = self._utc_ns()
        found = sorted(self._book.shelves(now_ns).items(), key=lambda item: item[1].until_ns)
        return tuple(_shelf(code, shelf, now_ns) for code, shelf in found)

    def acknowledge(self, code: str | None, by: str) -> str | None:
        """One alarm, or all with None: None when it was done, else the sentence that says why not."""
        codes = self._book.to_acknowledge(code)
        if code is not None and not codes:
            return marked("That alarm is acknowledged already, or is not there.")
        self._do(EventKind.alarm_acknowledged, codes, by)
        return None

    def shelve(self, code: str, minutes: int, by: str) -> str | None:
        """It comes back by itself."""
        refusal = refuse_shelf(code, minutes)
        if refusal is None:
            self._do(EventKind.alarm_shelved, (code,), by, str(self._utc_ns() + minutes * NS_PER_MIN))
        return refusal

    def unshelve(self, code: str, by: str) -> str | None:
        """Before its time."""
        if code not in self._book.shelves(self._utc_ns()):
            return marked("That alarm is not on the shelf.")
        self._do(EventKind.alarm_unshelved, (code,), by)
        return None

    def _do(self, kind: EventKind, codes: Iterable[str], by: str, detail: str = "") -> None:
        events = [Event(self._run, self._now_ns(), kind, code, detail, None, by) for code in codes]
        self._note(events)
        self.hear(events)

    def _utc_ns(self) -> int:
        return self._now_ns() + self._offset_ns


def _shown(alarm: Alarm, now_ns: int, first: str | None) -> ShownAlarm:
    fault, act, ended_ns = FAULTS[alarm.code], alarm.acknowledged, alarm.ended_ns
    return ShownAlarm(
        code=alarm.code,
        number=fault.number,
        sentence=fault.sentence,
        detail=alarm.detail,
        effect=EFFECT_WORDS[fault.effect],
        severity=fault.effect,
        hint=fault.hint,
        since_s=_ago_s(alarm.began_ns, now_ns),
        over_s=None if ended_ns is None else _ago_s(ended_ns, now_ns),
        times=alarm.times,
        is_first=ended_ns is None and alarm.code == first,
        may_be_shelved=may_be_shelved(alarm.code),
        acknowledged_by=None if act is None else act.by,
        acknowledged_s=None if act is None else _ago_s(act.at_ns, now_ns),
    )


def _shelf(code: str, shelf: Shelf, now_ns: int) -> ShownShelf:
    return ShownShelf(code, FAULTS[code].sentence, shelf.by, round((shelf.until_ns - now_ns) / 1e9, 1))


def _ago_s(at_ns: int, now_ns: int) -> float:
    return round(max(0, now_ns - at_ns) / 1e9, 1)
