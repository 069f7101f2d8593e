"""The cheapest mistake is made, and sorting to grade raises the threshold no further than it must."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.grade import Grader
from control.rules import candidate, decide, expected_cost
from control.types import Cost, Reason, Recipe, Rule
from tests.control.yard import make_piece

LABELS = ("CU-NO2", "BRASS-YEL", "FE-SHRED", "BAT-LI")
RECIPE = Recipe(
    "costs", "1", "rest", (Rule(("CU-NO2",), "copper", 0.1), Rule(("BRASS-YEL",), "brass", 0.1)), ("BAT-LI",), 0.5
)

shares = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda s: sum(s) > 0.1)
prices = st.lists(
    st.builds(Cost, st.sampled_from(["copper", "brass", "rest"]), st.sampled_from(LABELS), st.floats(0, 20)),
    max_size=8,
    unique_by=lambda cost: cost[:2],
).map(tuple)


def normalise(raw: list[float]) -> tuple[float, ...]:
    return tuple(share / sum(raw) for share in raw)


@pytest.mark.parametrize(("steel_in_copper", "outlet"), [(1.0, "copper"), (1.4, "copper"), (1.6, None), (9.0, None)])
def test_copper_into_steel_is_not_steel_into_copper(steel_in_copper: float, outlet: str | None) -> None:
    recipe = replace(RECIPE, costs=(Cost("copper", "FE-SHRED", steel_in_copper),))

    decision = decide(make_piece(), LABELS, (0.6, 0.0, 0.4, 0.0), recipe)

    assert decision.outlet == outlet
    assert decision.reason is (Reason.unsure if outlet is None else Reason.rule)


def test_a_dear_loss_is_ejected_although_something_else_is_likelier() -> None:
    recipe = replace(RECIPE, costs=(Cost("rest", "CU-NO2", 3.0),))

    assert decide(make_piece(), LABELS, (0.4, 0.0, 0.6, 0.0), recipe).outlet == "copper"
    assert decide(make_piece(), LABELS, (0.4, 0.0, 0.6, 0.0), RECIPE).outlet is None


@given(raw=shares, costs=prices)
def test_no_other_outlet_would_have_been_cheaper(raw: list[float], costs: tuple[Cost, ...]) -> None:
    recipe = replace(RECIPE, costs=costs)
    scores = dict(zip(LABELS, normalise(raw), strict=True))

    rule = candidate(scores, recipe)

    chosen = expected_cost(scores, None if rule is None else rule.outlet, recipe)
    assert chosen <= min(expected_cost(scores, outlet, recipe) for outlet in ("copper", "brass", None))


@given(raw=shares, costs=prices)
def test_whatever_mistakes_cost_a_likely_hazard_is_never_ejected(raw: list[float], costs: tuple[Cost, ...]) -> None:
    posterior = normalise(raw)
    recipe = replace(RECIPE, costs=costs)

    decision = decide(make_piece(), LABELS, posterior, recipe)

    if posterior[3] >= 0.25:
        assert decision.outlet is None
        assert expected_cost(dict(zip(LABELS, posterior, strict=True)), "copper", recipe) == math.inf


@pytest.mark.parametrize(("hazard", "outlet", "reason"), [
    (0.24, "copper", Reason.rule), (0.25, None, Reason.unsure), (0.49, None, Reason.unsure), (0.5, None, Reason.hazard)
])  # fmt: skip
def test_the_ejectors_keep_off_at_half_the_confidence_that_stops_the_belt(
    hazard: float, outlet: str | None, reason: Reason
) -> None:
    decision = decide(make_piece(), LABELS, (1 - hazard, 0.0, 0.0, hazard), RECIPE)

    assert (decision.outlet, decision.reason) == (outlet, reason)


def graded(purity: float, most: float = 0.95) -> Recipe:
    return replace(RECIPE, rules=(Rule(("CU-NO2",), "copper", 0.6, purity, most),))


def test_without_a_target_no_threshold_moves() -> None:
    grader = Grader(RECIPE)
    for _ in range(50):
        grader.see({"CU-NO2": 0.61, "FE-SHRED": 0.39})

    assert (grader.grades, dict(grader.thresholds)) == ((), {})


def test_the_threshold_rises_until_the_estimated_purity_meets_the_target() -> None:
    grader = Grader(graded(0.9))
    for n in range(40):
        sure = 0.98 if n % 2 else 0.7
        grader.see({"CU-NO2": sure, "FE-SHRED": 1 - sure})

    (grade,) = grader.grades
    assert (grade.outlet, grade.target, grade.met) == ("copper", 0.9, True)
    assert 0.7 < grade.threshold <= 0.98
    assert grade.estimated == pytest.approx(0.98)
    assert decide(make_piece(), LABELS, (0.75, 0.0, 0.25, 0.0), graded(0.9), grader.thresholds).outlet is None
    assert decide(make_piece(), LABELS, (0.99, 0.0, 0.01, 0.0), graded(0.9), grader.thresholds).outlet == "copper"


def test_a_grade_that_cannot_be_reached_stops_at_the_highest_threshold_allowed() -> None:
    grader = Grader(graded(0.99, most=0.8))
    for _ in range(40):
        grader.see({"CU-NO2": 0.85, "FE-SHRED": 0.15})

    (grade,) = grader.grades
    assert (grade.threshold, grade.met) == (0.8, False)


def test_the_threshold_falls_again_when_the_feed_gets_cleaner() -> None:
    grader = Grader(graded(0.9))
    for sure in [0.7] * 300 + [0.97] * 300:
        grader.see({"CU-NO2": sure, "FE-SHRED": 1 - sure})

    assert grader.grades[0].threshold == 0.6


@given(
    seen=st.lists(st.floats(0.5, 1), min_size=20, max_size=60),
    purity=st.floats(0.6, 0.999),
    most=st.floats(0.6, 0.99),
)
def test_a_met_grade_is_met_by_the_pieces_it_lets_through(seen: list[float], purity: float, most: float) -> None:
    grader = Grader(graded(purity, most))
    for sure in seen:
        grader.see({"CU-NO2": sure, "FE-SHRED": (1 - sure) / 2, "BRASS-YEL": (1 - sure) / 2})

    (grade,) = grader.grades
    through = [sure for sure in seen if sure > 0.5 and sure >= grade.threshold]
    assert 0.6 <= grade.threshold <= max(0.6, most)
    if grade.met and grade.estimated is not None:
        assert sum(through) / len(through) >= purity - 1e-9
