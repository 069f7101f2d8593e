"""A person labels kept crops on the page, and only there, with a name."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from station.dataset.book import Book
from station.dataset.words import NewCrop, Reason
from station.web.app import Desks, create_app
from station.web.review import ReviewDesk
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import PaperStation

HERE = "http://127.0.0.1:8080"
PNG = b"\x89PNG a picture"


def ask(folder: Path | None, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    paper = PaperStation()
    review = None if folder is None else ReviewDesk(folder, paper.facts().labels)
    content = None if body is None else json.dumps(body)
    sent = as_admin() | {"content-type": "application/json", "origin": HERE} | headers

    async def go() -> httpx.Response:
        door = httpx.ASGITransport(create_app(paper, paper_access(), desks=Desks(review=review)))
        async with httpx.AsyncClient(transport=door, base_url=HERE) as browser:
            return await browser.request(method, path, headers=sent, content=content)

    return asyncio.run(go())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scores = {"CU-NO2": 0.5, "PWB": 0.3, "AL-CAST": 0.1, "SS-304": 0.06, "AL-UBC": 0.04}
    with Book.open(tmp_path / "crops", create=True) as book:
        for n, reason in enumerate((Reason.random, Reason.hazard)):
            book.add([NewCrop(PNG + bytes([n]), "png", f"r/{n}", "r", reason, "2026-11-22", scores, "m")])
    return tmp_path / "crops"


def test_the_next_crop_is_the_most_valuable_and_comes_with_its_scores(folder: Path) -> None:
    told = ask(folder, "GET", "/api/review").json()
    assert (told["left"], told["labelled"]) == (2, 0)
    assert [crop["reason"] for crop in told["crops"]] == ["hazard", "random"]
    assert told["crops"][0]["scores"] == [["CU-NO2", 0.5], ["PWB", 0.3], ["AL-CAST", 0.1], ["SS-304", 0.06]]
    picture = ask(folder, "GET", f"/api/review/{told['crops'][0]['id']}/picture")
    assert (picture.content, picture.headers["content-type"]) == (PNG + b"\x01", "image/png")


def test_a_label_is_kept_with_who_said_it_and_can_be_taken_back(folder: Path) -> None:
    assert ask(folder, "POST", "/api/review", {"id": 2, "label": "PWB"}).json()["taken"]
    with Book.open(folder) as book:
        found = book.crop(2)
        assert found is not None
        assert found.label == "PWB"
        assert found.labelled_by == "this computer"
    assert [crop["id"] for crop in ask(folder, "GET", "/api/review").json()["crops"]] == [1]
    assert ask(folder, "POST", "/api/review", {"id": 2, "label": None}).json()["taken"]
    assert ask(folder, "GET", "/api/review").json()["left"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"id": 2, "label": "gold"},
        {"id": 2, "label": "PWB", "by": "Ada"},
        {"id": 2},
        {"id": "2", "label": "PWB"},
        {"id": True, "label": "PWB"},
        {"id": -1, "label": "PWB"},
    ],
)
def test_what_is_no_label_is_refused(folder: Path, body: dict[str, object]) -> None:
    assert ask(folder, "POST", "/api/review", body).status_code == 422
    assert ask(folder, "GET", "/api/review").json()["left"] == 2


def test_labels_come_from_this_page_only(folder: Path) -> None:
    body = {"id": 2, "label": "PWB"}
    assert ask(folder, "POST", "/api/review", body, origin="http://evil.example").status_code == 403
    assert ask(folder, "GET", "/api/review").json()["left"] == 2


def test_a_crop_that_was_removed_meanwhile_is_said_to_be_gone(folder: Path) -> None:
    assert ask(folder, "GET", "/api/review/99/picture").status_code == 404
    answer = ask(folder, "POST", "/api/review", {"id": 99, "label": "PWB"}).json()
    assert not answer["taken"]
    assert "gone" in answer["refusal"]


def test_a_station_that_keeps_nothing_yet_has_nothing_to_label(tmp_path: Path) -> None:
    assert ask(tmp_path / "none", "GET", "/api/review").json() == {"left": 0, "labelled": 0, "crops": []}
    assert ask(None, "GET", "/review").status_code == 404
    assert "Label crops" not in ask(None, "GET", "/").text


def test_the_review_page_offers_every_label_and_something_else(folder: Path) -> None:
    text = ask(folder, "GET", "/review").text
    assert 'data-label="PWB"' in text
    assert 'data-label="unknown"' in text
    assert "<style" not in text
    assert "Label crops" in ask(folder, "GET", "/").text
