from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from station.training.card_writer import draft_card, write_card, write_golden
from tests.vision.tiny_model import LABELS, SIZE, expected_scores, plain_crop, tiny_network
from vision.classifier import Classifier
from vision.crop import CropSpec
from vision.model_card import Figures, InputSpec, LabelFigure, ModelCard, Training, load_card

PLAIN = InputSpec("rgb", "nchw", (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
PER_LABEL = (LabelFigure("CU-NO2", 5, 1, 1.0, 0.2, 1.0),)
FIGURES = Figures("val", 3, 0.9, 0.8, 0.1, 0.05, PER_LABEL, 0.7, 0.97, ("copper", "zinc"), ((3, 1), (0, 2)))


def _draft(folder: Path) -> ModelCard:
    training = Training(("three colours",), (("train", 3),), (("train", 3),), 1, 2)
    return draft_card(
        folder, tiny_network(), labels=LABELS, spec=PLAIN, crop=CropSpec(SIZE, 1.2, 10.0), version=3, training=training
    )


def test_a_written_card_reads_back_as_it_was(tmp_path: Path) -> None:
    card = replace(_draft(tmp_path / "tiny"), measured=(FIGURES,), speed=(("ms", 0.5),), notes=("a note: one",))
    write_card(card)
    read = load_card(tmp_path / "tiny")
    assert replace(read, input=card.input) == card
    assert np.allclose(read.input.scale, card.input.scale, atol=1e-7)


def test_the_golden_crop_is_the_one_of_median_score_and_passes_the_self_test(tmp_path: Path) -> None:
    draft = _draft(tmp_path / "tiny")
    crops = np.stack([plain_crop(n) for n in (0, 1, 2) for _copy in range(3)])
    crops[0] = 255
    truth = np.repeat(np.arange(3), 3)
    golden = write_golden(draft.folder, LABELS, crops, truth, np.exp(Classifier(draft).classify(crops)))
    write_card(replace(draft, golden=golden))
    card = load_card(draft.folder)
    assert np.allclose(card.golden[0].expected, expected_scores(0), atol=1e-4)
    Classifier(card).self_test()
