"""The editor of settings, through the page's own routes and with real files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from station.config import load_config
from station.language import sentences
from station.tools.rest import not_at_rest
from station.tools.settings import key_help
from station.types import State, Status
from station.web.app import Desks, create_app
from station.web.tools_routes import ToolsDesk
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import PaperStation
from tests.station.tools.site import Bell, tools_of

HERE = "http://127.0.0.1:8080"
RECIPE = "recipes/three-metals.yaml"


class Browser:
    """A technician's, at a station of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.bell = Bell()
        self.tools: ToolsDesk = tools_of(folder, self.bell)
        self.configs = folder / "configs"

    def ask(self, method: str, path: str, body: object = None, **query: str) -> httpx.Response:
        async def go() -> httpx.Response:
            door = httpx.ASGITransport(create_app(PaperStation(), paper_access(), desks=Desks(tools=self.tools)))
            async with httpx.AsyncClient(transport=door, base_url=HERE, headers=as_admin()) as browser:
                return await browser.request(method, path, json=body, params=query)

        return asyncio.run(go())

    def file(self, name: str) -> dict[str, Any]:
        [found] = [file for file in self.ask("GET", "/api/settings").json()["files"] if file["name"] == name]
        assert isinstance(found, dict)
        return found

    def check(self, name: str, text: str) -> dict[str, Any]:
        found = self.ask("POST", "/api/settings/check", {"file": name, "text": text}).json()
        assert isinstance(found, dict)
        return found

    def apply(self, name: str, text: str, **more: str) -> httpx.Response:
        body = {"file": name, "text": text, "sha256": self.file(name)["sha256"], "why": "try it"} | more
        return self.ask("POST", "/api/settings/apply", body)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


def test_what_is_wrong_is_said_with_line_and_column_before_anything_is_written(browser: Browser) -> None:
    before = browser.file("sim.yaml")["text"]
    broken = before.replace("  port: 8080", "  prot: 8080")
    found = browser.check("sim.yaml", broken)
    assert found["faults"] == [
        {
            "file": "sim.yaml",
            "here": True,
            "line": before.splitlines().index("  port: 8080") + 1,
            "column": 3,
            "said": "web.prot  unknown key; did you mean 'port'?",
        }
    ]
    assert "-  port: 8080\n+  prot: 8080\n" in str(found["diff"])
    refused = browser.apply("sim.yaml", broken)
    assert (refused.status_code, "web.prot" in refused.json()["refusal"]) == (422, True)
    assert (browser.configs / "sim.yaml").read_text() == before
    assert not (browser.configs / "history").exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (RECIPE, "outlet: copper", "outlet: moon", "no bank ejects there"),
        (RECIPE, "CU-NO2", "CU-NO9", "CU-NO9"),
        ("sim-calibration.yaml", "ticks_per_mm: ", "ticks_per_mm: -", "ticks_per_mm"),
        ("sim.yaml", "banks:", "banks: [", "not valid YAML"),
    ],
)
def test_each_file_is_checked_together_with_the_others(
    browser: Browser, name: str, old: str, new: str, said: str
) -> None:
    text = browser.file(name)["text"]
    assert old in text
    faults = browser.check(name, text.replace(old, new))["faults"]
    assert any(said in str(fault["said"]) for fault in faults), faults
    assert browser.check(name, text) == {"faults": [], "diff": ""}


@pytest.mark.parametrize(
    "text", ["", "[" * 5000, "a: &a [1]\nb: *c", "- 2001-99-99", "\x00", "é\u2028: {", "? ? ?", "1: 2"]
)
def test_no_text_whatever_breaks_the_check(browser: Browser, text: str) -> None:
    assert browser.check("sim.yaml", text)["faults"]


