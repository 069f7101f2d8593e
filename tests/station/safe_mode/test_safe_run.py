"""The whole program: records of a newer station, a broken file: the page says so, one press brings the line back."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from station.config import load_config
from station.safe_mode.good import remember
from station.store_rows import APPLICATION_ID, SCHEMA_VERSION
from station.web.access import LOCAL_TOKEN
from tests.station.ports import free_port
from tests.station.safe_mode.test_good import NOW, site
from tests.station.test_web_browser import CHROMIUM, FLAGS

__all__ = ["site"]


def until(asked: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


def _records_of_a_newer_station(path: Path) -> bytes:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        newer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return path.read_bytes()


SLOW_MS = 40_000


def go_back_in_a_browser(base: str, headers: dict[str, str]) -> None:
    """A technician reads what is wrong and where, presses once, and the page of the line comes by itself."""
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(extra_http_headers=headers)
        page.set_default_timeout(SLOW_MS)
        page.goto(base)
        expect(page.locator(".word")).to_have_text("Safe mode", timeout=SLOW_MS)
        wrong = page.locator("#errors tbody tr").first.locator("td, th")
        expect(wrong).to_have_text(
            [re.compile(r"sim\.yaml"), re.compile(r"\d+"), re.compile(r"\d+"), re.compile("hoost")]
        )
        expect(page.locator("pre").first).to_contain_text("hoost:")
        page.get_by_role("button", name="Go back to the last good version").click()
        expect(page.locator("#answer")).to_contain_text("The station is starting", timeout=SLOW_MS)
        expect(page.locator("#link")).to_have_text("Connected", timeout=2 * SLOW_MS)
        expect(page.locator("#word")).not_to_have_text("No connection")
        browser.close()


@pytest.mark.timeout(240)
@pytest.mark.flaky(reruns=2)
def test_a_broken_file_starts_the_page_and_one_press_brings_the_line_back(site: Path) -> None:
    port = free_port()
    good = site.read_text().replace("port: 8080", f"port: {port}")
    site.write_text(good)
    command = [sys.executable, "-m", "station", "run", "configs/sim.yaml"]
    where = site.parents[1]
    base = f"http://127.0.0.1:{port}"

    def answers(path: str, status: int) -> bool:
        try:
            return httpx.get(base + path, timeout=2).status_code == status
        except httpx.HTTPError:
            return False

    remember(load_config(site), is_simulated=True, now=NOW)
    newer = _records_of_a_newer_station(where / "data/sim/records.sqlite")
    with subprocess.Popen(command, cwd=where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as station:
        until(lambda: answers("/readyz", 503))
        assert "was written by a newer station" in httpx.get(base).text
        station.send_signal(signal.SIGINT)
    assert station.returncode == 2
    records = where / "data/sim/records.sqlite"
    assert records.read_bytes() == newer
    records.unlink()
    site.write_text(good.replace("  host:", "  hoost:"))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    station = subprocess.Popen(command, cwd=where, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers("/readyz", 503))
        page = httpx.get(base).text
        assert "Safe mode" in page
        assert "web.hoost" in page
        assert httpx.post(base + "/api/last-good").status_code == 401
        assert httpx.get(base + "/api/status").status_code == 404
        token = (site.parents[1] / "data/sim" / LOCAL_TOKEN).read_text()
        headers = {"authorization": f"Bearer {token}"}
        if CHROMIUM.exists():
            go_back_in_a_browser(base, headers)
        else:
            assert httpx.post(base + "/api/last-good", headers=headers).json() == {"taken": True, "refusal": None}
        until(lambda: answers("/readyz", 200))
        assert httpx.get(base + "/api/status").json()["kind"] == "status"
        assert site.read_text() == good
    finally:
        station.send_signal(signal.SIGINT)
        assert station.wait(30) == 0
