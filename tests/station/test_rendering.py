"""Where ``station render sprites`` puts what it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hil.sprites import making
from hil.sprites.atlas import FOLDER, LESSONS
from station.rendering import app

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ([], FOLDER.relative_to(ROOT)),
        (["--after", "24"], LESSONS.relative_to(ROOT)),
        (["--after", "24", "--out", "mine"], Path("mine")),
    ],
    ids=["the atlas", "further pieces", "a folder of one's own"],
)
def test_further_pieces_never_take_the_place_of_the_atlas(
    monkeypatch: pytest.MonkeyPatch, options: list[str], folder: Path
) -> None:
    written: list[Path] = []
    monkeypatch.setattr(making, "render_atlas", lambda out, *_count, **_how: written.append(out))
    assert CliRunner().invoke(app, ["sprites", *options]).exit_code == 0
    assert written == [folder]