def test_a_change_keeps_comments_and_the_file_before_it_and_can_be_undone(browser: Browser) -> None:
    before = browser.file(RECIPE)["text"]
    after = before.replace("stop_confidence: 0.5", "stop_confidence: 0.4") + "# a comment stays\n"
    assert after != before
    assert browser.apply(RECIPE, after).json() == {"taken": True, "refusal": None}
    assert (browser.configs / RECIPE).read_text() == after
    assert load_config(browser.configs / "sim.yaml").recipe.stop_confidence == 0.4
    assert browser.file(RECIPE)["is_newer"] is True
    deed = paper_access().trail.newest(1)[0]
    assert (deed.what, deed.why, len(deed.before)) == (f"settings {RECIPE}", "try it", 12)

    [kept] = browser.ask("GET", "/api/settings/backups", file=RECIPE).json()["backups"]
    text = browser.ask("GET", "/api/settings/backup", file=RECIPE, id=kept["id"]).json()["text"]
    assert text == before
    assert browser.apply(RECIPE, text).json()["taken"]
    assert (browser.configs / RECIPE).read_text() == before
    assert browser.file(RECIPE)["is_newer"] is False
    assert len(browser.ask("GET", "/api/settings/backups", file=RECIPE).json()["backups"]) == 2
    assert browser.ask("GET", "/api/settings/backup", file=RECIPE, id="../sim.yaml").status_code == 404


def test_what_somebody_else_wrote_meanwhile_is_not_written_over(browser: Browser) -> None:
    seen = browser.file("sim.yaml")
    (browser.configs / "sim.yaml").write_text(seen["text"] + "# another hand\n")
    mine = browser.apply("sim.yaml", seen["text"] + "# mine\n", sha256=seen["sha256"])
    assert (mine.status_code, "Somebody else" in mine.json()["refusal"]) == (409, True)
    assert browser.apply("sim.yaml", browser.file("sim.yaml")["text"]).json()["refusal"] == "Nothing is changed."


def test_only_the_files_the_station_runs_with_are_shown_and_changed(browser: Browser) -> None:
    for name in ("../data/local-token", "/etc/passwd", "footage.yaml"):
        assert browser.ask("POST", "/api/settings/check", {"file": name, "text": "a: 1"}).status_code == 422
        assert browser.ask("GET", "/api/settings/backups", file=name).status_code == 422


def test_ends_of_line_stay_as_they_were(browser: Browser) -> None:
    path = browser.configs / "sim.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    text = browser.file("sim.yaml")["text"]
    assert "\r" not in text
    assert browser.apply("sim.yaml", text.replace("port: 8080", "port: 8081")).json()["taken"]
    assert path.read_bytes().count(b"\r\n") == text.count("\n")


def test_the_program_starts_again_only_at_rest(browser: Browser) -> None:
    browser.bell.refusal = "The line is not at rest. Stop it first."
    assert browser.ask("POST", "/api/restart").json()["taken"] is False
    browser.bell.refusal = None
    assert browser.ask("POST", "/api/restart").json()["taken"] is True
    assert browser.bell.rung == 1

    def told(state: State, speed_mm_s: float) -> str | None:
        return not_at_rest(Status(state, "", (), 0, speed_mm_s, 0, 0, 0, 0, 0, 0, 0))

    assert told(State.idle, 0.0) is None
    assert told(State.running, 1500.0) is not None
    assert told(State.idle, 1500.0) is not None
    assert told(State.paused, 0.0) is not None


def test_the_kind_of_every_key_is_told_in_words_that_the_catalogues_know() -> None:
    known = {word for word, said in sentences("zh").items() if said}
    kinds = {key.key: key.kind for key in key_help()}
    assert kinds["station.id"] == ("text",)
    assert kinds["web.port"] == ("whole number", " = 8080")
    words = {part for kind in kinds.values() for part in kind} & {"text", "whole number", "number", "true or false"}
    assert len(words) == 4
    assert words <= known
    assert not any(part in {"str", "int", "float", "bool", "NoneType"} for kind in kinds.values() for part in kind)
