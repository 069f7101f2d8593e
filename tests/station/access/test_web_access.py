"""The page asks everybody who they are, and the answer decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from station.access.words import Role
from station.chain import ChainBroken, append_entry, read_chain
from station.reporting.clock import Clock
from station.reporting.office import Office
from station.reporting.reporter import Reporter, ReporterSettings
from station.reporting.shifts import ShiftPlan
from station.reporting.trimming import TrimSettings
from station.trends.book import BOOK, Figure, Series, TrendBook
from station.web.access import LOCAL_TOKEN, Access, routes_by_role
from station.web.app import Desks, create_app
from station.web.piece_routes import PieceFiles
from station.web.review import ReviewDesk
from station.web.yard_routes import YardDesk
from station.wizard.desk import WizardDesk
from tests.station.paper_station import PaperStation
from tests.station.reporting.yard import CONTEXT, Yard
from tests.station.site import site_config
from tests.station.tools.site import tool_plan, tools_of
from tests.station.wizard.paper_crew import PaperCrew

HERE = "http://127.0.0.1:8080"
PASSWORD = "belt runs at dawn"
TABLE = Path(__file__).parents[3] / "station/web/routes.md"


TRENDS = [
    *((Series.pieces, f"{outlet}/{outcome}") for outlet, outcome in (("copper", "ejected"), ("rest", "unsure"))),
    *((Series.sure, f"CU-NO2/{n}") for n in range(7, 10)),
    *((series, key) for series in (Series.work, Series.slack) for key in ("p1", "p50", "p99")),
    *((Series.valve, str(output)) for output in range(3)),
    *((Series.camera, key) for key in ("light", "sharpness")),
]


class Gate:
    """The page of one station with its people."""

    def __init__(self, folder: Path, *, viewers: bool = True) -> None:
        self.folder = folder
        self.access = Access(folder, viewers=viewers)
        self.paper = PaperStation()

    def app(self) -> FastAPI:
        return create_app(
            self.paper, self.access, desks=Desks(review=ReviewDesk(self.folder, self.paper.facts().labels))
        )

    def meet(self, work: Callable[[Callable[[], httpx.AsyncClient]], Awaitable[None]]) -> None:
        """``work`` gets as many browsers as it asks for."""
        app = self.app()

        async def go() -> None:
            await work(lambda: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE))

        asyncio.run(go())

    def settle(self) -> None:
        self.access.book.add("Ada", Role.admin, PASSWORD)
        self.access.book.add("Tam", Role.technician, PASSWORD)
        self.access.book.add("Li", Role.operator, "482913")
        self.access.book.add("Bo", Role.operator, "482914")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


async def enter(browser: httpx.AsyncClient, name: str) -> httpx.Response:
    secret = {"Li": "482913", "Bo": "482914"}.get(name, PASSWORD)
    return await browser.post("/api/session", json={"name": name, "secret": secret})


def test_nobody_has_an_account_until_the_code_from_the_console_makes_the_first(gate: Gate) -> None:
    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as browser:
            assert (await browser.get("/api/session")).json()["first_run"] is True
            wish = {"name": "Ada", "secret": PASSWORD}
            wrong = await browser.post("/api/first-run", json=wish | {"code": "0000-0000"})
            weak = await browser.post("/api/first-run", json=wish | {"code": gate.access.code, "secret": "admin"})
            assert (wrong.status_code, weak.status_code) == (422, 422)
            made = await browser.post("/api/first-run", json=wish | {"code": gate.access.code.replace("-", "")})
            assert made.json() == {"taken": True, "refusal": None}
            cookie = made.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert (await browser.get("/api/session")).json()["role"] == "admin"
            again = await browser.post("/api/first-run", json=wish | {"name": "Eve", "code": gate.access.code})
            assert again.json()["refusal"] == "There is an admin already. Log in."

    gate.meet(work)
    assert [deed.what for deed in gate.access.trail.newest(9)] == ["first admin"]


def test_the_code_is_not_guessed(gate: Gate) -> None:
    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as browser:
            wish = {"name": "Eve", "secret": PASSWORD, "code": "0000-0000"}
            answers = [await browser.post("/api/first-run", json=wish) for _ in range(6)]
            assert [answer.status_code for answer in answers] == [422] * 5 + [429]
            assert int(answers[-1].headers["retry-after"]) >= 0
            right = await browser.post("/api/first-run", json=wish | {"code": gate.access.code})
            assert right.status_code == 429

    gate.meet(work)


def test_somebody_who_only_looks_sees_the_line_and_moves_nothing(gate: Gate) -> None:
    gate.settle()

    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as browser:
            assert (await browser.get("/")).status_code == 200
            order = await browser.post("/api/orders", json={"order": "start"})
            assert (order.status_code, order.json()["refusal"]) == (401, "Log in first.")
            sent_on = await browser.get("/people")
            assert (sent_on.status_code, sent_on.headers["location"]) == (303, "/login?next=/people")

    gate.meet(work)
    assert gate.paper.orders == []


def test_where_looking_needs_a_log_in_nothing_is_shown_before(tmp_path: Path) -> None:
    gate = Gate(tmp_path, viewers=False)
    gate.settle()

    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as browser:
            assert (await browser.get("/api/status")).status_code == 401
            assert (await browser.get("/")).status_code == 303
            assert (await browser.get("/livez")).status_code == 200
            assert (await browser.get("/login")).status_code == 200
            await enter(browser, "Li")
            assert (await browser.get("/api/status")).status_code == 200

    gate.meet(work)


def test_one_person_holds_control_and_anybody_may_stop(gate: Gate) -> None:
    gate.settle()

    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as one, browsers() as other:
            await enter(one, "Li")
            await enter(other, "Bo")
            assert (await one.post("/api/orders", json={"order": "start"})).json()["taken"]
            refused = await other.post("/api/orders", json={"order": "start"})
            assert (refused.status_code, refused.json()["refusal"]) == (409, "Li holds control. Ask for it first.")
            assert (await other.post("/api/orders", json={"order": "stop"})).json()["taken"]
            asked = (await other.post("/api/helm", json={"act": "take"})).json()
            assert (asked["holder"], asked["asker"]) == ("Li", "Bo")
            assert (await one.post("/api/helm", json={"act": "give"})).json()["holder"] == "Bo"
            assert (await one.post("/api/orders", json={"order": "start"})).status_code == 409

    gate.meet(work)


def test_accounts_are_the_admins_and_every_change_is_in_the_trail(gate: Gate) -> None:
    gate.settle()

    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as browser:
            await enter(browser, "Tam")
            assert (await browser.get("/api/accounts")).status_code == 403
            await enter(browser, "Ada")
            wish = {"name": "Mei", "role": "operator", "secret": "917364"}
            assert (await browser.post("/api/accounts", json=wish)).json()["taken"]
            assert (await browser.post("/api/accounts/Mei/secret", json={"secret": "917365"})).json()["taken"]
            assert (await browser.delete("/api/accounts/Mei")).json()["taken"]
            deeds = (await browser.get("/api/trail")).json()
            assert [deed["what"] for deed in deeds] == ["account Mei", "secret of Mei", "account Mei"]
            assert {deed["by"] for deed in deeds} == {"Ada"}

    gate.meet(work)
    assert b"917364" not in (gate.folder / "trail.jsonl").read_bytes()


def test_a_program_on_this_computer_shows_the_token_of_the_data_folder(gate: Gate) -> None:
    token = (gate.folder / LOCAL_TOKEN).read_text()
    assert (gate.folder / LOCAL_TOKEN).stat().st_mode & 0o077 == 0

    async def work(browsers: Callable[[], httpx.AsyncClient]) -> None:
        async with browsers() as program:
            known = await program.get("/api/session", headers={"authorization": f"Bearer {token}"})
            unknown = await program.get("/api/session", headers={b"authorization": "Bearer ü".encode()})
            assert (known.json()["role"], unknown.json()["role"]) == ("admin", "viewer")

    gate.meet(work)


def test_a_route_that_says_nothing_is_for_nobody(gate: Gate) -> None:
    app = gate.app()

    @app.get("/forgotten")
    async def forgotten() -> dict[str, str]:
        return {}

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as browser:
            token = (gate.folder / LOCAL_TOKEN).read_text()
            return await browser.get("/forgotten", headers={"authorization": f"Bearer {token}"})

    assert asyncio.run(go()).status_code == 403


def test_the_table_of_routes_by_role_is_the_one_that_was_reviewed(gate: Gate) -> None:
    assert table(gate) == TABLE.read_text(encoding="utf-8"), "write it anew with `make routes`"


@contextmanager
def full_app(gate: Gate) -> Iterator[FastAPI]:
    """An app that has everything."""
    with Yard(gate.folder) as yard:
        yard.see(20)
        yard.see(1, outlet="quarantine", label="BAT-LI")
        yard.close()
        figures = [Figure(series, key, 4, 2.0, 0.5, 0.5) for series, key in TRENDS]
        TrendBook(gate.folder / BOOK).add(int(time.time()), figures)
        settings = ReporterSettings(60_000_000_000, ShiftPlan((), ZoneInfo("UTC")), TrimSettings())
        office = Office(yard.store, Reporter(yard.store, yard.run.uuid, CONTEXT, settings, Clock()))
        files = PieceFiles(yard.store.path, gate.folder / "album.sqlite", "rest")
        review = ReviewDesk(gate.folder, gate.paper.facts().labels)
        config = site_config(gate.folder, "scrap-v1")
        tools = tools_of(gate.folder, plan=tool_plan(gate.folder, config))
        wizard = WizardDesk(PaperCrew(config), gate.folder)
        desks = Desks(review, office, files, YardDesk(config), wizard, tools)
        yield create_app(gate.paper, gate.access, (), desks)


def table(gate: Gate) -> str:
    """Every route with its role."""
    with full_app(gate) as app:
        return routes_by_role(app)


def test_a_line_taken_out_of_a_chain_shows(tmp_path: Path) -> None:
    path = tmp_path / "chain.jsonl"
    for n in range(3):
        append_entry(path, {"n": n})
    lines = path.read_text().splitlines(keepends=True)
    assert [entry["n"] for entry in read_chain(path)] == [0, 1, 2]
    path.write_text("".join((lines[0], lines[2])))
    with pytest.raises(ChainBroken, match=r"chain.jsonl:2"):
        read_chain(path)
    path.write_text("[]\n")
    with pytest.raises(ChainBroken, match="cannot be read"):
        append_entry(path, {"n": 3})
