"""Purity, recovery and cost from pieces whose fate is written down by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.types import Outcome, Reason, Recipe, Rule
from station.training.metrics import wilson
from station.types import PieceRecord
from station.whatif.costs import CostTable
from station.whatif.rerun import Origin
from station.whatif.score import Judged, Known, Reference, Share, decided_then, judge, matched, scored, truth
from tests.station.whatif.tried import recorded
from vision.labels import NOTHING, WORLD, Label

RECIPE = Recipe("r", "1", "rest", (Rule(("CU",), "copper", 0.6), Rule(("BR",), "brass", 0.6)), (), 0.5)
COSTS = CostTable({}, {})
TICKS = 10.0


def record(at_mm: float, outlet: str | None, *, outcome: Outcome | None = None, id_: int = 1) -> PieceRecord:
    """A piece at that place, ejected into ``outlet``, else passed."""
    some = next(iter(recorded().pieces()))
    how = outcome or (Outcome.passed if outlet is None else Outcome.ejected)
    piece = replace(some.piece, id=id_, at=round(at_mm * TICKS), across_mm=100.0)
    decision = some.decision._replace(piece_id=id_, outlet=outlet, reason=Reason.rule if outlet else Reason.rest)
    return replace(some, piece=piece, decision=decision, outcome=how)


def reference(*names: tuple[float, str], complete: bool = True) -> Reference:
    return Reference(tuple(Known(at_mm * TICKS, 100.0, name) for at_mm, name in names), True, complete)


def judged(records: list[PieceRecord], known: Reference) -> tuple[Judged, ...]:
    return judge(records, known, RECIPE, TICKS)


def test_purity_counts_what_is_in_an_outlet_and_recovery_what_belongs_there() -> None:
    records = [
        record(0, "copper"),
        record(200, "copper"),
        record(400, None),
        record(600, "brass"),
        record(800, None),
    ]
    known = reference((0, "CU"), (200, "BR"), (400, "CU"), (600, "BR"), (800, "FE"))
    score = scored(judged(records, known), ("copper", "brass"), "rest", COSTS)
    assert score.outlets["copper"].purity == Share(1, 2)
    assert score.outlets["copper"].recovery == Share(1, 2)
    assert score.outlets["brass"].purity == Share(1, 1)
    assert score.outlets["brass"].recovery == Share(1, 2)
    assert score.outlets["rest"].purity == Share(1, 2)
    assert (score.missed, score.cost, score.shots) == ({"passed": 1}, 2.0, 3)


def test_a_piece_nobody_saw_lies_in_the_rest_and_is_missed() -> None:
    records = [record(0, None), record(900, None)]
    known = reference((0, "FE"), (450, "CU"), (900, "FE"), (5000, "CU"))
    score = scored(judged(records, known), ("copper", "brass"), "rest", COSTS)
    assert score.missed == {"unseen": 1}
    assert score.outlets["rest"].purity == Share(2, 3)
    assert score.outlets["copper"].recovery == Share(0, 1)


def test_air_shot_at_nothing_spoils_an_outlet_only_where_the_labels_are_complete() -> None:
    records = [record(0, "copper"), record(300, "copper"), record(600, None)]
    for complete, inside in ((True, 2), (False, 1)):
        known = reference((0, "CU"), complete=complete)
        score = scored(judged(records, known), ("copper", "brass"), "rest", COSTS)
        assert score.outlets["copper"].purity == Share(1, inside)
    said = scored(judged(records, reference((0, "CU"), (300, NOTHING), complete=False)), ("copper",), "rest", COSTS)
    assert said.outlets["copper"].purity == Share(1, 2)


def test_a_late_shot_is_a_missed_piece_and_counted_as_late() -> None:
    score = scored(
        judged([record(0, "copper", outcome=Outcome.late)], reference((0, "CU"))), ("copper",), "rest", COSTS
    )
    assert (score.late, score.missed) == (1, {"late": 1})


def test_a_recipe_may_say_what_a_mistake_costs_by_class_or_by_family() -> None:
    costs = CostTable({"copper": {"BAT": 50.0, "steel": 2.0}, "rest": {"CU": 3.0}}, {"FE": "steel"})
    assert costs.of("copper", "rest", "BAT") == 50.0
    assert costs.of("copper", "rest", "FE") == 2.0
    assert costs.of("rest", "copper", "CU") == 3.0
    assert costs.of("rest", "brass", "BR") == 1.0
    assert costs.of("brass", "brass", "BR") == 0.0


def test_without_labels_the_recorded_decisions_are_their_own_reference() -> None:
    records = [record(0, "copper"), record(300, None)]
    known = decided_then(records, "rest")
    score = scored(judge(records, known, RECIPE, TICKS), ("copper", "brass"), "rest", COSTS)
    assert score.outlets["copper"].purity == score.outlets["copper"].recovery == Share(1, 1)
    assert score.cost == 0


def test_pieces_are_paired_one_to_one_with_the_nearest() -> None:
    records = [record(0, None), record(30, None), record(500, None)]
    known = [Known(20 * TICKS, 100.0, "a"), Known(31 * TICKS, 100.0, "b"), Known(545 * TICKS, 100.0, "c")]
    assert matched(records, known, TICKS) == {0: 0, 1: 1}


def test_labels_of_the_whole_belt_find_their_place_in_a_part_of_it_beyond_a_turn_of_the_counter() -> None:
    labels = [Label(2**32 + 5_000, 1.0, 0, 0, "CU", WORLD, ""), Label(2**32 + 9_000, 1.0, 0, 0, "CU", "me", "")]
    for origin in (Origin(1_000, 0), Origin(1_000, 70_000)):
        found = truth(labels, origin, 32, TICKS, origin.tick + 20_000)
        assert [known.tick - origin.tick for known in found.known] == [4_000, 8_000]
        assert not found.complete


@given(n=st.integers(1, 3000), share=st.floats(0, 1))
def test_intervals_are_those_of_wilson_and_hold_the_share(n: int, share: float) -> None:
    right = round(n * share)
    found = Share(right, n)
    assert found.interval is not None
    assert found.interval == pytest.approx(wilson(right, n), abs=1e-9)
    assert found.interval[0] - 1e-9 <= right / n <= found.interval[1] + 1e-9


def test_nothing_has_no_share() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval is None
