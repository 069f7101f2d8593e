"""The model in the repository is the one its card describes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from station.training.rollup import read_families
from vision.classifier import Classifier
from vision.model_card import load_card

ROOT = Path(__file__).parents[3]


def test_the_shipped_model_proves_itself() -> None:
    classifier = Classifier(load_card(ROOT / "models/scrap-v1"))
    classifier.self_test()
    assert set(classifier.card.labels) <= set(read_families(ROOT / "configs/codebook.csv"))


def test_the_shipped_model_is_small_and_owns_up_to_its_limits() -> None:
    card = load_card(ROOT / "models/scrap-v1")
    assert (card.folder / card.file).stat().st_size < 4_000_000
    assert card.notes[0].startswith("Rendered only, not measured on real material")
    assert {figures.split for figures in card.measured} == {"val", "test", "held-out light"}
    assert np.all([figures.ece_after < 0.1 for figures in card.measured])
