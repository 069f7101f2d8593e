from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from station.training import commands
from tests.vision.tiny_model import plain_crop, write_model

CODEBOOK = str(Path(__file__).parents[3] / "configs/codebook.csv")


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(commands.train)
    made.command()(commands.evaluate)
    return made


def _sorted_crops(folder: Path) -> Path:
    for name, label in (("copper", 0), ("stainless", 2), ("unknown", 1)):
        (folder / name).mkdir(parents=True)
        picture = plain_crop(label) if name != "unknown" else np.full((16, 16, 3), 128, np.uint8)
        cv2.imwrite(str(folder / name / "one.png"), picture)
    return folder


def test_evaluate_writes_json_and_a_page(app: typer.Typer, tmp_path: Path) -> None:
    model, crops = write_model(tmp_path / "tiny"), _sorted_crops(tmp_path / "crops")
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    result = CliRunner().invoke(
        app, ["evaluate", "--model", str(model), "--crops", str(crops), "--codebook", CODEBOOK, *files]
    )
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "r.json").read_text())["accuracy"] == 1.0
    assert "<svg" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--crops", "/nowhere/at/all"], "There is no folder /nowhere/at/all"),
        (["--codebook", "/nowhere.csv"], "No codebook in /nowhere.csv"),
        (["--model", "/nowhere"], "Model file check: expected /nowhere/model.yaml, found none"),
    ],
)
def test_evaluate_refuses_in_one_sentence(app: typer.Typer, tmp_path: Path, changed: list[str], sentence: str) -> None:
    model, crops = write_model(tmp_path / "tiny"), _sorted_crops(tmp_path / "crops")
    usual = ["--model", str(model), "--crops", str(crops), "--codebook", CODEBOOK]
    result = CliRunner().invoke(app, ["evaluate", *usual, *changed])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_train_without_pytorch_says_which_extra_to_install(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    result = CliRunner().invoke(app, ["train", "--out", str(tmp_path / "m"), "--work", str(tmp_path / "w")])
    assert result.exit_code == 2
    assert "Training needs the extra train (torch is missing)" in result.stderr
    assert not (tmp_path / "m").exists()


def test_the_command_in_the_card_asks_for_the_same_model_again() -> None:
    made = typer.Typer()
    made.command()(commands.train)
    read = typer.main.get_command(made).make_context
    numbers = "--epochs 5 --ablation 0 --size 112 --seed 3 --workers 4 --threads 2 --version 7"
    asked = read("train", [*numbers.split(), "--without", "BAT-LI", "--without", "PWB", "--crops", "EXPORT"]).params
    written = commands.written_command(asked)
    assert read("train", written.removeprefix("station train ").split()).params == asked
