"""Laws of the state machine."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from station.state import POWERS, Facts, next_state
from station.types import Order, State

STATES = st.sampled_from(list(State))
ORDERS = st.none() | st.sampled_from(list(Order))
FACTS = st.builds(
    Facts,
    estop_ok=st.booleans(),
    stop=st.booleans(),
    stop_sentence=st.none() | st.just("Close the guard."),
    bypass=st.booleans(),
    pause=st.booleans(),
    ready=st.booleans(),
    connected=st.booleans(),
)
CALM = Facts(estop_ok=True, stop=False, stop_sentence=None, bypass=False, pause=False, ready=True, connected=True)
AT_REST = [state for state in State if not POWERS[state].run]


@given(STATES, FACTS, ORDERS)
def test_the_emergency_stop_wins_in_every_state(state: State, facts: Facts, order: Order | None) -> None:
    after, _ = next_state(state, facts._replace(estop_ok=False), order)
    assert after is State.estop
    assert not POWERS[after].run
    assert not POWERS[after].eject


@given(st.sampled_from(AT_REST), FACTS, ORDERS)
def test_nothing_moves_without_a_start_order(state: State, facts: Facts, order: Order | None) -> None:
    after, _ = next_state(state, facts, order)
    if POWERS[after].run:
        assert order is Order.start


@given(STATES, FACTS, ORDERS)
def test_no_order_leads_straight_to_ejecting(state: State, facts: Facts, order: Order | None) -> None:
    after, _ = next_state(state, facts, order)
    if POWERS[after].eject and after is not state:
        assert state in (State.starting, State.bypass)


@given(STATES, FACTS, st.sampled_from([None, Order.start, Order.pause, Order.stop]))
def test_a_fault_and_an_emergency_stop_stay_until_a_reset(state: State, facts: Facts, order: Order | None) -> None:
    for latched in (State.fault, State.estop):
        after, _ = next_state(latched, facts, order)
        assert after in (State.fault, State.estop)


@given(STATES, FACTS, st.sampled_from(list(Order)))
def test_a_refused_order_says_why_and_an_obeyed_stop_never_is_refused(state: State, facts: Facts, order: Order) -> None:
    after, refusal = next_state(state, facts, order)
    if refusal is not None:
        assert refusal.endswith(".")
        assert order is not Order.stop
    if order is Order.stop:
        assert not POWERS[after].run


@given(STATES, FACTS)
def test_a_stop_fault_takes_the_powers_away(state: State, facts: Facts) -> None:
    after, _ = next_state(state, facts._replace(stop=True, stop_sentence="Close the guard."), None)
    assert after in (State.fault, State.estop)


@pytest.mark.parametrize("state", [State.starting, State.running, State.bypass, State.paused])
def test_set_up_says_to_stop_the_line_first_and_begins_once_it_has_stopped(state: State) -> None:
    after, refusal = next_state(state, CALM, Order.setup)
    assert after is not State.setup
    assert refusal is not None
    assert "press Stop" in refusal
    stopped, _ = next_state(state, CALM, Order.stop)
    assert next_state(stopped, CALM, Order.setup) == (State.setup, None)


def test_reset_is_refused_while_the_cause_is_present() -> None:
    facts = CALM._replace(stop=True, stop_sentence="Close the guard.")
    assert next_state(State.fault, facts, Order.reset) == (State.fault, "Close the guard.")


def test_a_normal_day() -> None:
    state = State.idle
    for facts, order, expected in (
        (CALM._replace(ready=False), Order.start, State.starting),
        (CALM._replace(ready=False), None, State.starting),
        (CALM, None, State.running),
        (CALM._replace(bypass=True), None, State.bypass),
        (CALM, None, State.running),
        (CALM, Order.pause, State.paused),
        (CALM, Order.start, State.starting),
        (CALM, None, State.running),
        (CALM, Order.stop, State.idle),
    ):
        state, refusal = next_state(state, facts, order)
        assert (state, refusal) == (expected, None)


def test_start_is_refused_while_the_controller_is_not_connected() -> None:
    state, refusal = next_state(State.idle, CALM._replace(connected=False), Order.start)
    assert state is State.idle
    assert refusal == "The controller is not connected yet."
