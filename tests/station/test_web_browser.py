"""The page in a real browser, as an operator uses it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from station.span_counts import BinMass
from station.types import Order, State
from station.web.view import Mishap
from tests.station.paper_access import as_admin
from tests.station.paper_station import AIR_LOW, PaperStation, served
from tests.station.ports import free_port

CHROMIUM = Path(os.environ.get("STATION_CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")


@dataclass
class Watch:
    """What the browser complained about and where it went."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, page: Page) -> None:
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self.hosts.add(asked.url.split("/")[2]))
        page.on("websocket", lambda asked: self.hosts.add(asked.url.split("/")[2]))


@asynccontextmanager
async def opened(
    address: str, watch: Watch, width: int = 1920, height: int = 970, headers: dict[str, str] | None = None
) -> AsyncIterator[Page]:
    """``headers`` None: those that open the paper station."""
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(
            viewport={"width": width, "height": height}, extra_http_headers=headers or as_admin()
        )
        watch.over(page)
        await page.goto(address)
        await expect(page.locator("#link")).to_have_text("Connected")
        yield page
        await browser.close()


def operate(paper: PaperStation, work: Callable[[Page], Awaitable[None]], width: int = 1920, height: int = 970) -> None:
    """Let the operator work on the page of ``paper``; it must stay free of complaints and of foreign hosts."""

    async def go() -> None:
        watch, port = Watch(), free_port()
        async with served(paper, port) as address, opened(address, watch, width, height) as page:
            await work(page)
            assert watch.complaints == []
            assert watch.hosts == {f"127.0.0.1:{port}"}

    asyncio.run(asyncio.wait_for(go(), 50))


def test_start_is_pressed_the_state_changes_and_pictures_arrive() -> None:
    async def work(page: Page) -> None:
        await expect(page.locator("#word")).to_have_text("Idle")
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("#word")).to_have_text("Running")
        await expect(page).to_have_title("Running · Line 2, Yard Nord")
        await expect(page.locator("#no-picture")).to_be_hidden()
        await expect(page.locator("#picture")).to_have_attribute("data-seq", re.compile(r"\d\d"))
        colours = await page.evaluate(
            "new Set(document.querySelector('#picture').getContext('2d').getImageData(0, 0, 600, 400).data).size"
        )
        assert colours > 50
        await expect(page.locator("#counts tfoot td").last).not_to_have_text("0")
        await expect(page.locator("#truth [data-outlet=copper] [data-what=purity]")).to_have_text("97.4 %")

    operate(PaperStation(), work)


def test_a_station_that_goes_on_as_it_was_has_its_page_fetch_nothing_again() -> None:
    async def work(page: Page) -> None:
        statuses: list[str] = []

        def note(message: str | bytes) -> None:
            if isinstance(message, str) and json.loads(message)["kind"] == "status":
                statuses.append(message)

        page.on("websocket", lambda feed: feed.on("framereceived", note))
        await page.reload()
        await expect(page.locator("#link")).to_have_text("Connected")
        while len(statuses) < 8:
            await asyncio.sleep(0.05)
        fetched = await page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert [name for name in set(fetched) if "/static/" in name and fetched.count(name) > 1] == []
        assert any("/static/signs.svg" in name for name in fetched)

    operate(PaperStation(), work)


def test_a_refused_order_shows_its_sentence_and_stop_works_by_keyboard() -> None:
    paper = PaperStation(guard_open=True)

    async def work(page: Page) -> None:
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("#answer")).to_have_text("Start refused. Close the guard first.")
        await expect(page.locator("#word")).to_have_text("Idle")
        paper.state = State.running
        await expect(page.locator("#word")).to_have_text("Running")
        await page.locator("[data-order=stop]").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#word")).to_have_text("Idle")

    operate(paper, work)


def test_a_sentence_within_a_sentence_is_told_whole_in_another_language() -> None:
    """The catalogue also knows "Connected to {where}.", which must not swallow what went wrong."""
    lost = (
        "Connected to 10.0.0.5:502, but unit 1 has been silent for 100 ms. Check that the controller's program is "
        "running, the unit number, and the cable behind the gateway."
    )

    async def work(page: Page) -> None:
        await page.context.add_cookies([{"name": "station_language", "value": "zh", "url": page.url}])
        await page.reload()
        said = await page.evaluate("async (said) => (await import('/static/words.js')).told(said)", lost)
        assert re.findall("[A-Za-z0-9.:]+", said) == ["10.0.0.5:502", "1", "100"]

    operate(PaperStation(), work)


def test_an_alarm_is_shown_within_two_seconds_acknowledged_shelved_and_comes_back() -> None:
    paper = PaperStation()

    async def work(page: Page) -> None:
        alarm = page.locator('.fault[data-code="air-low"]')
        await expect(page.locator("#no-alarms")).to_be_visible()
        paper.state = State.bypass
        paper.raise_alarm("air-low", 1, "3.1 bar")
        await expect(alarm).to_contain_text(AIR_LOW.sentence, timeout=2000)
        for words in (AIR_LOW.hint, "3.1 bar", "Came first", "Nothing is ejected until it is over."):
            await expect(alarm).to_contain_text(words)
        await alarm.get_by_role("button", name="Acknowledge").click()
        await expect(alarm).to_contain_text("Acknowledged by this computer")
        await alarm.get_by_role("button", name="Shelve").click()
        await alarm.get_by_role("button", name="1 hour").click()
        await expect(alarm).to_have_count(0)
        await page.locator("#shelved").get_by_role("button", name="Back").click()
        await expect(alarm).to_be_visible()
        paper.raise_alarm("estop", 2)
        await expect(page.locator('.fault[data-code="estop"] [data-act="shelve"]')).to_be_hidden()

    operate(paper, work)


