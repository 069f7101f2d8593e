"""What the page costs and how old its picture is, on the whole simulated line.

``python -m tests.station.bench_page screen`` opens it in Chromium and says how long after mid-exposure pictures were
drawn. ``python -m tests.station.bench_page viewers`` runs the line without and with 5 viewers in turns, who acknowledge
every picture at once, and compares how long frames kept the vision process busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx
from playwright.async_api import ViewportSize, async_playwright
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from tests.station.ports import free_port
from tests.station.site import PROJECT, site_config
from tests.station.test_web_browser import CHROMIUM, FLAGS

_WARM_S = 5.0
TABLET: ViewportSize = {"width": 1280, "height": 800}
_LISTEN = """
() => {
  window.drawn = [];
  document.getElementById("picture").addEventListener("drawn", ({ detail }) => {
    window.drawn.push([detail.captured_us, (performance.timeOrigin + performance.now()) * 1000]);
  });
}
"""


class Line:
    """The simulated line of ``configs/sim.yaml`` with ports and a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        path = site_config(folder).path
        text = path.read_text().replace("port: 8080", f"port: {self.port}")
        path.write_text(text.replace("port: 15020", f"port: {free_port()}").replace("../models", f"{PROJECT}/models"))
        self._summary = folder / "summary.json"
        self._command = ("-m", "station", "run", str(path), "--summary", str(self._summary))

    async def start(self) -> asyncio.subprocess.Process:
        """Until it sorts."""
        running = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as browser:
            for _ in range(1200):
                with suppress(httpx.HTTPError):
                    if (await browser.get("/api/status")).json()["state"] == "running":
                        return running
                await asyncio.sleep(0.1)
        raise TimeoutError("the station does not sort")

    def frame_ms(self) -> dict[str, float]:
        """Work per frame over the run."""
        told: dict[str, dict[str, float]] = json.loads(self._summary.read_text())
        return told["frame_ms"]


async def screen(seconds: float) -> None:
    """Source to screen, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder))
        running = await line.start()
        async with async_playwright() as tools:
            browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport=TABLET)
            await page.goto(f"http://127.0.0.1:{line.port}")
            await asyncio.sleep(_WARM_S)
            await page.evaluate(_LISTEN)
            await asyncio.sleep(seconds)
            offset_us = (time.time_ns() - time.monotonic_ns()) / 1000
            drawn: list[tuple[float, float]] = await page.evaluate("window.drawn")
            await browser.close()
        running.send_signal(signal.SIGINT)
        await running.wait()
        frame_ms = line.frame_ms()
    late_ms = sorted((at_us - offset_us - captured_us) / 1000 for captured_us, at_us in drawn)
    p50, p90, p99 = (late_ms[int(share * (len(late_ms) - 1))] for share in (0.5, 0.9, 0.99))
    _say(f"{len(late_ms)} pictures in {seconds:.0f} s; source to screen p50 {p50:.1f} ms, p90 {p90:.1f}, p99 {p99:.1f}")
    _say(f"work per frame {frame_ms}")


async def viewers(seconds: float, turns: int, most: int) -> None:
    """Frame p50 and p99 of every run, and the medians over the turns."""
    found: dict[int, list[dict[str, float]]] = {0: [], most: []}
    for turn in range(turns):
        for number in (0, most) if turn % 2 == 0 else (most, 0):
            with tempfile.TemporaryDirectory() as folder:
                line = Line(Path(folder))
                running = await line.start()
                looking = [asyncio.create_task(_look(line.port)) for _ in range(number)]
                await asyncio.sleep(seconds)
                running.send_signal(signal.SIGINT)
                await running.wait()
                seen = [await each for each in looking]
                if not all(seen):
                    raise RuntimeError(f"pictures seen {seen}: that compares nothing")
                found[number].append(line.frame_ms())
                _say(f"{number} viewers: {line.frame_ms()}, pictures seen {seen}")
    for name in ("p50", "p99"):
        without, beside = (statistics.median(run[name] for run in found[number]) for number in (0, most))
        _say(f"{name}: {without:.2f} ms without, {beside:.2f} ms with {most} viewers, {beside / without - 1:+.1%}")


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


async def _look(port: int) -> int:
    """A page that draws in no time; how many pictures it was sent."""
    seen, host = 0, f"127.0.0.1:{port}"
    async with connect(f"ws://{host}/ws/live", origin=Origin(f"http://{host}"), max_size=None) as socket:
        with suppress(WebSocketException, OSError):  # the station ends first
            async for message in socket:
                if isinstance(message, bytes):
                    seen += 1
                    header = json.loads(message[4 : 4 + int.from_bytes(message[:4])])
                    await socket.send(json.dumps({"drawn": header["seq"]}))
                else:
                    await socket.send("{}")
    return seen


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("what", choices=("screen", "viewers"))
    told.add_argument("--seconds", type=float, default=30.0)
    told.add_argument("--turns", type=int, default=3)
    told.add_argument("--viewers", type=int, default=5)
    asked = told.parse_args()
    work = screen(asked.seconds) if asked.what == "screen" else viewers(asked.seconds, asked.turns, asked.viewers)
    asyncio.run(work)


if __name__ == "__main__":
    main()
