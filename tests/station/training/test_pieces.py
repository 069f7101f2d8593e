from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from station.training.pieces import piece_figures

LABELS = ("CU-NO2", "AL-CAST", "AL-UBC", "BAT-LI")
FAMILIES = {"copper": ("CU-NO2",), "aluminium": ("AL-CAST", "AL-UBC")}


def _looks(*rows: list[float]) -> NDArray[np.float32]:
    """The same single look at each piece, as log probabilities."""
    return np.log(np.array(rows, np.float32))[:, None]


FOUR = _looks([0.7, 0.1, 0.1, 0.1], [0.1, 0.3, 0.5, 0.1], [0.15, 0.05, 0.1, 0.7], [0.05, 0.05, 0.05, 0.85])
TRUTH = np.array([0, 1, 2, 3])


def test_a_finer_confusion_inside_a_family_is_no_error_of_the_family() -> None:
    found = piece_figures(FOUR, TRUTH, LABELS, 0.5, families=FAMILIES, hazard="BAT-LI")
    assert found.accuracy == pytest.approx(0.5)
    assert found.families["aluminium"] == pytest.approx((2, 1.0, 0.5))
    assert found.families["copper"] == pytest.approx((1, 1.0, 1.0))


def test_false_alarms_are_shares_of_the_pieces_that_are_no_hazard() -> None:
    found = piece_figures(FOUR, TRUTH, LABELS, 0.5, families=FAMILIES, hazard="BAT-LI")
    assert found.hazards == 1
    assert found.false_alarms[0.5][0] == pytest.approx(1 / 3)
    assert found.false_alarms[0.8][0] == 0
    assert found.caught == {0.5: 1.0, 0.8: 1.0, 0.95: 0.0}


def test_more_independent_looks_make_surer() -> None:
    looks = np.repeat(FOUR, 3, axis=1)
    found = piece_figures(looks, TRUTH, LABELS, 0.0, families=FAMILIES, hazard="BAT-LI")
    assert found.false_alarms[0.8][0] == pytest.approx(1 / 3)
