"""Leaves the operator's page open against the running simulated line and watches for growth.

``python -m tests.station.pages.kiosk 35`` (minutes). Prints what it saw every half a minute, and at the end by how much
each figure grew in an hour, fitted to all but the first 15 minutes. Ends with 1 when something grew without bound.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import psutil
from playwright.async_api import CDPSession, async_playwright

from station.web.access import LOCAL_TOKEN
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS

PROJECT = Path(__file__).parents[3]
EVERY_S = 30.0
# The recorder fills its memory of the last minute, the list of alarms its length.
SETTLING_MIN = 15.0
# What an hour may add: a leak of one object a picture (15 pictures/s) is far above each of them.
MOST_PER_HOUR = {"heap_mb": 3.0, "nodes": 300.0, "listeners": 100.0, "station_mb": 60.0}


class Sample(NamedTuple):
    """``minute`` since the page was opened; the heap is that of the page after a collection, the memory that of all
    processes of the station together (unique to each)."""

    minute: float
    heap_mb: float
    nodes: float
    listeners: float
    station_mb: float


@contextmanager
def running_line(folder: Path) -> Iterator[tuple[str, dict[str, str], psutil.Process]]:
    """A station on its own ports; yields address, headers of somebody who may do everything, and its process."""
    port, controller = free_port(), free_port()
    for name in ("configs", "models"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns(".last-good"))
    file = folder / "configs/sim.yaml"
    text = file.read_text(encoding="utf-8").replace("port: 8080", f"port: {port}")
    file.write_text(text.replace("port: 15020", f"port: {controller}"), encoding="utf-8")
    command = [sys.executable, "-m", "station", "run", str(file)]
    log = (folder / "station.log").open("wb")
    station = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _until_ready(address, station)
        token = (folder / "data/sim" / LOCAL_TOKEN).read_text(encoding="ascii")
        yield address, {"authorization": f"Bearer {token}"}, psutil.Process(station.pid)
    finally:
        station.send_signal(signal.SIGINT)
        station.wait(60)
        log.close()
        print((folder / "station.log").read_text(encoding="utf-8")[-2000:])  # noqa: T201


def _until_ready(address: str, station: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if station.poll() is not None:
            raise ChildProcessError(f"the station ended with {station.returncode}")
        try:
            if httpx.get(address + "/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the station did not get ready")


async def watch(minutes: float, address: str, headers: dict[str, str], station: psutil.Process) -> list[Sample]:
    """The page stays open and is not touched, but for Start."""
    samples: list[Sample] = []
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1920, "height": 1080}, extra_http_headers=headers)
        await page.goto(address)
        httpx.post(address + "/api/orders", json={"order": "start"}, headers=headers, timeout=10)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable")
        began = time.monotonic()
        while (minute := (time.monotonic() - began) / 60) < minutes:
            samples.append(await _sample(minute, devtools, station))
            print(*(f"{value:.1f}" for value in samples[-1]), flush=True)  # noqa: T201 - a tool for people
            await asyncio.sleep(EVERY_S)
        word = await page.locator("#word").text_content()
        pieces = httpx.get(address + "/api/counts", headers=headers).json()["pieces"]
        print(f"{word}, {pieces} pieces")  # noqa: T201
        await browser.close()
    return samples


async def _sample(minute: float, devtools: CDPSession, station: psutil.Process) -> Sample:
    await devtools.send("HeapProfiler.collectGarbage")
    told = await devtools.send("Performance.getMetrics")
    found = {metric["name"]: metric["value"] for metric in told["metrics"]}
    whole = sum(process.memory_full_info().uss for process in (station, *station.children(recursive=True)))
    return Sample(minute, found["JSHeapUsedSize"] / 1e6, found["Nodes"], found["JSEventListeners"], whole / 1e6)


def growth_per_hour(samples: list[Sample]) -> dict[str, float]:
    """The slope of a straight line through each figure, once everything has settled."""
    settled = [sample for sample in samples if sample.minute >= SETTLING_MIN]
    minutes = [sample.minute for sample in settled]
    values = {name: [getattr(sample, name) for sample in settled] for name in MOST_PER_HOUR}
    return {name: 60 * float(np.polyfit(minutes, column, 1)[0]) for name, column in values.items()}


def main() -> None:
    """See above."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 35.0
    with tempfile.TemporaryDirectory() as folder, running_line(Path(folder)) as (address, headers, station):
        samples = asyncio.run(watch(minutes, address, headers, station))
    found = growth_per_hour(samples)
    print({name: round(slope, 2) for name, slope in found.items()}, "an hour")  # noqa: T201
    sys.exit(any(found[name] > most for name, most in MOST_PER_HOUR.items()))


if __name__ == "__main__":
    main()
