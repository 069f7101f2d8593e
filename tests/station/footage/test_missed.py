"""A piece that the sorter never saw is drawn by a person, and lies where it was drawn."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import async_playwright, expect

from station.codebook import load_codebook
from station.footage.label_page import classes_of, create_label_app
from station.footage.missed import Belt, belt_of
from station.footage.proposals import Labelling, propose
from station.recording.reader import Recording
from station.web.server import serve
from tests.station.footage.test_label_page import CHROMIUM, FLAGS, NOW, needs_browser, recording
from tests.station.ports import free_port
from vision.labels import Label, read_labels

__all__ = ("recording",)
HERE = "http://127.0.0.1:8090"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def belt(recording: Recording, tmp_path: Path) -> Belt:
    found = belt_of(recording, tmp_path)
    assert found is not None
    return found


def labelling(recording: Recording, table: Path, known: tuple[Label, ...] = ()) -> Labelling:
    return Labelling((), known, table, recording.settings().ticks_per_mm)


def page_of(work: Labelling, recording: Recording, belt: Belt | None) -> FastAPI:
    classes = classes_of(recording.settings().labels, load_codebook())
    return create_label_app(work, classes, "belt", "tester", lambda: NOW, belt)


def test_a_box_around_a_known_piece_is_a_label_where_that_piece_is(
    recording: Recording, belt: Belt, tmp_path: Path
) -> None:
    proposals = {proposal.piece: proposal for proposal in propose(recording, tmp_path)}
    per_mm, compared = recording.settings().ticks_per_mm, 0
    width, height = belt.size_px
    for number, view in enumerate(belt.views):
        for mark, _ in view.found:
            proposal, box = proposals.get(mark.piece_id), mark.box
            whole = box.x > 1 and box.y > 1 and box.x + box.w < width - 1 and box.y + box.h < height - 1
            if proposal is None or not whole:
                continue
            drawn = belt.label(number, box, ("CU-NO2", "tester", NOW))
            assert drawn is not None
            compared += abs(drawn.at_tick - proposal.at_tick) < 15 * per_mm
            assert abs(drawn.across_mm - proposal.across_mm) < 60
    assert compared > 20


def test_every_place_of_the_belt_is_in_some_picture(recording: Recording, belt: Belt) -> None:
    ticks = [view.tick for view in belt.views]
    reach = belt.size_px[1] * 1.25 * recording.settings().ticks_per_mm
    assert len(ticks) > 5
    assert all(0 < after - before < reach for before, after in pairwise(ticks))
    assert belt.picture(0).startswith(b"\xff\xd8")


def test_what_cannot_be_drawn_is_refused_and_the_newest_can_be_taken_back(
    recording: Recording, belt: Belt, tmp_path: Path
) -> None:
    kept = Label(5, 1.0, 2.0, 3.0, "AL-CAST", "somebody", "")
    work = labelling(recording, tmp_path / "t.csv", (kept,))
    right = {"view": 0, "box": [10, 20, 40, 30], "label": "CU-NO2"}

    async def go() -> list[httpx.Response]:
        door = httpx.ASGITransport(page_of(work, recording, belt))
        async with httpx.AsyncClient(transport=door, base_url=HERE, headers={"origin": HERE}) as browser:
            wrong = ({"view": 99}, {"box": [1, 2, 3]}, {"box": [-1, 2, 3, 4]}, {"box": [0, 0, 9999, 4]})
            bodies = [right | one for one in (*wrong, {"box": [1, 2, 0, 4]}, {"label": "GOLD"}, {"view": True}, {})]
            return [await browser.post("/api/missed", json=body) for body in bodies]

    assert [answer.status_code for answer in asyncio.run(go())] == [422] * 7 + [200]
    assert {label.who for label in read_labels(work.table)} == {"somebody", "tester"}
    work.take_back()
    assert read_labels(work.table) == (kept,)


@needs_browser
def test_a_person_draws_by_dragging_and_by_tapping_two_corners(
    recording: Recording, belt: Belt, tmp_path: Path
) -> None:
    work, port = labelling(recording, tmp_path / "t.csv"), free_port()

    async def go() -> None:
        stop = asyncio.Event()
        serving = asyncio.ensure_future(serve(page_of(work, recording, belt), "127.0.0.1", port, stop))
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            page = await browser.new_page(viewport={"width": 1280, "height": 900})
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.get_by_role("button", name="Draw a piece that was missed").click()
            await expect(page.locator("#missed-title")).to_contain_text("0 drawn")
            shown = await page.locator("#belt-picture").bounding_box()
            assert shown is not None
            x, y = shown["x"], shown["y"]
            await page.mouse.move(x + 50, y + 40)
            await page.mouse.down()
            await page.mouse.move(x + 120, y + 90)
            await page.mouse.up()
            await page.locator("#missed").get_by_role("button", name="SS-304").click()
            await expect(page.locator("#missed-title")).to_contain_text("1 drawn")
            await page.locator("#belt-next").click()
            await page.mouse.click(x + 200, y + 100)
            await page.mouse.click(x + 150, y + 60)
            await page.locator("#missed").get_by_role("button", name="CU-NO2").click()
            await expect(page.locator("#missed-title")).to_contain_text("2 drawn")
            await browser.close()
        stop.set()
        await serving

    asyncio.run(asyncio.wait_for(go(), 120))
    first, second = work.drawn
    assert (first.label, second.label) == ("SS-304", "CU-NO2")
    assert first.width_mm / first.length_mm == pytest.approx(70 / 50, rel=0.1)
    assert second.width_mm / second.length_mm == pytest.approx(50 / 40, rel=0.1)
    assert len(read_labels(work.table)) == 2
