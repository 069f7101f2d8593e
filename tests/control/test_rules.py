"""What the recipe says is what happens, and a hazard never meets an ejector."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.rules import decide
from control.types import Reason, Recipe, Rule
from tests.control.yard import make_piece

LABELS = ("CU-NO2", "BRASS-YEL", "AL-CAST", "AL-WROUGHT", "FE-SHRED", "BAT-LI")
COPPER = Rule(("CU-NO2",), "copper", 0.7)
ALUMINIUM = Rule(("AL-CAST", "AL-WROUGHT"), "aluminium", 0.7)
RECIPE = Recipe("mixed", "1", "rest", (COPPER, ALUMINIUM), ("BAT-LI",), 0.5)

shares = st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(lambda s: sum(s) > 0.1)
rules = st.lists(
    st.builds(
        Rule,
        st.lists(st.sampled_from(LABELS), min_size=1, max_size=4, unique=True).map(tuple),
        st.sampled_from(["copper", "aluminium", "quarantine", "rest"]),
        st.floats(0, 1),
    ),
    max_size=4,
)


def normalise(raw: list[float]) -> list[float]:
    return [share / sum(raw) for share in raw]


def test_a_sure_piece_goes_where_its_rule_says() -> None:
    decision = decide(make_piece(), LABELS, (0.9, 0.02, 0.02, 0.02, 0.02, 0.02), RECIPE)

    assert (decision.piece_id, decision.label, decision.outlet, decision.reason) == (7, "CU-NO2", "copper", Reason.rule)
    assert decision.confidence == pytest.approx(0.9)


def test_confidence_is_summed_over_the_family() -> None:
    decision = decide(make_piece(), LABELS, (0.1, 0.05, 0.4, 0.4, 0.05, 0.0), RECIPE)

    assert decision.outlet == "aluminium"
    assert decision.confidence == pytest.approx(0.8)


def test_an_unsure_piece_passes() -> None:
    decision = decide(make_piece(), LABELS, (0.6, 0.4, 0.0, 0.0, 0.0, 0.0), RECIPE)

    assert (decision.outlet, decision.reason) == (None, Reason.unsure)


@pytest.mark.parametrize("iron", [0.95, 0.3])
def test_a_piece_of_no_rule_is_rest_however_unsure(iron: float) -> None:
    others = (1 - iron) / 5
    decision = decide(make_piece(), LABELS, (others, others, others, others, iron, others), RECIPE)

    assert (decision.label, decision.outlet, decision.reason) == ("FE-SHRED", None, Reason.rest)


def test_a_piece_that_no_label_fits_is_unsure_even_when_its_best_label_has_no_rule() -> None:
    decision = decide(make_piece(), LABELS, (0.16, 0.16, 0.16, 0.16, 0.2, 0.16), RECIPE)

    assert (decision.outlet, decision.reason) == (None, Reason.unsure)


def test_a_rule_that_names_the_rest_outlet_lets_the_piece_pass() -> None:
    recipe = replace(RECIPE, rules=(Rule(("FE-SHRED",), "rest", 0.99),))

    decision = decide(make_piece(), LABELS, (0.4, 0.0, 0.0, 0.0, 0.6, 0.0), recipe)

    assert (decision.outlet, decision.reason) == (None, Reason.rest)


def test_touching_pieces_pass() -> None:
    decision = decide(make_piece(touching=True), LABELS, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), RECIPE)

    assert (decision.outlet, decision.reason) == (None, Reason.touching)


def test_a_piece_nobody_looked_at_is_unseen() -> None:
    decision = decide(make_piece(looks=0), LABELS, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), RECIPE)

    assert (decision.label, decision.confidence, decision.outlet, decision.reason) == ("", 0.0, None, Reason.unseen)


@pytest.mark.parametrize(("looks", "reason"), [(1, Reason.unsure), (2, Reason.hazard), (9, Reason.hazard)])
def test_a_hazard_needs_two_looks(looks: int, reason: Reason) -> None:
    decision = decide(make_piece(looks=looks, touching=True), LABELS, (0.5, 0.0, 0.0, 0.0, 0.0, 0.5), RECIPE)

    assert (decision.label, decision.confidence, decision.outlet, decision.reason) == ("BAT-LI", 0.5, None, reason)


def test_a_score_that_is_no_number_ejects_nothing() -> None:
    nan = float("nan")

    assert decide(make_piece(), LABELS, (nan, nan, nan, nan, nan, nan), RECIPE).outlet is None


def test_scores_that_do_not_belong_to_the_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        decide(make_piece(), LABELS, (1.0,), RECIPE)


@given(raw=shares, drawn=rules, looks=st.integers(0, 5), touching=st.booleans(), stop=st.floats(0.05, 1))
def test_a_hazard_is_never_ejected_whatever_the_rules(
    raw: list[float], drawn: list[Rule], looks: int, touching: bool, stop: float
) -> None:
    posterior = normalise(raw)
    recipe = replace(RECIPE, rules=tuple(drawn), stop_confidence=stop)

    decision = decide(make_piece(looks=looks, touching=touching), LABELS, posterior, recipe)

    if posterior[-1] >= stop:
        assert decision.outlet is None
    assert (decision.reason is Reason.hazard) == (posterior[-1] >= stop and looks >= 2)


@given(raw=shares, drawn=rules, raise_by=st.floats(0, 1))
def test_asking_for_more_confidence_never_ejects_more(raw: list[float], drawn: list[Rule], raise_by: float) -> None:
    stricter = [replace(rule, min_confidence=rule.min_confidence + raise_by) for rule in drawn]
    posterior = normalise(raw)

    before = decide(make_piece(), LABELS, posterior, replace(RECIPE, rules=tuple(drawn)))
    after = decide(make_piece(), LABELS, posterior, replace(RECIPE, rules=tuple(stricter)))

    assert after.outlet in {None, before.outlet}


@given(raw=shares, drawn=rules, looks=st.integers(0, 5), touching=st.booleans())
def test_only_a_rule_ejects(raw: list[float], drawn: list[Rule], looks: int, touching: bool) -> None:
    recipe = replace(RECIPE, rules=tuple(drawn))

    decision = decide(make_piece(looks=looks, touching=touching), LABELS, normalise(raw), recipe)

    assert (decision.outlet is not None) == (decision.reason is Reason.rule)
    assert decision.outlet != "rest"
