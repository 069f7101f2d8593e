"""Teaching end to end on a handful of plain plates; needs the extra ``train``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hil.look import View
from hil.sprites.atlas import Split
from station.training.dataset import Scene
from station.training.make_model import Course, Sprites, make_model
from tests.station.training.test_dataset import made_sprite
from vision.classifier import Classifier
from vision.crop import CropSpec
from vision.model_card import load_card

pytest.importorskip("torch", reason="PyTorch is not installed (extra train)")
pytest.importorskip("onnx", reason="onnx is not installed (extra train)")

LABELS = ("CU-NO2", "SS-304", "BAT-LI", "BRASS-YEL", "AL-WROUGHT", "AL-CAST", "AL-UBC")
SMALL = Scene(view=View(320, 256, 2.5), columns=4, rows=3)
COURSE = Course(
    pieces={"train": 160, "val": 40, "test": 40, "held-out light": 30},
    crop=CropSpec(size_px=32),
    learning=SMALL,
    measuring=Scene(view=SMALL.view, columns=4, rows=3, looks=3, travel_mm=40),
)


def _sprites() -> Sprites:
    splits: tuple[Split, ...] = ("train", "train", "val", "test")
    every = [
        made_sprite(label, 10 * n + number, split, light)
        for n, label in enumerate(LABELS)
        for number, split in enumerate(splits)
        for light in ("bars", "slanted")
    ]
    return Sprites(tuple(every), LABELS, "plates")


@pytest.mark.filterwarnings("ignore")
def test_a_model_is_taught_measured_and_proves_itself_and_a_second_run_goes_on(tmp_path: Path) -> None:
    from station.training.train import Schedule

    told: list[str] = []
    for folder in ("first", "second"):
        card, _pieces = make_model(
            tmp_path / folder,
            tmp_path / "work",
            _sprites(),
            COURSE,
            schedule=Schedule(epochs=2, batch=16, threads=1),
            tell=lambda what, _n, _of: told.append(what),
        )
    assert card == load_card(tmp_path / "second")
    assert sum(what.startswith("Epoch") for what in told) == 2
    networks = [(tmp_path / folder / "model.onnx").read_bytes() for folder in ("first", "second")]
    assert networks[0] == networks[1]
    assert {figures.split for figures in card.measured} == {"val", "test", "held-out light"}
    assert len(card.golden) == len(LABELS)
    assert Classifier(card).classify(np.zeros((5, 32, 32, 3), np.uint8)).shape == (5, len(LABELS))
