"""Recordings through the page's own routes: listed, taken away, replayed, and tried with other settings."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from station.recording.planned import recordings_folder
from station.web.app import Desks, create_app
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import PaperStation
from tests.station.site import PROJECT
from tests.station.tools.site import tools_of
from tests.station.whatif.tried import recorded

HERE = "http://127.0.0.1:8080"
RUN = "run-20270115T080000Z-0a1b2c3d.mcap"
INCIDENT = "incident-20270115T081500Z-estop.mcap"
Asked = Callable[..., Awaitable[Any]]


def meet(folder: Path, work: Callable[[Asked], Awaitable[None]], run: Path | None = None) -> None:
    """``work`` asks the page of a station in ``folder`` with two recordings."""
    tools = tools_of(folder)
    shelf = recordings_folder(tools.recordings.config)
    shelf.mkdir(parents=True, exist_ok=True)
    shutil.copy(run or PROJECT / "tests/recordings/golden/normal.mcap", shelf / RUN)
    shutil.copy(PROJECT / "tests/recordings/golden/estop.mcap", shelf / INCIDENT)

    async def go() -> None:
        door = httpx.ASGITransport(create_app(PaperStation(), paper_access(), desks=Desks(tools=tools)))
        async with httpx.AsyncClient(transport=door, base_url=HERE, headers=as_admin()) as browser:

            async def ask(method: str, path: str, body: object = None) -> Any:
                answer = await browser.request(method, path, json=body, timeout=50)
                return answer.json() if answer.headers["content-type"] == "application/json" else answer.content

            await work(ask)

    asyncio.run(go())


async def ended(ask: Asked) -> Any:
    while (state := (await ask("GET", "/api/errand"))["errand"])["running"]:
        await asyncio.sleep(0.05)
    return state


def test_recordings_are_listed_the_newest_first_and_taken_away(tmp_path: Path) -> None:
    async def work(ask: Asked) -> None:
        found = await ask("GET", "/api/recordings")
        incident, run = found["recordings"]
        assert (incident["name"], incident["incident"], incident["why"]) == (
            INCIDENT,
            True,
            "The emergency stop is pressed.",
        )
        assert (run["name"], run["begun_utc"]) == (RUN, "2027-01-15T08:00:00+00:00")
        assert found["min_confidence"]["copper"] > 0.5
        golden = (PROJECT / "tests/recordings/golden/normal.mcap").read_bytes()
        assert await ask("GET", f"/api/recordings/{RUN}/file") == golden
        for name in ("moon.mcap", "%2E%2E", "a%00.mcap"):
            assert "no such recording" in (await ask("GET", f"/api/recordings/{name}"))["refusal"]
            assert "no such recording" in (await ask("GET", f"/api/recordings/{name}/file"))["refusal"]

    meet(tmp_path, work)


def test_a_recording_is_played_again_and_the_verdict_is_kept(tmp_path: Path) -> None:
    async def work(ask: Asked) -> None:
        assert (await ask("POST", f"/api/recordings/{INCIDENT}/replay"))["taken"]
        state = await ended(ask)
        assert (state["refusal"], state["work"], state["by"]) == ("", "replay", "this computer")
        kept = (await ask("GET", f"/api/recordings/{INCIDENT}"))["replay"]
        assert kept["result"]["equal"] is True
        assert kept["result"]["proved"] > 100
        assert (await ask("GET", f"/api/recordings/{RUN}"))["replay"] is None

    meet(tmp_path, work)


def test_what_if_says_which_pieces_end_otherwise_and_changes_nothing(tmp_path: Path) -> None:
    async def work(ask: Asked) -> None:
        before = (tmp_path / "configs/recipes/three-metals.yaml").read_bytes()
        path = f"/api/recordings/{RUN}/what-if"
        assert "at least one" in (await ask("POST", path, {"min_confidence": {}}))["refusal"]
        assert (await ask("POST", path, {"min_confidence": {"copper": 1.5}}))["taken"] is False
        assert "no model" in (await ask("POST", path, {"min_confidence": {}, "model": "moon"}))["refusal"]
        assert (await ask("POST", path, {"min_confidence": {"moon": 0.9}}))["taken"]
        assert (await ended(ask))["refusal"].startswith("rules.moon.min_confidence=0.9  unknown key 'moon'")
        assert (await ask("POST", path, {"min_confidence": {"copper": 0.85}}))["taken"]
        assert (await ended(ask))["refusal"] == ""
        found = (await ask("GET", f"/api/recordings/{RUN}"))["what-if"]["result"]
        assert found["changes"] == ["rules.copper.min_confidence=0.85"]
        moved = [each for each in found["confusion"] if each["old"] != each["new"]]
        assert "copper" in {each["old"] for each in moved}
        assert len(found["moved"]) == sum(each["pieces"] for each in moved) > 0
        sheet = await ask("GET", f"/api/recordings/{RUN}/sheet")
        assert (found["on_sheet"] > 0) is (isinstance(sheet, bytes) and sheet[:4] == b"\x89PNG")
        assert (tmp_path / "configs/recipes/three-metals.yaml").read_bytes() == before

    meet(tmp_path, work, recorded().path)


@pytest.mark.parametrize("how", ["stopped", "too long"])
def test_long_work_is_stopped_by_a_press_or_by_its_limit(tmp_path: Path, how: str) -> None:
    from station.tools.niced import Errand, ErrandState

    errand, kept = Errand(longest_s=0.05 if how == "too long" else 600), list[ErrandState]()
    errand.start("replay", RUN, {"file": str(tmp_path / "none.mcap")}, "Ada", kept.append)
    if how == "stopped":
        assert errand.stop()
    deadline = time.monotonic() + 40
    while not kept and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kept[0].refusal in {"It was stopped.", "It took longer than 0.000833333 minutes and was stopped."}
    assert kept[0].result is None
    assert not errand.stop()
