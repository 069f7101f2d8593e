"""What kept the line from sorting, and whose cause it was: ours (held) or somebody else's (suspended)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from station.faults import FAULTS, Effect
from station.reporting.row import DowntimeKind
from station.types import ActiveFault, State, Status

# Words of PackML: what lies outside this machine suspends it, what lies in it holds it.
_OTHERS = frozenset({"air-low", "alarm-found", "estop", "guard-open", "hazard-found", "encoder-reversed"})
_CAUSES = {State.fault: Effect.stop, State.estop: Effect.stop, State.bypass: Effect.bypass, State.paused: Effect.pause}
_PRODUCING = frozenset({State.running, State.starting})
PERSON = "a person paused it"
NOT_STARTED = "not started"
IN_SETUP = "set-up"


class Moment(NamedTuple):
    """What is true from ``at_ns`` on. ``kind`` None: this is no downtime. ``faults`` are codes that mark a report."""

    at_ns: int
    state: State
    kind: DowntimeKind | None
    reason: str
    faults: tuple[str, ...]


class GivenReason(NamedTuple):
    """What a person says of the present downtime; it holds until sorting goes on."""

    kind: DowntimeKind
    reason: str


def moment_of(status: Status, *, is_working_time: bool, given: GivenReason | None = None) -> Moment:
    """``is_working_time``: a batch or a shift is open, so that standing still is downtime, too."""
    faults = tuple(sorted(fault.code for fault in status.faults if FAULTS[fault.code].effect is not Effect.note))
    if status.state in _PRODUCING or (status.state is State.idle and not is_working_time):
        return Moment(status.now_ns, status.state, None, "", faults)
    if given is not None:
        return Moment(status.now_ns, status.state, given.kind, given.reason, faults)
    kind, reason = _cause(status.state, status.faults)
    return Moment(status.now_ns, status.state, kind, reason, faults)


def fault_kind(code: str) -> DowntimeKind:
    """Whose cause a fault is."""
    return DowntimeKind.suspended if code in _OTHERS else DowntimeKind.held


def moment_values(moment: Moment) -> tuple[int, str, str | None, str, str]:
    """As the table keeps it."""
    kind = None if moment.kind is None else moment.kind.value
    return (moment.at_ns, moment.state.value, kind, moment.reason, json.dumps(moment.faults))


def _cause(state: State, faults: Sequence[ActiveFault]) -> tuple[DowntimeKind, str]:
    """The oldest fault that explains the state; without one a person did it."""
    effect = _CAUSES.get(state)
    codes = [fault.code for fault in faults if FAULTS[fault.code].effect is effect]
    if codes:
        return fault_kind(codes[0]), codes[0]
    words = {State.idle: NOT_STARTED, State.setup: IN_SETUP, State.estop: "estop"}
    return DowntimeKind.suspended, words.get(state, PERSON)
