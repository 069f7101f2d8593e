"""Looks at one piece count for less than they would alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.evidence import add, no_evidence, posterior
from vision.types import Look

SCORES = st.lists(st.floats(-30, 0), min_size=3, max_size=3).map(tuple)


def test_without_looks_every_label_is_as_likely() -> None:
    assert posterior(no_evidence(4), 0.5) == pytest.approx((0.25,) * 4)


def test_independent_looks_multiply_and_equal_looks_count_once() -> None:
    look = Look(1, (math.log(0.8), math.log(0.2)))
    twice = add(add(no_evidence(2), look), look)
    assert posterior(twice, 0.0)[0] == pytest.approx(0.64 / 0.68)
    assert posterior(twice, 1.0)[0] == pytest.approx(0.8)


def test_two_looks_at_half_correlation_count_as_four_thirds() -> None:
    look = Look(1, (math.log(0.8), math.log(0.2)))
    twice = add(add(no_evidence(2), look), look)
    odds = 4 ** (4 / 3)
    assert posterior(twice, 0.5)[0] == pytest.approx(odds / (1 + odds))


@given(st.lists(SCORES, max_size=60), st.floats(0, 1))
def test_probabilities_are_never_negative_and_sum_to_one(looks: list[tuple[float, ...]], correlation: float) -> None:
    evidence = no_evidence(3)
    for scores in looks:
        evidence = add(evidence, Look(1, scores))
    chances = posterior(evidence, correlation)
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= 0


def test_a_look_of_another_model_is_refused() -> None:
    with pytest.raises(ValueError, match="argument"):
        add(no_evidence(3), Look(1, (0.0, -1.0)))
