from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.training import metrics

# truth 0 0 0 1 1 2, said 0 0 1 1 0 2
TABLE = np.array([[2, 1, 0], [1, 1, 0], [0, 0, 1]], np.int64)


def test_confusion_counts_truth_in_rows_and_answers_in_columns() -> None:
    found = metrics.confusion(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2]), 3)
    assert found.tolist() == TABLE.tolist()


def test_class_figures_by_hand() -> None:
    first, second, third = metrics.class_figures(TABLE)
    assert (first.n, first.precision, first.recall, first.f1) == pytest.approx((3, 2 / 3, 2 / 3, 2 / 3))
    assert (second.n, second.precision, second.recall, second.f1) == pytest.approx((2, 0.5, 0.5, 0.5))
    assert (third.precision, third.recall, third.f1) == (1, 1, 1)


def test_balanced_accuracy_and_macro_f1_by_hand() -> None:
    assert metrics.balanced_accuracy(TABLE) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert metrics.macro_f1(TABLE) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)


def test_classes_that_do_not_occur_do_not_count_but_answers_for_them_do() -> None:
    table = np.array([[3, 1], [0, 0]], np.int64)
    assert metrics.balanced_accuracy(table) == pytest.approx(0.75)
    assert metrics.macro_f1(table) == pytest.approx(6 / 7)


def test_wilson_agrees_with_the_textbook() -> None:
    assert metrics.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert metrics.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert metrics.wilson(0, 0) == (0.0, 1.0)


@given(n=st.integers(1, 500), share=st.floats(0, 1))
def test_wilson_holds_the_measured_share(n: int, share: float) -> None:
    right = round(share * n)
    low, high = metrics.wilson(right, n)
    assert 0 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])
    assert metrics.calibration_error(confidence, right, bins=10) == pytest.approx(4 / 6 * 0.20 + 2 / 6 * 0.05)


def test_full_confidence_falls_into_the_last_bin() -> None:
    bins = metrics.reliability(np.array([1.0]), np.array([True]), bins=15)
    assert bins[-1].n == 1
    assert metrics.calibration_error(np.array([1.0]), np.array([True])) == 0


def test_accuracy_at_coverage_keeps_the_surest() -> None:
    confidence = np.array([0.9, 0.1, 0.8, 0.7, 0.6])
    right = np.array([True, False, True, False, True])
    assert metrics.accuracy_at_coverage(confidence, right, 0.8) == pytest.approx(3 / 4)
    assert metrics.accuracy_at_coverage(confidence, right, 0.4) == 1
    assert metrics.accuracy_at_coverage(confidence, right, 1.0) == pytest.approx(3 / 5)


def test_auroc_by_hand_with_a_tie() -> None:
    assert metrics.auroc(np.array([0.9, 0.5]), np.array([0.5, 0.1])) == pytest.approx(3.5 / 4)
    assert metrics.auroc(np.array([0.9, 0.8]), np.array([0.2])) == 1
    assert metrics.auroc(np.array([0.2]), np.array([0.9, 0.8])) == 0


def test_false_accept_at_the_threshold_that_keeps_95_percent() -> None:
    known = np.linspace(0.01, 1.0, 100)
    unknown = np.array([0.02, 0.04, 0.06, 0.5])
    assert metrics.false_accept(known, unknown) == pytest.approx(0.5)
