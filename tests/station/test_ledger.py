"""The ledger keeps the conservation law."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from control.types import Decision, Ejection, Outcome, Reason, ShotReport, ShotResult
from station.ledger import Entry, Ledger, Provenance
from vision.types import Evidence, Piece

WHERE = Provenance("run", "recipe 1", "model 1")


def piece(id_: int, at: int = 0) -> Piece:
    return Piece(id_, at, 400.0, 390.0, 410.0, 20.0, 300.0, False, 3, Evidence(1, (0.0,)))


def entry(id_: int, reason: Reason = Reason.rule, *, shot: bool = True, at: int = 0) -> Entry:
    outlet = "copper" if reason is Reason.rule else None
    ejection = Ejection(id_, 1, at + 100, at + 120) if shot and outlet else None
    return Entry(piece(id_, at), (1.0,), Decision(id_, "CU-NO2", 0.9, outlet, reason), ejection, 200.0, False, "r1")


@given(
    st.lists(st.tuples(st.sampled_from(list(Reason)), st.booleans(), st.none() | st.sampled_from(list(ShotResult)))),
    st.integers(0, 3000),
)
def test_every_entered_piece_gets_exactly_one_record(
    stories: list[tuple[Reason, bool, ShotResult | None]], tick: int
) -> None:
    ledger = Ledger(WHERE, 1000)
    for n, (reason, shot, result) in enumerate(stories):
        ledger.enter(entry(n, reason, shot=shot, at=n * 7))
        if result is not None:
            ledger.report([ShotReport(n, result, 5), ShotReport(n, ShotResult.late, 6)])
    closed = ledger.close(tick, 1) + ledger.close(tick, 2) + ledger.cancel(3)
    assert sorted(record.piece.id for record in closed) == list(range(len(stories)))
    assert len(ledger) == 0


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (ShotResult.fired, Outcome.ejected),
        (ShotResult.late, Outcome.late),
        (ShotResult.faulted, Outcome.cancelled),
        (ShotResult.ignored, Outcome.cancelled),
        (None, Outcome.lost),
    ],
)
def test_the_shot_report_decides_how_a_planned_piece_ended(result: ShotResult | None, outcome: Outcome) -> None:
    ledger = Ledger(WHERE, 1000)
    ledger.enter(entry(1))
    ledger.report([] if result is None else [ShotReport(1, result, 5)])
    assert [record.outcome for record in ledger.close(1000, 1)] == [outcome]


def test_a_piece_without_slack_is_late_and_one_below_its_confidence_is_unsure() -> None:
    ledger = Ledger(WHERE, 1000)
    ledger.enter(entry(1, shot=False))
    ledger.enter(entry(2, Reason.unsure))
    ledger.enter(entry(3, Reason.rest))
    assert [record.outcome for record in ledger.close(1000, 1)] == [Outcome.late, Outcome.unsure, Outcome.passed]


def test_a_piece_is_not_closed_before_it_has_fallen() -> None:
    ledger = Ledger(WHERE, 1000)
    ledger.enter(entry(1, at=500))
    assert ledger.close(1499, 1) == ()
    assert len(ledger.close(1500, 2)) == 1


def test_a_stranger_s_report_changes_nothing_and_the_first_report_counts() -> None:
    ledger = Ledger(WHERE, 1000)
    ledger.enter(entry(1))
    ledger.report([ShotReport(99, ShotResult.fired, 5), ShotReport(1, ShotResult.late, 5)])
    ledger.report([ShotReport(1, ShotResult.fired, 6)])
    (record,) = ledger.cancel(1)
    assert record.report == ShotReport(1, ShotResult.late, 5)


def test_deciding_a_piece_twice_is_an_error() -> None:
    ledger = Ledger(WHERE, 1000)
    ledger.enter(entry(1))
    with pytest.raises(ValueError, match="twice"):
        ledger.enter(entry(1))
