"""Why did it go there? The search finds what was recorded, and each piece tells its story."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from control.types import Outcome
from station.keeping.album import Album, Remembered, read_looks
from station.store import Store, StoreSettings
from station.web.app import Desks, create_app
from station.web.piece_routes import PieceFiles
from tests.station.paper_access import paper_access
from tests.station.paper_station import PaperStation
from tests.station.pieces import RUN, closed_piece

HERE = "http://127.0.0.1:8080"
CROP = np.full((96, 96, 3), 90, np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[PieceFiles]:
    store = Store.open(tmp_path / "records.sqlite", StoreSettings(commit_every_s=0.01))
    store.begin_run(RUN)
    store.append([closed_piece(n) for n in range(1, 61)])
    store.append([replace(closed_piece(61), outcome=Outcome.unsure)])
    store.append([closed_piece(62, outcome=Outcome.passed, outlet=None)])
    assert store.flush()
    album = Album(tmp_path / "album.sqlite", 10_000_000)
    album.add([Remembered(RUN.uuid, 60, [((0.7, 0.3), CROP), ((0.9, 0.1), CROP)])])
    album.close()
    yield PieceFiles(store.path, tmp_path / "album.sqlite", "rest")
    store.close()


def ask(files: PieceFiles, path: str) -> httpx.Response:
    async def go() -> httpx.Response:
        app = create_app(PaperStation(), paper_access(), desks=Desks(pieces=files))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as browser:
            return await browser.get(path)

    return asyncio.run(go())


def found(files: PieceFiles, question: str) -> list[int]:
    return [piece["seq"] for piece in ask(files, f"/api/pieces?{question}").json()["pieces"]]


def test_the_newest_come_first_fifty_at_a_time(files: PieceFiles) -> None:
    first = ask(files, "/api/pieces").json()
    assert [piece["seq"] for piece in first["pieces"]] == list(range(62, 12, -1))
    assert first["before"] == 13
    rest = ask(files, "/api/pieces?before=13").json()
    assert ([piece["seq"] for piece in rest["pieces"]], rest["before"]) == (list(range(12, 0, -1)), None)


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("outcome=unsure", [61]),
        ("outlet=rest", [62, 61]),
        ("outlet=rest&outcome=passed", [62]),
        ("label=NOTHING", []),
        ("least_confidence=0.999", []),
        ("to_utc=2020-01-01T00:00:00Z", []),
        ("outlet=copper&from_utc=2020-01-01T00:00:00Z&before=3", [2, 1]),
    ],
)
def test_a_search_finds_what_fits_and_nothing_else(files: PieceFiles, question: str, numbers: list[int]) -> None:
    assert found(files, question) == numbers


@pytest.mark.parametrize("question", ["outcome=flown", "least_confidence=2", "colour=red", "before=x"])
def test_a_question_that_makes_no_sense_is_refused(files: PieceFiles, question: str) -> None:
    assert ask(files, f"/api/pieces?{question}").status_code == 422


def test_a_piece_tells_its_whole_story(files: PieceFiles) -> None:
    story = ask(files, "/api/pieces/60").json()
    assert story["why"] == "A rule of the recipe sends this class to its outlet."
    assert story["ended"] == "It was ejected."
    assert story["shot"] == "The controller fired exactly then."
    assert story["outputs"] == [70]
    assert (story["recipe"], story["model"]) == (closed_piece(60).recipe, closed_piece(60).model)
    assert [round(sum(look.values()), 6) for look in story["pictures"]] == [1.0, 1.0]
    picture = ask(files, "/api/pieces/60/looks/1")
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")


def test_what_is_not_there_is_said(files: PieceFiles) -> None:
    assert ask(files, "/api/pieces/999").status_code == 404
    assert ask(files, "/api/pieces/60/looks/2").status_code == 404
    assert ask(files, "/api/pieces/59").json()["pictures"] == []


def test_the_album_lets_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "album.sqlite"
    album = Album(path, 20_000)
    for n in range(200):
        album.add([Remembered("r", n, [((1.0,), CROP)])])
    album.close()
    left = [n for n in range(200) if read_looks(path, "r", n)]
    assert left == list(range(200 - len(left), 200))
    assert 0 < sum(len(look.jpeg) for n in left for look in read_looks(path, "r", n)) <= 20_000
