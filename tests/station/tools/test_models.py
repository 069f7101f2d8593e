"""The library of models through the page's own routes: cards, measuring on labelled crops, promoting and returning."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from station.config import load_config
from station.dataset.book import Book
from station.dataset.words import NewCrop, Reason
from station.keeping.places import CROPS, data_folder
from station.promotion.promote import PromotionRefused, with_shadow
from station.web.app import Desks, create_app
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import PaperStation
from tests.station.site import PROJECT, site_config
from tests.station.tools.site import Bell, tool_plan, tools_of

HERE = "http://127.0.0.1:8080"
SHIPPED = "rendered-v1"
Asked = Callable[..., Awaitable[Any]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A station with a second model that differs from the shipped one in its version alone."""
    for name in ("first", "second"):
        shutil.copytree(PROJECT / "models" / SHIPPED, tmp_path / "models" / name)
    card = tmp_path / "models/second/model.yaml"
    card.write_text(card.read_text().replace("version: 1\n", "version: 2\n", 1))
    path = site_config(tmp_path).path
    path.write_text(path.read_text().replace(f"models/{SHIPPED}", "models/first"))
    return tmp_path


def meet(folder: Path, work: Callable[[Asked], Awaitable[None]]) -> None:
    """``work`` asks the page of the station in ``folder``."""
    plan = tool_plan(folder, load_config(folder / "configs/sim.yaml"))
    tools = tools_of(folder, Bell(), plan)

    async def go() -> None:
        door = httpx.ASGITransport(create_app(PaperStation(), paper_access(), desks=Desks(tools=tools)))
        async with httpx.AsyncClient(transport=door, base_url=HERE, headers=as_admin()) as browser:

            async def ask(method: str, path: str, body: object = None) -> Any:
                answer = await browser.request(method, path, json=body, timeout=50)
                return answer.content if answer.headers["content-type"] == "image/png" else answer.json()

            await work(ask)

    asyncio.run(go())


def label_golden_pictures(folder: Path) -> int:
    """As if the pieces of the golden pictures had been kept and labelled here, the first of them wrongly."""
    plan = tool_plan(folder, load_config(folder / "configs/sim.yaml"))
    with Book.open(data_folder(plan.config) / CROPS, create=True) as book:
        for n, golden in enumerate(plan.card.golden):
            said = max(zip(golden.expected, plan.card.labels, strict=True))[1]
            picture = (plan.card.folder / golden.file).read_bytes()
            crop = NewCrop(picture, "png", f"r/{n}", "r", Reason.random, "2026-11-22T08:00:00+00:00", {}, "m")
            book.add([crop])
            book.label(n + 1, "BRASS-YEL" if n == 0 else said, "Ada", "2026-11-22T09:00:00+00:00")
        return len(plan.card.golden)


def test_cards_are_shown_a_damaged_one_with_what_is_wrong(site: Path) -> None:
    damaged = site / "models/damaged"
    shutil.copytree(site / "models/first", damaged)
    (damaged / "model.onnx").write_bytes(b"no network")

    async def work(ask: Asked) -> None:
        found = await ask("GET", "/api/models")
        assert {each["name"]: bool(each["refusal"]) for each in found["models"]} == {
            "damaged": True,
            "first": False,
            "second": False,
        }
        assert found["use"] == {"running": "first", "running_shadow": "", "next": "first", "next_shadow": ""}
        card = await ask("GET", "/api/models/first")
        assert card["measured"][0]["split"] == "val"
        assert 0 < card["measured"][0]["per_label"][0]["low"] < card["measured"][0]["per_label"][0]["value"]
        assert (await ask("GET", "/api/models/first/golden/0"))[:4] == b"\x89PNG"
        assert "hash" in (await ask("GET", "/api/models/damaged"))["refusal"]
        assert "no model" in (await ask("GET", "/api/models/moon"))["refusal"]
        assert "no model" in (await ask("POST", "/api/models/%2E%2E/promote", {"why": "x"}))["refusal"]

    meet(site, work)


def test_a_model_is_measured_on_the_pictures_labelled_here_and_the_result_is_kept(site: Path) -> None:
    count = label_golden_pictures(site)

    async def work(ask: Asked) -> None:
        assert (await ask("POST", "/api/models/first/evaluate"))["taken"]
        assert "worked out" in (await ask("POST", "/api/models/second/evaluate"))["refusal"]
        while (state := (await ask("GET", "/api/errand"))["errand"])["running"]:
            await asyncio.sleep(0.1)
        assert state["refusal"] == ""
        found = (await ask("GET", "/api/models/first/evaluation"))["evaluation"]
        assert (found["by"], found["result"]["n"]) == ("this computer", count)
        assert found["result"]["accuracy"] == pytest.approx((count - 1) / count, abs=1e-6)
        assert (await ask("GET", "/api/models/second/evaluation"))["evaluation"] is None

    meet(site, work)


def test_a_model_is_promoted_watched_and_taken_back_with_name_and_reason(site: Path) -> None:
    async def work(ask: Asked) -> None:
        assert (await ask("POST", "/api/models/second/promote", {"why": ""}))["taken"] is False
        assert "nothing to go back to" in (await ask("POST", "/api/models/return", {"why": "x"}))["refusal"]
        assert "No model" in (await ask("POST", "/api/models/watch", {"model": None, "why": "x"}))["refusal"]
        assert await ask("POST", "/api/models/second/promote", {"why": "better"}) == {"taken": True, "refusal": None}
        found = await ask("GET", "/api/models")
        assert (found["use"]["running"], found["use"]["next"]) == ("first", "second")
        [change] = found["changes"]
        assert (change["by"], change["why"], change["act"]) == ("this computer", "better", "promoted")
        assert (await ask("POST", "/api/models/return", {"why": "worse"}))["taken"]
        assert load_config(site / "configs/sim.yaml").file.model == "../models/first"
        assert "nothing to go back to" in (await ask("POST", "/api/models/return", {"why": "again"}))["refusal"]

    meet(site, work)
    deeds = [(deed.what, deed.before, deed.after, deed.why) for deed in paper_access().trail.newest(2)]
    assert deeds == [("model", "second", "first", "worse"), ("model", "first", "second", "better")]


def test_a_candidate_is_written_beside_the_model_and_taken_out_again_without_another_change() -> None:
    text = "# mine\nmodel: ../models/v1  # the first\ncamera: {kind: simulated}\n"
    with_one = with_shadow(text, "../models/v2")
    assert with_one == text.replace("# the first\n", "# the first\nshadow_model: ../models/v2\n")
    assert with_shadow(with_one, "../models/v3") == with_one.replace("v2", "v3")
    assert with_shadow(with_one, None) == text
    assert with_shadow(text, None) == text
    with pytest.raises(PromotionRefused, match="own"):
        with_shadow("{model: a, shadow_model: b}\n", None)
