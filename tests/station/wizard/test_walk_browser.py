"""A technician sets the simulated line up from the first step to the last, in a real browser, by what the page says."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright, expect

from station.config import load_config
from station.setup import geometry
from station.web.access import LOCAL_TOKEN
from tests.station.ports import free_port
from tests.station.site import PROJECT, site_config
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch
from tests.station.wizard.rig import with_installed

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
    pytest.mark.timeout(300),
]
TRUE = "{ticks_per_mm: 10.07, distance_mm: {copper: 1008.0}, delay_ms: {copper: 15.0}}"
_PATIENT_MS = 40_000


def written(folder: Path, page_port: int) -> Path:
    """A station whose line is a little different from what its calibration says."""
    path = site_config(folder).path
    text = with_installed(path.read_text(), TRUE)
    for before, after in (
        ("port: 8080", f"port: {page_port}"),
        ("port: 15020", f"port: {free_port()}"),
        ("model: ../models", f"model: {PROJECT}/models"),
        ("  seed: 1\n", "  seed: 1\n  fps: 30.0\n  starts_at_once: false\n"),
    ):
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)
    return path


def await_ready(port: int, station: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and station.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the station did not come up")


class Technician:
    """Does what a step says and waits for what the page answers."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def open(self, step: str) -> None:
        await self._page.locator(f"#list [data-open={step}]").click()
        await expect(self._page.locator(f"[data-panel={step}]")).to_be_visible()

    async def press(self, words: str) -> None:
        await self._page.get_by_role("button", name=words, exact=True).locator("visible=true").click()
        await expect(self._page.locator("#answer")).to_have_text("")

    async def measured(self, step: str) -> None:
        progress = self._page.locator(f"[data-progress={step}]")
        await expect(progress).to_be_visible()
        await expect(progress).to_be_hidden(timeout=_PATIENT_MS)

    async def hold(self, step: str, words: str) -> None:
        """Pressed until the page has nothing more to measure; once more where a hand slipped."""
        for _ in range(3):
            button = self._page.get_by_role("button", name=words)
            await button.scroll_into_view_if_needed()
            await button.hover()
            await self._page.mouse.down()
            await self.measured(step)
            await self._page.mouse.up()
            said = await self._page.locator(f"[data-said={step}]").text_content()
            if "Let go too early" not in (said or ""):
                return

    async def accept(self, step: str) -> None:
        await expect(self._page.locator(f"[data-accept={step}]")).to_be_enabled(timeout=_PATIENT_MS)
        await self._page.locator(f"[data-accept={step}]").click()
        await expect(self._page.locator(f"[data-standing={step}]")).to_contain_text("✓", timeout=_PATIENT_MS)


async def set_up_the_eye(page: Page, tech: Technician) -> None:
    await tech.press("Begin set-up")
    await expect(page.locator("#now")).to_have_text("Set-up is on: nothing is sorted.")
    await tech.open("camera")
    await expect(page.locator("#sharp-now")).not_to_have_text("–", timeout=_PATIENT_MS)
    await tech.hold("camera", "Hold: run the belt and measure the light")
    await tech.accept("camera")

    await tech.open("board")
    await tech.press("Lay the board on the belt, at the distance entered above")
    await tech.press("Take the first picture")
    await tech.measured("board")
    await tech.press("Turn the belt by hand, 200 mm")
    await tech.press("Take the second picture")
    await tech.measured("board")
    await expect(page.locator("#over .miss")).not_to_have_count(0)
    await tech.accept("board")

    await tech.open("encoder")
    await tech.press("Read the count before the turn")
    await tech.measured("encoder")
    for _ in range(2):
        await tech.press("Turn the belt by hand, 1000 mm")
        await tech.press("Read the count after the turn")
        await tech.measured("encoder")
    await tech.accept("encoder")

    await tech.open("speed")
    await tech.hold("speed", "Hold: run the belt and compare")
    await tech.accept("speed")


async def set_up_the_hand(page: Page, tech: Technician) -> None:
    await tech.open("ejectors")
    for bank in ("copper", "brass", "aluminium", "quarantine"):
        await tech.press(f"Fire all: {bank}")
        await tech.measured("ejectors")
        await tech.press("Yes, they moved")
    await tech.accept("ejectors")

    await tech.open("timing")
    for _ in range(6):
        await tech.press("Lay the test pieces into the lane")
        await tech.hold("timing", "Hold: run the belt and shoot")
        await page.wait_for_timeout(400)
        await tech.press("Look where they fell, and mark them")
        await page.wait_for_timeout(200)
        await tech.press("That is how they fell")
        await expect(page.locator("#hits")).to_be_hidden()
        await page.wait_for_timeout(400)
        if await page.locator("[data-accept=timing]").is_enabled():
            break
    await tech.accept("timing")

    await tech.open("heartbeat")
    await tech.hold("heartbeat", "Hold: run the belt and stop the heartbeat")
    await tech.accept("heartbeat")

    await tech.open("model")
    for _ in range(5):
        for label in ("CU-NO2", "BRASS-YEL"):
            await page.locator("[data-panel=model] [data-field=label]").select_option(label)
            await tech.press("Lay test pieces of this class")
            await tech.hold("model", "Hold: run the belt and look at the pieces")
        await page.wait_for_timeout(400)
        if await page.locator("[data-accept=model]").is_enabled():
            break
        await tech.press("Begin again")
    await tech.accept("model")

    await tech.open("report")
    await tech.press("Test the channels")
    await tech.accept("report")
    await tech.press("Leave set-up")
    await expect(page.locator("#now")).to_have_text("Set-up is off.")
    await page.get_by_role("link", name="Summary to print").click()
    await expect(page.locator("tbody tr")).to_have_count(9)
    await expect(page.locator("main")).not_to_contain_text("not done")
    for told in ("Belt after that stopped", "mm/px", "Moved 49"):
        await expect(page.locator("main")).to_contain_text(told)


def test_a_technician_walks_through_the_whole_wizard_and_the_values_are_true(tmp_path: Path) -> None:
    port = free_port()
    path = written(tmp_path, port)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "station", "run", str(path)]
    station = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def go() -> None:
        watch = Watch()
        token = (tmp_path / LOCAL_TOKEN).read_text()
        async with async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            headers = {"authorization": f"Bearer {token}"}
            page = await browser.new_page(viewport={"width": 1280, "height": 900}, extra_http_headers=headers)
            page.set_default_timeout(_PATIENT_MS)
            watch.over(page)
            await page.goto(f"http://127.0.0.1:{port}/setup")
            await expect(page.locator("#picture")).to_have_attribute("data-seq", re.compile(r"\d"))
            await expect(page.locator("#no-picture")).to_be_hidden()
            tech = Technician(page)
            await set_up_the_eye(page, tech)
            await set_up_the_hand(page, tech)
            await browser.close()
        assert watch.complaints == []

    try:
        await_ready(port, station)
        asyncio.run(go())
    finally:
        station.terminate()
        station.wait(20)
    config = load_config(path)
    assert config.calibration.ticks_per_mm == pytest.approx(10.07, rel=0.002)
    assert config.calibration.flat_field is not None
    to_belt = geometry(config).to_belt
    assert to_belt[0][0] == pytest.approx(0.625, rel=0.003)
    assert to_belt[1][1] == pytest.approx(0.625, rel=0.003)
    delay = config.calibration.delay_ms["copper"]
    assert isinstance(delay, float)
    off_mm = config.calibration.distance_mm["copper"] - 1008.0 - 1.5 * (delay - 15.0)
    assert abs(off_mm) < 6.0