def test_after_a_fault_start_is_held_by_finger_or_key_and_a_tap_does_nothing() -> None:
    paper = PaperStation(holds=True)

    async def work(page: Page) -> None:
        start = page.locator("#start")
        await expect(page.locator("#hold")).to_be_visible()
        await start.click()
        await expect(page.locator("#answer")).to_contain_text("held for one second")
        assert paper.orders == []
        await start.focus()
        await page.keyboard.down("Enter")
        await expect(page.locator("#word")).to_have_text("Running")
        await page.keyboard.up("Enter")
        paper.state, paper.holds = State.idle, True
        await expect(page.locator("#hold")).to_be_visible()
        await start.hover()
        await page.mouse.down()
        await expect(page.locator("#word")).to_have_text("Running")
        await page.mouse.up()
        assert [order for order, _ in paper.orders] == [Order.start, Order.start]

    operate(paper, work)


def test_counts_of_the_day_in_kilograms_and_a_bin_that_is_emptied_with_two_presses() -> None:
    paper = PaperStation(seq=300)
    paper.paper_bins.take({"copper": BinMass(372.0, 40.0)})

    async def work(page: Page) -> None:
        await page.get_by_role("button", name="This day").click()
        copper = page.locator('#counts [data-label="CU-NO2"] [data-outlet="copper"]')
        await expect(copper).to_have_text("1")
        await page.get_by_role("button", name="in kg").click()
        await expect(copper).to_have_text("1.25")
        await page.get_by_role("button", name="This batch").click()
        await expect(page.locator("#span-words")).to_have_text("No batch is open.")
        bin_ = page.locator('#bins [data-outlet="copper"]')
        await expect(bin_).to_contain_text("372 kg ± 40 kg of 400 kg, 93 %")
        await expect(bin_).to_contain_text("nearly full")
        await bin_.get_by_role("button", name="Emptied").click()
        await bin_.get_by_role("button", name="Really emptied?").click()
        await expect(bin_).to_contain_text("emptied by this computer")
        assert paper.noted[-1].code == "copper"

    operate(paper, work)


def test_a_mishap_can_be_tried_on_the_simulated_line() -> None:
    paper = PaperStation()

    async def work(page: Page) -> None:
        await page.get_by_text("Try a mishap").click()
        await page.get_by_role("button", name="Cover the lens").click()
        await expect(page.get_by_role("button", name="Cover the lens")).to_have_attribute("aria-pressed", "true")
        assert paper.on == {Mishap.lens_covered}

    operate(paper, work)


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_orders_are_always_in_sight_large_and_nothing_sticks_out(width: int) -> None:
    async def work(page: Page) -> None:
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        for order in ("start", "pause", "stop"):
            button = page.locator(f"[data-order={order}]")
            await expect(button).to_be_in_viewport(ratio=1)
            place = await button.bounding_box()
            assert place is not None
            assert place["height"] >= 76

    operate(PaperStation(state=State.running), work, width, 740)


def test_a_lost_connection_is_told_and_comes_back_by_itself() -> None:
    async def go() -> None:
        paper, port, gone = PaperStation(state=State.running), free_port(), asyncio.Event()
        watch = Watch()
        async with served(paper, port, stop=gone) as address, opened(address, watch) as page:
            gone.set()
            await expect(page.locator("#lost")).to_be_visible()
            await expect(page.locator("#word")).to_have_text("No connection")
            await expect(page.locator("#sentence")).to_contain_text("running")
            await page.get_by_role("button", name="Stop").click()
            await expect(page.locator("#answer")).to_contain_text("Use the emergency stop in danger")
            async with served(paper, port):
                await expect(page.locator("#lost")).to_be_hidden(timeout=8000)
                await expect(page.locator("#word")).to_have_text("Running")
                before = await page.locator("#picture").get_attribute("data-seq")
                await expect(page.locator("#picture")).not_to_have_attribute("data-seq", before or "")

    asyncio.run(asyncio.wait_for(go(), 50))


@asynccontextmanager
async def slow_door(port: int, delay_s: float, greeted: list[str]) -> AsyncIterator[str]:
    """An address in front of the one on ``port``: what is sent to the live feed first is passed on late."""

    async def flow(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        if first.startswith(b"GET /ws/live"):
            greeted.append("live")
            await asyncio.sleep(delay_s)
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        inner_writer.write(first)
        await asyncio.gather(flow(reader, inner_writer), flow(inner_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def test_a_station_too_busy_to_answer_at_once_is_waited_for() -> None:
    async def go() -> None:
        greeted: list[str] = []
        watch, port = Watch(), free_port()
        async with (
            served(PaperStation(), port),
            slow_door(port, 3.0, greeted) as address,
            opened(address, watch) as page,
        ):
            await expect(page.locator("#word")).to_have_text("Idle")
            assert (greeted, watch.complaints) == (["live"], [])

    asyncio.run(asyncio.wait_for(go(), 50))
