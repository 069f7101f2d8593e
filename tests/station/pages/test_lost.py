"""A page that lost its station says so, and comes back by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from station.web.access import LOCAL_TOKEN
from tests.station.access.test_web_access import Gate, full_app
from tests.station.pages.walk import served
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS

SLOW_MS = 20_000


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
@pytest.mark.timeout(120)
def test_every_page_tells_that_the_station_is_gone_and_that_it_is_back(tmp_path: Path) -> None:
    gate, port = Gate(tmp_path), free_port()
    headers = {"authorization": f"Bearer {(tmp_path / LOCAL_TOKEN).read_text(encoding='ascii')}"}

    async def go() -> None:
        with full_app(gate) as app:
            async with async_playwright() as tools:
                browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                page = await browser.new_page(extra_http_headers=headers)
                page.set_default_timeout(2 * SLOW_MS)
                async with served(app, port) as address:
                    await page.goto(f"{address}/batches")
                    await expect(page.locator("#who")).to_contain_text("admin", timeout=SLOW_MS)
                    await expect(page.locator("#gone")).to_be_hidden()
                await expect(page.locator("#gone")).to_contain_text("No connection", timeout=SLOW_MS)
                async with served(app, port):
                    await expect(page.locator("#gone")).to_be_hidden(timeout=SLOW_MS)
                await browser.close()

    asyncio.run(asyncio.wait_for(go(), 110))
