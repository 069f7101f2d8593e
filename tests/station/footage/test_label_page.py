"""A person labels a recording: the page in a real browser, and what it writes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from station.codebook import load_codebook
from station.config import load_config
from station.footage.label_page import classes_of, create_label_app
from station.footage.proposals import Labelling, propose
from station.offline import record_footage
from station.recording.reader import Recording, open_recording
from station.web.server import serve
from tests.station.ports import free_port
from vision.labels import NOTHING, read_labels, write_labels

ROOT = Path(__file__).parents[3]
CHROMIUM = Path(os.environ.get("STATION_CHROMIUM", "/usr/bin/chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
NOW = "2026-11-22T08:00:00Z"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("played") / "belt.mcap"
    record_footage(load_config(ROOT / "configs" / "footage.yaml"), path)
    return open_recording(path)


@pytest.fixture
def work(recording: Recording, tmp_path: Path) -> Labelling:
    (tmp_path / "pictures").mkdir()
    proposals = propose(recording, tmp_path / "pictures")
    return Labelling(proposals, (), tmp_path / "belt.labels.csv", recording.settings().ticks_per_mm)


HERE = "http://127.0.0.1:8090"


def ask(work: Labelling, recording: Recording, body: object = None, **headers: str) -> httpx.Response:
    """Answer with ``body``, or fetch the page when there is none."""
    classes = classes_of(recording.settings().labels, load_codebook())
    app = create_label_app(work, classes, "belt", "tester", lambda: NOW)

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as browser:
            if body is None:
                return await browser.get("/", headers=headers)
            return await browser.post("/api/labels", json=body, headers={"origin": HERE} | headers)

    return asyncio.run(go())


def test_every_decided_piece_is_proposed_with_its_picture(work: Labelling, recording: Recording) -> None:
    assert len(work.proposals) == len(list(recording.pieces())) >= 90
    with_picture = [one for one in work.proposals if one.picture is not None]
    assert len(with_picture) >= 90
    assert [one.at_tick for one in work.proposals] == sorted(one.at_tick for one in work.proposals)


def test_proposals_lie_where_the_world_laid_the_pieces(work: Labelling) -> None:
    true = read_labels(ROOT / "tests" / "recordings" / "first-belt" / "labels.csv")
    apart_mm = sorted(
        min(abs(one.at_tick - label.at_tick) / 10 + abs(one.across_mm - label.across_mm) for label in true)
        for one in work.proposals
    )
    assert apart_mm[len(apart_mm) // 2] < 8
    assert sum(apart < 40 for apart in apart_mm) / len(apart_mm) > 0.75


def test_an_answer_is_on_the_disk_before_it_returns_and_can_be_taken_back(
    work: Labelling, recording: Recording
) -> None:
    said = ask(work, recording, {"number": 3, "label": "CU-NO2"}).json()
    assert (said["label"], said["who"]) == ("CU-NO2", "tester")
    (label,) = read_labels(work.table)
    assert (label.at_tick, label.label, label.who, label.when_utc) == (
        work.proposals[3].at_tick,
        "CU-NO2",
        "tester",
        NOW,
    )
    ask(work, recording, {"number": 3, "label": None})
    assert read_labels(work.table) == ()


def test_labels_of_yesterday_are_found_again_and_strangers_are_kept(
    work: Labelling, recording: Recording, tmp_path: Path
) -> None:
    for number in (0, 5):
        ask(work, recording, {"number": number, "label": NOTHING})
    stranger = read_labels(work.table)[0]._replace(at_tick=work.proposals[0].at_tick - 90_000, label="PWB")
    write_labels(work.table, [*read_labels(work.table), stranger])
    again = Labelling(work.proposals, read_labels(work.table), work.table, recording.settings().ticks_per_mm)
    assert set(again.answers) == {0, 5}
    again.answer(7, "ZN-DIE", "later", NOW)
    assert [label.label for label in read_labels(work.table)] == ["PWB", NOTHING, NOTHING, "ZN-DIE"]


@pytest.mark.parametrize(
    "body", [{"number": 10_000, "label": None}, {"number": True, "label": None}, {"number": 0, "label": "GOLD"}, []]
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    work: Labelling, recording: Recording, body: object
) -> None:
    reply = ask(work, recording, body)
    assert reply.status_code == 422
    assert not work.table.exists()


def test_foreign_pages_may_not_label(work: Labelling, recording: Recording) -> None:
    answer = {"number": 0, "label": NOTHING}
    assert ask(work, recording, answer, origin="http://evil.example").status_code == 403
    assert ask(work, recording, host="evil.example").status_code == 403
    assert not work.table.exists()


@asynccontextmanager
async def opened(work: Labelling, recording: Recording, complaints: list[str]) -> AsyncIterator[Page]:
    classes, port, stop = classes_of(recording.settings().labels, load_codebook()), free_port(), asyncio.Event()
    app = create_label_app(work, classes, "belt.mcap", "tester", lambda: NOW)
    serving = asyncio.ensure_future(serve(app, "127.0.0.1", port, stop))
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await asyncio.sleep(0.3)
        await page.goto(f"http://127.0.0.1:{port}/")
        yield page
        await browser.close()
    stop.set()
    await serving


def operate(work: Labelling, recording: Recording, do: Callable[[Page], Awaitable[None]]) -> None:
    async def go() -> None:
        complaints: list[str] = []
        async with opened(work, recording, complaints) as page:
            await do(page)
        assert complaints == []

    asyncio.run(asyncio.wait_for(go(), 50))


@needs_browser
def test_a_person_labels_with_keys_and_buttons_in_a_real_browser(work: Labelling, recording: Recording) -> None:
    total = len(work.proposals)
    third = work.proposals[2]

    async def do(page: Page) -> None:
        await expect(page.locator("#progress")).to_have_text(f"0 of {total} labelled")
        await expect(page.locator("#confirm-what")).to_have_text(work.proposals[0].label)
        size = await page.locator("#picture").evaluate("img => img.decode().then(() => img.naturalWidth)")
        assert size > 10
        await page.keyboard.press("Enter")
        await expect(page.locator("#piece-title")).to_contain_text(f"(2 of {total})")
        await page.keyboard.press("n")
        await expect(page.locator("#progress")).to_have_text(f"2 of {total} labelled")
        await page.get_by_role("button", name="SS-304").click()
        await expect(page.locator("#progress")).to_have_text(f"3 of {total} labelled")
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#label")).to_have_text("SS-304 (tester)")
        await expect(page.get_by_role("button", name="SS-304")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Delete")
        await expect(page.locator("#label")).to_have_text("none yet")
        await page.locator("#more").select_option("CU-BRIGHT")
        await expect(page.locator("#progress")).to_have_text(f"3 of {total} labelled")
        frame = await page.locator(".frame").bounding_box()
        shown = await page.locator("#picture").bounding_box()
        assert frame is not None
        assert frame == shown
        folder = os.environ.get("STATION_SCREENSHOTS")
        if folder:
            await page.screenshot(path=f"{folder}/label.png", full_page=True)

    operate(work, recording, do)
    said = {label.at_tick: label.label for label in read_labels(work.table)}
    assert said[work.proposals[0].at_tick] == work.proposals[0].label
    assert said[work.proposals[1].at_tick] == NOTHING
    assert said[third.at_tick] == "CU-BRIGHT"


@pytest.mark.timeout(120)
def test_the_command_serves_until_it_is_told_to_end(recording: Recording, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "said.csv"
    command = [sys.executable, "-m", "station", "footage", "label", str(recording.path), "--who", "tester"]
    running = subprocess.Popen([*command, "--port", str(port), "--labels", str(table)], cwd=ROOT)
    here = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=here, headers={"origin": here}) as browser:
            pieces = _once_there(browser).json()
            assert browser.get("/picture/0.png").headers["content-type"] == "image/png"
            assert browser.get("/picture/9999.png").status_code == 404
            said = browser.post("/api/labels", json={"number": 0, "label": "CU-NO2"})
            assert said.json()["label"] == "CU-NO2"
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
    assert len(pieces) >= 90
    assert [label.who for label in read_labels(table)] == ["tester"]


def _once_there(browser: httpx.Client) -> httpx.Response:
    for _ in range(300):
        try:
            return browser.get("/api/pieces")
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the page never came")


@needs_browser
def test_the_page_says_when_its_answers_are_no_longer_kept(work: Labelling, recording: Recording) -> None:
    async def do(page: Page) -> None:
        await expect(page.locator("#progress")).to_contain_text("0 of")
        await page.route("**/api/labels", lambda route: route.abort())
        await page.keyboard.press("Enter")
        await expect(page.locator("#lost")).to_contain_text("not saved")
        await expect(page.locator("#progress")).to_contain_text("0 of")

    async def go() -> None:
        complaints: list[str] = []
        async with opened(work, recording, complaints) as page:
            await do(page)

    asyncio.run(asyncio.wait_for(go(), 50))
