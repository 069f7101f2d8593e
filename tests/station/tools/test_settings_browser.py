"""The editor of settings in a real browser: an error is typed, seen, mended; the change is seen, applied, undone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from station.config import load_config
from tests.station.paper_access import as_admin
from tests.station.paper_station import PaperStation, served
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch
from tests.station.tools.site import Bell, tools_of

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
PATIENCE_MS = 30_000


async def write(page: Page, old: str, new: str) -> None:
    """As by a person: mark a text, type another over it."""
    await page.evaluate(
        "old => { const t = document.getElementById('text'); const at = t.value.indexOf(old);"
        " t.focus(); t.setSelectionRange(at, at + old.length); }",
        old,
    )
    await page.keyboard.type(new)


def test_a_technician_breaks_mends_applies_and_undoes(tmp_path: Path) -> None:
    bell = Bell()

    async def go() -> None:
        watch, port = Watch(), free_port()
        async with served(PaperStation(), port, tools=tools_of(tmp_path, bell)) as address, async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": 1280, "height": 900}, extra_http_headers=as_admin())
            page.set_default_timeout(PATIENCE_MS)
            watch.over(page)
            await page.goto(f"{address}/settings")
            await expect(page.locator("#verdict")).to_have_text("No errors.", timeout=PATIENCE_MS)
            before = await page.input_value("#text")
            await write(page, "port: 8080", "prot: 8081")
            fault = page.locator("#faults button")
            line = before.splitlines().index("  port: 8080") + 1
            await expect(fault).to_contain_text(f"Line {line}, column 3: web.prot  unknown key", timeout=PATIENCE_MS)
            await expect(page.locator("#numbers b")).to_have_text(f"! {line}")
            await expect(page.locator("#apply button")).to_be_disabled()
            await fault.click()
            assert await page.evaluate("document.activeElement.id") == "text"
            await write(page, "prot: 8081", "port: 8081")
            await expect(page.locator("#verdict")).to_have_text("No errors.", timeout=PATIENCE_MS)
            await expect(page.locator("#diff ins")).to_have_text("+  port: 8081")
            await expect(page.locator("#diff del")).to_have_text("-  port: 8080")
            if folder := os.environ.get("STATION_SCREENSHOTS"):
                await page.screenshot(path=Path(folder) / "settings.png", full_page=True)
            await page.fill("input[name=why]", "another port")
            await page.click("#apply button")
            await expect(page.locator("#answer")).to_contain_text("next start", timeout=PATIENCE_MS)
            assert load_config(tmp_path / "configs/sim.yaml").file.web.port == 8081
            await expect(page.locator("#newer")).to_be_visible()
            await page.locator("#backups button").click()
            await expect(page.locator("#diff ins")).to_have_text("+  port: 8080", timeout=PATIENCE_MS)
            await page.fill("input[name=why]", "back again")
            await page.click("#apply button")
            await expect(page.locator("#newer")).to_be_hidden(timeout=PATIENCE_MS)
            assert (tmp_path / "configs/sim.yaml").read_text() == before
            await browser.close()
        assert watch.complaints == []
        assert watch.hosts == {f"127.0.0.1:{port}"}

    asyncio.run(asyncio.wait_for(go(), 55))
