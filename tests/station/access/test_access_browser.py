"""First run, logging in, and two people who both want control, in a real browser."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from station.access.words import Role
from station.web.access import Access
from tests.station.paper_station import PaperStation, served
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch

PASSWORD = "belt runs at dawn"
SLOW_MS = 20_000


async def opened(context: BrowserContext, address: str, watch: Watch) -> Page:
    page = await context.new_page()
    watch.over(page)
    await page.goto(address)
    return page


async def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("STATION_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def enter(page: Page, name: str, secret: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("PIN or password").fill(secret)
    await page.get_by_role("button", name="Log in").click()


@pytest.mark.timeout(180)
def test_from_the_first_run_to_two_people_who_both_want_control(tmp_path: Path) -> None:
    access = Access(tmp_path)

    async def go() -> None:
        watch, port = Watch(), free_port()
        async with served(PaperStation(), port, access=access) as address, async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            ada = await opened(await browser.new_context(), f"{address}/people", watch)
            await ada.get_by_role("link", name="Make the first one").click()
            await shoot(ada, "first-run")
            await ada.get_by_label("Code").fill(access.code)
            await ada.get_by_label("Your name").fill("Ada")
            await ada.get_by_label("Password").fill(PASSWORD)
            await ada.get_by_role("button", name="Make the admin account").click()
            await expect(ada.locator("#who")).to_have_text("Ada admin", timeout=SLOW_MS)
            await ada.get_by_text("Tools").click()
            await ada.get_by_role("link", name="People").click()
            await ada.get_by_label("Name").fill("Li")
            await ada.get_by_label("PIN (operator").fill("482913")
            await ada.get_by_role("button", name="Add").click()
            await expect(ada.locator("#people tbody tr")).to_have_count(2, timeout=SLOW_MS)
            await shoot(ada, "people")
            await ada.get_by_role("link", name="Line").click()
            await ada.get_by_role("button", name="Start").click()
            await expect(ada.locator("#word")).to_have_text("Running", timeout=SLOW_MS)
            await expect(ada.locator("#helm")).to_contain_text("You hold control.", timeout=SLOW_MS)

            li = await opened(await browser.new_context(), f"{address}/login?next=//evil.example/", watch)
            await enter(li, "Li", "482913")
            await expect(li).to_have_url(f"{address}/", timeout=SLOW_MS)
            await expect(li.locator("#helm")).to_contain_text("Ada holds control.", timeout=SLOW_MS)
            await li.get_by_role("button", name="Ask for control").click()
            await expect(ada.locator("#helm")).to_contain_text("Li asks for control", timeout=SLOW_MS)
            await shoot(ada, "helm")
            await ada.get_by_role("button", name="Give").click()
            await expect(li.locator("#helm")).to_contain_text("You hold control.", timeout=SLOW_MS)
            await li.get_by_role("button", name="Log out").click()
            await expect(li.get_by_role("link", name="Log in")).to_be_visible(timeout=SLOW_MS)
            await ada.get_by_text("Tools").click()
            await ada.get_by_role("link", name="Trail").click()
            await expect(ada.locator("#trail tbody tr")).to_have_count(2, timeout=SLOW_MS)
            await shoot(ada, "trail")
            await browser.close()
        assert watch.complaints == []
        assert watch.hosts == {f"127.0.0.1:{port}"}

    asyncio.run(asyncio.wait_for(go(), 170))
    assert [account.role for account in access.book.accounts()] == [Role.admin, Role.operator]
