"""The receiver's pages in a real browser: what is wrong is seen, what is simulated is never taken for real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from station.programme.registry import Registry
from station.programme.tables import open_registry
from station.programme.words import Sender
from station.reporting.row import NO_PREVIOUS, Count, IntervalRow, seal
from tests.station.programme.books import opened, other_history
from tests.station.programme.receivers import register, running_receiver
from tests.station.reporting.rows import ROW, chain
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch

SPAN = "from=2027-01-01&to=2027-01-31"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    database = f"sqlite:///{folder}/p.db"
    fill(database, folder)
    with running_receiver(database) as found:
        yield found


def fill(database: str, folder: Path) -> None:
    """A real station with a gap and one with a conflict, and a simulated one."""
    for station in ("real-gap", "real-fork"):
        register(database, station, folder, is_simulated=False)
    register(database, "demo-line", folder)
    with opened(database) as book:
        gap = chain(5, replace(ROW, station="real-gap", is_simulated=False))
        book.take([*gap[:2], gap[4]], sender=Sender("real-gap", False))
        fork = chain(3, replace(ROW, station="real-fork", is_simulated=False))
        book.take([*fork, other_history(fork[1], 77)], sender=Sender("real-fork", False))
        book.take(chain(40))


def look(work: Callable[[Page], Awaitable[None]], width: int = 1300) -> None:
    async def go() -> None:
        watch = Watch()
        async with async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": width, "height": 900})
            watch.over(page)
            await work(page)
            assert watch.complaints == []
            await browser.close()

    asyncio.run(asyncio.wait_for(go(), 50))


def test_gaps_and_conflicts_are_seen_and_simulated_stations_stand_apart(address: str) -> None:
    async def work(page: Page) -> None:
        await page.goto(address)
        real, simulated = page.locator("section.card").nth(0), page.locator("section.is-simulated")
        await expect(real.get_by_role("row", name="real-gap")).to_contain_text("Rows missing")
        await expect(real.get_by_role("row", name="real-fork")).to_contain_text("Conflict")
        await expect(simulated).to_contain_text("SIMULATED")
        await expect(simulated.get_by_role("row", name="demo-line")).to_contain_text("40")
        await expect(real).not_to_contain_text("demo-line")
        await page.get_by_role("link", name="Line of real-gap").click()
        await expect(page.get_by_role("row", name="https")).to_contain_text("3–4")
        await page.get_by_role("link", name="Conflicts").click()
        await expect(page.get_by_role("row", name="real-fork")).to_contain_text("other content")

    look(work)


def test_totals_of_both_kinds_are_never_added(address: str) -> None:
    async def work(page: Page) -> None:
        await page.goto(f"{address}/totals?{SPAN}")
        real, simulated = page.locator("section.card").nth(0), page.locator("section.is-simulated")
        await expect(real.locator("tfoot .sum")).to_contain_text("9")
        await expect(simulated.locator("tfoot .sum")).to_contain_text("820")
        await page.get_by_role("link", name="中文").click()
        await expect(page.locator("section.is-simulated")).to_contain_text("绝不计入真实数据")
        await expect(page.get_by_role("row", name="CU-NO2").first).to_contain_text("2号铜")

    look(work)


def test_the_pages_fit_on_a_telephone(address: str) -> None:
    async def work(page: Page) -> None:
        for path in ("/", f"/totals?{SPAN}", f"/stations/real-gap?{SPAN}", "/conflicts"):
            await page.goto(address + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390

    look(work, width=390)


def test_the_csv_holds_one_kind_and_says_so_in_its_name(address: str) -> None:
    answer = httpx.get(f"{address}/v1/counts_daily.csv?{SPAN}&simulated=true")
    assert 'filename="simulated-counts_daily_2027-01-01_2027-01-31.csv"' in answer.headers["content-disposition"]
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("station,is_simulated,day,class_id,outlet,outcome,pieces,kg")
    assert {line.split(",")[1] for line in lines[1:]} == {"true"}
    assert "demo-line" not in httpx.get(f"{address}/v1/counts_daily.csv?{SPAN}").text


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/p.db"
    engine = open_registry(database)
    Registry(engine).add("evil-line", "<script>alert(1)</script>", 0, is_simulated=False)
    engine.dispose()
    with opened(database) as book:
        counts = (Count("<img src=x>", "=1+1", "passed", 1, 1.0, 0.0, 0.0),)
        book.take(one_row("evil-line", counts), sender=Sender("evil-line", False))
    with running_receiver(database) as found:
        pages = [httpx.get(f"{found}{path}").text for path in ("/", f"/totals?{SPAN}", f"/stations/evil-line?{SPAN}")]
        table = httpx.get(f"{found}/v1/counts_daily.csv?{SPAN}").text
        policy = httpx.get(found).headers["content-security-policy"]
    assert all("<script>" not in page and "<img" not in page for page in pages)
    assert "&lt;img src=x&gt;" in pages[1]
    assert "'=1+1" in table
    assert "default-src 'none'" in policy


def one_row(station: str, counts: tuple[Count, ...]) -> list[IntervalRow]:
    return [seal(replace(ROW, station=station, is_simulated=False, counts=counts), NO_PREVIOUS)]


def test_once_there_are_viewers_everybody_else_is_kept_out(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/p.db"
    with running_receiver(database) as found:
        assert httpx.get(found).status_code == 200
        engine = open_registry(database)
        password = Registry(engine).new_viewer("maria", 0)
        for path in ("/", "/totals", "/conflicts", "/stations/x", "/v1/counts_daily.csv"):
            assert httpx.get(found + path).status_code == 401
            assert httpx.get(found + path, auth=("maria", "guess")).status_code == 401
        assert httpx.get(found, auth=("maria", password)).status_code == 200
        Registry(engine).remove_viewer("maria")
        engine.dispose()
