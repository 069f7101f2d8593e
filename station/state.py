"""The station's states: two tables and one pure function.

What a state lets the machine do is one table, what a person may order in it the other. The emergency stop wins over
everything, a latched fault over everything else, and nothing leaves either without a person's reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from station.marked import marked
from station.types import Order, State


class Powers(NamedTuple):
    """What the machine may do in a state, what decisions mean in it, and the PackML state number shown beside it."""

    run: bool
    eject: bool
    packml: int
    sentence: str


POWERS: Mapping[State, Powers] = {
    State.idle: Powers(False, False, 4, marked("Ready. Press Start.")),
    State.starting: Powers(True, False, 3, marked("Starting: the belt is being cleared of pieces that were not seen.")),
    State.running: Powers(True, True, 6, marked("Sorting.")),
    State.bypass: Powers(True, False, 16, marked("Not sorting: pieces pass and are counted as unsorted.")),
    State.paused: Powers(False, False, 11, marked("Paused. Press Start to go on.")),
    State.setup: Powers(False, False, 17, marked("A technician is at work.")),
    State.fault: Powers(False, False, 9, marked("Stopped by a fault. Remove its cause, then reset.")),
    State.estop: Powers(False, False, 8, marked("Emergency stop. Release it, then reset.")),
}


class Facts(NamedTuple):
    """What the state machine needs to know. ``stop`` is a latched or present stop fault, ``stop_sentence`` its words
    while it is present; ``ready`` means clocks locked, model warm and the belt cleared."""

    estop_ok: bool
    stop: bool
    stop_sentence: str | None
    bypass: bool
    pause: bool
    ready: bool
    connected: bool


ORDERS: Mapping[tuple[State, Order], State] = {
    (State.idle, Order.start): State.starting,
    (State.paused, Order.start): State.starting,
    (State.starting, Order.stop): State.idle,
    (State.starting, Order.pause): State.paused,
    (State.running, Order.pause): State.paused,
    (State.running, Order.stop): State.idle,
    (State.bypass, Order.pause): State.paused,
    (State.bypass, Order.stop): State.idle,
    (State.paused, Order.stop): State.idle,
    (State.idle, Order.setup): State.setup,
    (State.setup, Order.stop): State.idle,
    (State.fault, Order.reset): State.idle,
    (State.estop, Order.reset): State.idle,
}

NOT_CONNECTED = marked("The controller is not connected yet.")
_NOT_STOPPED = marked("The line is not stopped: press Stop on the page Line, then begin set-up.")
_REFUSALS: Mapping[State, str] = {
    State.idle: marked("The station is ready; only Start has a meaning now."),
    State.starting: marked("The station is already starting."),
    State.running: marked("The station is already sorting."),
    State.bypass: marked("The station runs in bypass and returns to sorting by itself."),
    State.paused: marked("The station is paused; press Start or Stop."),
    State.setup: marked("A technician is at work; leave set-up first."),
    State.fault: marked("A fault is latched: remove its cause and press Reset first."),
    State.estop: marked("The emergency stop was pressed: release it and press Reset first."),
}


def next_state(state: State, facts: Facts, order: Order | None) -> tuple[State, str | None]:
    """The state after these facts and this order, and the sentence that refuses the order (None when it was taken)."""
    forced = _forced(state, facts)
    if forced is not None:
        return forced, None if order in (None, Order.stop) else _refuse_forced(facts, forced)
    if order is None:
        return _by_itself(state, facts), None
    target = ORDERS.get((state, order))
    refusal = None if order is Order.stop else _refusal(state, order, target, facts)
    if target is None or refusal is not None:
        return _by_itself(state, facts), refusal
    return target, None


def _refusal(state: State, order: Order, target: State | None, facts: Facts) -> str | None:
    if target is None:
        return _NOT_STOPPED if order is Order.setup and (state, Order.stop) in ORDERS else _REFUSALS[state]
    if target is State.starting and not facts.connected:
        return NOT_CONNECTED
    if target is State.starting and facts.pause:
        return marked("Records cannot be written: free disk space first.")
    return None


def _forced(state: State, facts: Facts) -> State | None:
    """The state that interlocks and stop faults force, or None. A reset is possible once nothing bad is present."""
    if not facts.estop_ok:
        return State.estop
    if state is State.estop:
        return State.estop if facts.stop_sentence else None
    if facts.stop and state is not State.fault:
        return State.fault
    return State.fault if facts.stop_sentence else None


def _refuse_forced(facts: Facts, forced: State) -> str:
    return facts.stop_sentence or _REFUSALS[forced]


def _by_itself(state: State, facts: Facts) -> State:
    if state is State.starting and facts.ready:
        return State.bypass if facts.bypass else State.running
    if state in (State.running, State.bypass, State.starting) and facts.pause:
        return State.paused
    if state is State.running and facts.bypass:
        return State.bypass
    if state is State.bypass and not facts.bypass:
        return State.running
    return state
