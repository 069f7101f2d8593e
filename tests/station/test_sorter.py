"""Laws of the sorter, on a line on paper: conservation, stillness, wrap-around, lateness, safety."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from control.types import Outcome
from hil.types import MishapName
from station.types import Order, State
from tests.station.paper_line import PaperLine, PaperPiece

COPPER, STEEL, LITHIUM = range(3)


def feed(*labels: int, first_mm: float = 2600.0, gap_mm: float = 90.0) -> list[PaperPiece]:
    """Pieces that come when the belt has been purged after the start."""
    return [PaperPiece(first_mm + n * gap_mm, 100.0 + 137.0 * n % 600, label) for n, label in enumerate(labels)]


def outcomes(line: PaperLine) -> Counter[Outcome]:
    return Counter(record.outcome for record in line.records)


def test_copper_is_ejected_at_the_nozzle_and_steel_passes() -> None:
    pieces = feed(COPPER, STEEL, COPPER)
    line = PaperLine(pieces)
    line.run(6.0, Order.start)
    assert outcomes(line) == {Outcome.ejected: 2, Outcome.passed: 1}
    opened = [event for event in line.fired if event.on]
    for piece in (pieces[0], pieces[2]):
        hits = [e for e in opened if abs(e.pos_mm + e.speed_mm_s * 0.012 + 20 - 1000 - piece.at_mm) < 25]
        assert {e.output for e in hits} >= {int(piece.across_mm // 50)}


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    st.lists(st.tuples(st.floats(2000, 7000), st.floats(30, 770), st.integers(0, 1)), max_size=25),
    st.lists(
        st.tuples(
            st.floats(0.1, 1.5),
            st.sampled_from([None, *Order]),
            st.sampled_from([None, MishapName.estop, MishapName.guard_open, MishapName.air_low, MishapName.restart]),
        ),
        max_size=6,
    ),
)
def test_every_piece_seen_is_closed_exactly_once_whatever_happens(
    spots: list[tuple[float, float, int]], story: list[tuple[float, Order | None, MishapName | None]]
) -> None:
    line = PaperLine([PaperPiece(at, across, label) for at, across, label in spots])
    line.run(3.0, Order.start)
    for seconds, order, mishap in story:
        if mishap is not None:
            line.suffer(mishap, on=True)
        line.run(seconds, *([] if order is None else [order]))
        if mishap is not None:
            line.suffer(mishap, on=False)
    last = line.run(0.5)
    line.finish()
    ids = [record.piece.id for record in line.records]
    assert len(ids) == len(set(ids))
    assert len(ids) == line.sorter.status(line.now_ns).pieces >= last.status.pieces


def test_what_passes_before_the_belt_is_purged_is_counted_but_not_ejected() -> None:
    line = PaperLine(feed(COPPER, COPPER, first_mm=500.0))
    line.run(4.0, Order.start)
    assert [(r.outcome, r.reason, r.ejection) for r in line.records] == [(Outcome.passed, "bypass", None)] * 2
    assert not line.fired


def test_a_stop_order_cancels_at_once_what_was_planned() -> None:
    line = PaperLine(feed(*[COPPER] * 30))
    line.run(3.6, Order.start)
    planned = line.sorter.status(line.now_ns).open_pieces
    closed = len(line.records)
    line.run(0.01, Order.stop)
    assert len(line.records) - closed == planned
    assert outcomes(line)[Outcome.cancelled] > 0


def test_after_a_lost_controller_no_place_on_the_belt_is_believed_any_more() -> None:
    line = PaperLine(feed(*[STEEL] * 40))
    line.run(3.6, Order.start)
    line.is_silent = True
    line.run(0.1)
    known = line.sorter.status(line.now_ns).pieces
    line.is_silent = False
    line.run(0.02)
    assert len(line.records) == known > 5


def test_pieces_that_ran_past_everything_while_nobody_looked_are_recorded_too() -> None:
    line = PaperLine(feed(*[STEEL] * 17))
    line.run(3.6, Order.start)
    known = line.sorter.status(line.now_ns).pieces
    line.now_ns += 1_000_000_000
    line.run(0.5)
    line.finish()
    assert len(line.records) == line.sorter.status(line.now_ns).pieces == known == 17


def test_a_stopped_belt_stops_the_schedule_and_nothing_is_late() -> None:
    line = PaperLine(feed(COPPER, COPPER))
    line.run(3.1, Order.start)
    line.run(4.0, Order.pause)
    fired = len(line.fired)
    line.run(2.0)
    assert len(line.fired) == fired
    assert Outcome.late not in outcomes(line)


@pytest.mark.parametrize(("bits", "start"), [(16, 65_000), (16, 0), (32, 2**32 - 20_000), (32, 7)])
def test_a_counter_that_rolls_over_changes_nothing(bits: int, start: int) -> None:
    plain, wrapping = (
        PaperLine(feed(COPPER, STEEL)),
        PaperLine(feed(COPPER, STEEL), counter_bits=bits, start_count=start),
    )
    for line in (plain, wrapping):
        line.run(6.0, Order.start)
    assert [(r.piece.at, r.outcome, r.decision.outlet, r.ejection) for r in wrapping.records] == [
        (r.piece.at, r.outcome, r.decision.outlet, r.ejection) for r in plain.records
    ]
    assert [(e.output, e.on, e.t_ns) for e in wrapping.fired] == [(e.output, e.on, e.t_ns) for e in plain.fired]
    assert wrapping.fired


def test_an_ejection_without_slack_is_late_and_not_fired() -> None:
    line = PaperLine(feed(COPPER, COPPER), min_slack_ms=400.0)
    line.run(6.0, Order.start)
    assert outcomes(line) == {Outcome.late: 2}
    assert not line.fired
    assert all(record.slack_ms is not None and 0 < record.slack_ms < 400 for record in line.records)


@pytest.mark.parametrize("mishap", [MishapName.estop, MishapName.guard_open])
def test_nothing_is_fired_and_nothing_moves_after_a_stop_without_reset_and_start(mishap: MishapName) -> None:
    line = PaperLine(feed(*[COPPER] * 80))
    line.run(4.0, Order.start)
    line.suffer(mishap, on=True)
    line.run(1.8)
    line.suffer(mishap, on=False)
    line.run(0.5, Order.start)
    assert line.refusals
    fired, place = len(line.fired), line.belt.motion.pos_mm
    last = line.run(2.0)
    assert last.status.state in (State.estop, State.fault)
    assert (len(line.fired), line.belt.motion.pos_mm) == (fired, place)
    line.run(0.5, Order.reset)
    assert line.belt.motion.pos_mm == place
    line.run(5.0, Order.start)
    assert line.states[-1] is State.running
    assert len(line.fired) > fired


def test_low_air_bypasses_and_comes_back_by_itself() -> None:
    line = PaperLine(feed(*[COPPER] * 90))
    line.run(4.0, Order.start)
    line.suffer(MishapName.air_low, on=True)
    assert line.run(1.0).status.state is State.bypass
    fired = len(line.fired)
    line.run(1.0)
    assert len(line.fired) == fired
    line.suffer(MishapName.air_low, on=False)
    assert line.run(4.5).status.state is State.running
    assert len(line.fired) > fired
    assert any(record.degraded for record in line.records)


def test_a_computer_that_was_too_late_bypasses_for_a_moment_while_the_belt_runs_and_keeps_its_pieces() -> None:
    line = PaperLine(feed(*[COPPER] * 90))
    line.run(4.0, Order.start)
    known = line.sorter.status(line.now_ns).pieces
    line.is_late = True
    last = line.step(())
    line.is_late = False
    assert (last.status.state, last.command.run, last.command.armed) == (State.bypass, True, False)
    assert [fault.code for fault in last.status.faults] == ["orders-late"]
    assert last.status.pieces == known
    fired = len(line.fired)
    assert line.run(4.5).status.state is State.running
    assert len(line.fired) > fired


def test_a_hazard_is_never_ejected_and_stops_the_belt() -> None:
    line = PaperLine(feed(STEEL, LITHIUM, STEEL))
    last = line.run(6.0, Order.start)
    assert last.status.state is State.fault
    assert [fault.code for fault in last.status.faults] == ["hazard-found"]
    assert not line.fired
    assert line.belt.motion.speed_mm_s == 0


def test_a_lost_controller_is_a_fault_and_what_was_planned_is_cancelled() -> None:
    line = PaperLine(feed(*[COPPER] * 20))
    line.run(3.3, Order.start)
    line.is_silent = True
    last = line.run(0.3)
    assert last.status.state is State.fault
    assert outcomes(line)[Outcome.cancelled] > 0
    assert not last.command.run
    assert not last.command.armed


def test_a_controller_that_started_anew_begins_a_new_epoch() -> None:
    line = PaperLine(feed(*[COPPER] * 40), start_count=500_000)
    line.run(3.4, Order.start)
    line.suffer(MishapName.restart, on=True)
    line.run(0.2)
    line.finish()
    ids = [record.piece.id for record in line.records]
    assert len(ids) == len(set(ids))
    assert outcomes(line)[Outcome.cancelled] + outcomes(line)[Outcome.lost] > 0


def test_start_without_a_controller_is_refused_in_words() -> None:
    line = PaperLine([])
    line.is_silent = True
    line.run(0.1, Order.start)
    assert line.refusals == ["The controller does not answer. It closes all ejectors by itself."]


def test_the_same_inputs_give_the_same_outputs() -> None:
    first, second = (PaperLine(feed(COPPER, STEEL, COPPER)) for _ in range(2))
    for line in (first, second):
        line.run(6.0, Order.start)
    assert first.records == second.records
    assert first.states == second.states
