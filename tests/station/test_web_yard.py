"""Samples of bins, hazards and papers of a batch, through the page's own routes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from station.web.app import Desks, create_app
from station.web.yard_routes import YardDesk
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import PaperStation
from tests.station.reporting.yard import Yard
from tests.station.site import site_config

HERE = "http://127.0.0.1:8080"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[YardDesk]:
    with Yard(tmp_path) as yard:
        yard.see(20)
        yard.close()
        yield YardDesk(site_config(tmp_path))


def ask(desk: YardDesk, method: str, path: str, body: object = None) -> httpx.Response:
    async def go() -> httpx.Response:
        door = httpx.ASGITransport(create_app(PaperStation(), paper_access(), desks=Desks(yard=desk)))
        async with httpx.AsyncClient(transport=door, base_url=HERE, headers=as_admin()) as browser:
            return await browser.request(method, path, json=body)

    return asyncio.run(go())


def sample(**changes: object) -> dict[str, object]:
    return {"outlet": "copper", "method": "by-eye", "pieces": {"CU-NO2": 48, "BRASS-YEL": 2}} | changes


def test_a_hand_sample_gives_purity_with_its_interval_and_can_be_withdrawn(desk: YardDesk) -> None:
    assert ask(desk, "POST", "/api/samples", sample()).json() == {"taken": True, "refusal": None}
    [found] = ask(desk, "GET", "/api/samples").json()["samples"]
    assert (found["n"], found["by"], found["is_simulated"]) == (50, "this computer", True)
    assert found["purity"]["value"] == 0.96
    bounds = found["purity"]["low"], found["purity"]["high"]
    assert bounds == pytest.approx((0.8629, 0.9951), abs=1e-4)  # Clopper and Pearson, 48 of 50
    assert ask(desk, "POST", f"/api/samples/{found['id']}/withdraw").json()["taken"]
    assert ask(desk, "GET", "/api/samples").json()["samples"] == []
    again = ask(desk, "POST", f"/api/samples/{found['id']}/withdraw")
    assert (again.status_code, "no sample" in again.json()["refusal"]) == (422, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"outlet": "moon"},
        {"pieces": {"GOLD-BAR": 3}},
        {"pieces": {}},
        {"pieces": {"CU-NO2": 0}},
        {"pieces": {"CU-NO2": -1}},
        {"pieces": {"CU-NO2": 1.5}},
        {"method": "by guess"},
    ],
)
def test_a_sample_that_makes_no_sense_is_refused(desk: YardDesk, changes: dict[str, object]) -> None:
    assert ask(desk, "POST", "/api/samples", sample(**changes)).status_code == 422
    assert ask(desk, "GET", "/api/samples").json()["samples"] == []


def test_what_was_found_is_closed_by_a_person_who_says_how(tmp_path: Path) -> None:
    with Yard(tmp_path) as yard:
        yard.see(1, outlet=None, label="BAT-LI")
        yard.close()
        desk = YardDesk(site_config(tmp_path))
        [found] = ask(desk, "GET", "/api/hazards?only_open=true").json()["hazards"]
        assert (found["class_id"], found["is_open"]) == ("BAT-LI", True)
        assert ask(desk, "POST", "/api/hazards/close", {"numbers": [], "how": "x"}).status_code == 422
        assert ask(desk, "POST", "/api/hazards/close", {"numbers": [99], "how": "x"}).status_code == 422
        closed = ask(desk, "POST", "/api/hazards/close", {"numbers": [found["id"]], "how": "sand box"})
        assert closed.json()["taken"]
        assert ask(desk, "GET", "/api/hazards?only_open=true").json()["hazards"] == []
        [found] = ask(desk, "GET", "/api/hazards").json()["hazards"]
        assert (found["closed_by"], found["how"]) == ("this computer", "sand box")


def test_a_paper_of_a_batch_that_does_not_exist_is_no_paper(desk: YardDesk) -> None:
    assert ask(desk, "GET", "/api/batches/B-404/report").status_code == 404
    assert ask(desk, "GET", "/api/batches/B-404/report?lang=xx").status_code in {404, 422}
