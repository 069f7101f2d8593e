"""The review page in a real browser, as a person labels crops on it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import cv2
import pytest
from playwright.async_api import async_playwright, expect

from station.dataset.book import Book
from station.dataset.words import NewCrop, Reason
from station.web.review import ReviewDesk
from tests.station.paper_access import as_admin
from tests.station.paper_station import PaperStation, served
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch
from tests.vision.detector_models import picture

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")


def kept(folder: Path) -> None:
    scores = {"CU-NO2": 0.52, "BRASS-YEL": 0.31, "AL-CAST": 0.12}
    with Book.open(folder, create=True) as book:
        for n in range(3):
            png = cv2.imencode(".png", picture(n, 96, 96))[1].tobytes()
            book.add([NewCrop(png, "png", f"r/{n}", "r", Reason.unsure, "2026-11-22T08:00:00+00:00", scores, "m")])


def test_a_person_labels_skips_and_takes_back(tmp_path: Path) -> None:
    kept(tmp_path)

    async def go() -> None:
        watch, port, paper = Watch(), free_port(), PaperStation()
        desk = ReviewDesk(tmp_path, paper.facts().labels)
        async with served(paper, port, review=desk) as address, async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": 1280, "height": 800}, extra_http_headers=as_admin())
            watch.over(page)
            await page.goto(f"{address}/review")
            await expect(page.locator("#left")).to_have_text("3 to label, 0 labelled")
            await expect(page.locator("#scores tbody tr")).to_have_count(3)
            await page.locator("[data-label=PWB]").click()
            await expect(page.locator("#left")).to_have_text("2 to label, 1 labelled")
            first = await page.locator("#picture").get_attribute("src")
            await page.locator("#skip").click()
            await expect(page.locator("#picture")).not_to_have_attribute("src", first or "")
            await page.locator("#undo").click()
            await expect(page.locator("#left")).to_have_text("3 to label, 0 labelled")
            await page.locator("[data-label='BRASS-YEL']").click()
            await expect(page.locator("#left")).to_have_text("2 to label, 1 labelled")
            if folder := os.environ.get("STATION_SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / "review.png")
            await browser.close()
        assert watch.complaints == []
        assert watch.hosts == {f"127.0.0.1:{port}"}

    asyncio.run(asyncio.wait_for(go(), 50))
    with Book.open(tmp_path) as book:
        assert [crop.label for crop in book.crops()].count("BRASS-YEL") == 1
        assert [label for label, *_ in book.reviews(3)][:2] == ["PWB", None]
