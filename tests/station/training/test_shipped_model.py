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
    assert (card.folder / card.file).stat().st_size < 8_000_000
    assert "not measured on real material" in card.notes[0]
    assert any(note.startswith("Made by: station train") for note in card.notes)
    splits = {figures.split for figures in card.measured}
    assert {"val", "test", "held-out light", "photographs val", "photographs val without coins"} <= splits
    assert {"rendered only: photographs val", "real only: photographs val"} <= splits
    assert all(len(figures.confusion) == len(figures.classes) for figures in card.measured)


def test_the_golden_crops_are_the_projects_own() -> None:
    card = load_card(ROOT / "models/scrap-v1")
    assert [golden.file for golden in card.golden] == [f"golden/{label}.png" for label in card.labels]


def test_the_shipped_model_knows_what_it_was_taught_better_than_chance() -> None:
    card = load_card(ROOT / "models/scrap-v1")
    taught = [figures for figures in card.measured if "only" not in figures.split]
    assert np.all([figures.low > 0.5 for figures in taught])
    assert np.all([figures.ece_after < 0.12 for figures in taught])
