from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from station.training import metrics
from station.training.calibration import combined, fit_look_correlation, fit_temperature, marginal_loss
from vision.classifier import log_softmax


def _drawn(logits: NDArray[np.float32], seed: int) -> NDArray[np.int64]:
    """Truths drawn from what the logits say, so that they are calibrated by construction."""
    shares = np.exp(log_softmax(logits)).cumsum(axis=1)
    return np.asarray((np.random.default_rng(seed).random((len(logits), 1)) > shares).sum(axis=1), np.int64)


def _fitted(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    may_be = truth[:, np.newaxis] == np.arange(logits.shape[1])
    return fit_temperature(lambda each: marginal_loss(logits / np.float32(each), may_be))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found_again(temperature: float) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (8000, 5)).astype(np.float32)
    truth = _drawn(logits, 2)
    assert _fitted(logits * np.float32(temperature), truth) == pytest.approx(temperature, rel=0.06)


def test_the_fitted_temperature_lowers_the_calibration_error() -> None:
    logits = np.random.default_rng(3).normal(0, 2, (4000, 4)).astype(np.float32)
    truth = _drawn(logits, 4)
    loud = logits * np.float32(4)

    def error(scores: NDArray[np.float32]) -> float:
        shares = np.exp(log_softmax(scores))
        return metrics.calibration_error(shares.max(axis=1), shares.argmax(axis=1) == truth)

    assert error(loud / np.float32(_fitted(loud, truth))) < 0.2 * error(loud)


def test_a_crop_that_may_be_two_classes_loses_nothing_between_them() -> None:
    logits = np.log(np.array([[0.5, 0.3, 0.2]], np.float32))
    assert marginal_loss(logits, np.array([[True, True, False]])) == pytest.approx(-np.log(0.8), abs=1e-6)
    assert marginal_loss(logits, np.array([[True, False, False]])) == pytest.approx(-np.log(0.5), abs=1e-6)


def test_heavier_rows_count_more() -> None:
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], np.float32))
    may_be = np.array([[True, False], [True, False]])
    assert marginal_loss(logits, may_be, np.array([0.0, 1.0])) == pytest.approx(-np.log(0.9), abs=1e-6)


def test_identical_looks_are_worth_one() -> None:
    one = log_softmax(np.random.default_rng(5).normal(0, 1, (50, 4)).astype(np.float32))
    thrice = np.repeat(one[:, None], 3, axis=1)
    assert combined(thrice, 1.0) == pytest.approx(one, abs=1e-5)


def test_independent_looks_add_up() -> None:
    looks = np.log(np.array([[[0.8, 0.2], [0.8, 0.2]]], np.float32))
    assert np.exp(combined(looks, 0.0))[0].tolist() == pytest.approx([0.64 / 0.68, 0.04 / 0.68], abs=1e-5)


def test_the_order_of_the_looks_does_not_matter() -> None:
    looks = log_softmax(np.random.default_rng(6).normal(0, 2, (60, 4)).astype(np.float32)).reshape(20, 3, 4)
    assert combined(looks, 0.4) == pytest.approx(combined(looks[:, ::-1], 0.4), abs=1e-5)


def test_repeated_looks_are_found_to_be_correlated_and_independent_ones_not() -> None:
    rng = np.random.default_rng(7)
    means = np.eye(3) * 1.2
    truth = rng.integers(3, size=6000)
    repeated = means[truth] + rng.normal(0, 1, (6000, 3))
    fresh = means[truth][:, None] + rng.normal(0, 1, (6000, 3, 3))

    def looks(seen: NDArray[np.float64]) -> NDArray[np.float32]:
        """Exact posteriors of three Gaussian classes, so that every single look is calibrated."""
        return log_softmax((1.2 * seen).reshape(-1, 3).astype(np.float32)).reshape(seen.shape)

    same = np.repeat(looks(repeated)[:, None], 3, axis=1)
    assert fit_look_correlation(same, truth) == pytest.approx(1.0, abs=0.05)
    assert fit_look_correlation(looks(fresh), truth) == pytest.approx(0.0, abs=0.05)
