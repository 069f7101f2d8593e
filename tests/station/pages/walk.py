"""A walk over every page of the app: whoever adds a page has it looked at by the same tests."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from fastapi import FastAPI
from fastapi.routing import APIRoute
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from station.language import CATALOGUE, read_catalogue
from station.messages import sources
from station.web.pages import Look
from station.web.server import serve
from tests.station.paper_station import TITLES
from tests.station.ports import free_port
from tests.station.test_web_browser import CHROMIUM, FLAGS, Watch

FOREIGN = "zh"
_AXE = Path(sys.prefix) / "axe/node_modules/axe-core/axe.min.js"
_PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
_EXAMPLES = {"number": "1"}
_AT_ONCE = 4
_PATIENCE_MS = 90_000
_PLACE = re.compile(r"(\{\w*\}|%\(\w+\)s)")


@dataclass
class Seen:
    """What one page is like in one language. ``words`` are all that people read on it."""

    path: str
    language: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    overflow: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    weight: int = 0


def paths(app: FastAPI) -> list[str]:
    """Every page, from the routes; what stands in braces gets an example."""
    found = [route.path for route in app.routes if isinstance(route, APIRoute) and not route.include_in_schema]
    return [re.sub(r"\{(\w+)\}", lambda part: _EXAMPLES[part[1]], path) for path in found]


def masked(sentence: str) -> str:
    """Every letter as one of Georgian's, so that whatever has not gone through the catalogue shows."""
    parts = _PLACE.split(sentence)
    return "".join(part if n % 2 else re.sub("[A-Za-z]", _mask, part) for n, part in enumerate(parts))


def _mask(letter: re.Match[str]) -> str:
    return chr(0x10D0 + ord(letter[0].lower()) - ord("a"))


def masked_locale(folder: Path) -> Path:
    """The station's foreign language as it is, but that Latin letters in it, and what it lacks, are masked."""
    known, catalogue = read_catalogue(FOREIGN), Catalog(locale=FOREIGN)
    for message in sources():
        if isinstance(message.id, str) and message.id:
            said = known.get(message.id, message.context)
            catalogue.add(message.id, masked(str(said.string) if said and said.string else message.id))
    for title, *_ in TITLES.values():
        catalogue.add(title, masked(title))
    (folder / FOREIGN).mkdir(parents=True)
    with (folder / FOREIGN / CATALOGUE).open("wb") as file:
        write_po(file, catalogue)
    return folder


async def walk(apps: Sequence[FastAPI], headers: dict[str, str], languages: tuple[str, ...]) -> list[Seen]:
    """Every page in every language at once; accessibility is judged in the first, in all looks."""
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        seen = [page for app in apps for page in await _walk(browser, app, headers, languages)]
        await browser.close()
        return seen


async def _walk(browser: Browser, app: FastAPI, headers: dict[str, str], languages: tuple[str, ...]) -> list[Seen]:
    turns = asyncio.Semaphore(_AT_ONCE)
    async with served(app) as address:
        contexts = {language: await _context(browser, address, headers, language) for language in languages}

        async def look(path: str, language: str) -> Seen:
            async with turns:
                return await _look(contexts[language], address, path, language, judged=language == languages[0])

        return await asyncio.gather(*(look(path, language) for path in paths(app) for language in languages))


async def _context(browser: Browser, address: str, headers: dict[str, str], language: str) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, extra_http_headers=headers)
    context.set_default_timeout(_PATIENCE_MS)
    await context.add_cookies([{"name": "station_language", "value": language, "url": address}])
    return context


async def _look(context: BrowserContext, address: str, path: str, language: str, *, judged: bool) -> Seen:
    page, watch = await context.new_page(), Watch()
    watch.over(page)
    await page.goto(address + path)
    await page.evaluate(f"globalThis.probe = {_PROBE}")
    while not await page.evaluate("probe.settled()"):
        await asyncio.sleep(0.05)
    seen = Seen(path, language, weight=await page.evaluate("probe.weight()"))
    await page.evaluate("probe.open()")
    if judged:
        seen.violations = await _violations(page)
    await page.set_viewport_size({"width": 360, "height": 740})
    seen.overflow = await page.evaluate("probe.overflow()")
    seen.words = await page.evaluate("probe.words()")
    seen.complaints, seen.hosts = watch.complaints, watch.hosts - {address.split("/")[2]}
    await page.close()
    return seen


async def _violations(page: Page) -> list[str]:
    """All rules once, in the other looks those of colour, also of a page that has lost its station; what the browser
    calls dark has to be our dark."""
    await page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate("probe.judge(['light', null])")
    for look in (Look.dark, Look.contrast):
        found += await page.evaluate(f"probe.judge(['{look}', ['color-contrast']])")
    if await page.evaluate("probe.lose(true)"):
        for look in (Look.light, Look.dark, Look.contrast):
            found += [f"lost, {one}" for one in await page.evaluate(f"probe.judge(['{look}', ['color-contrast']])")]
        await page.evaluate("probe.lose(false)")
    await page.emulate_media(color_scheme="dark")
    dark, auto = [await page.evaluate(f"probe.colours('{look}')") for look in (Look.dark, Look.auto)]
    return found if dark == auto else [*found, f"auto: {auto} is not dark: {dark}"]


@asynccontextmanager
async def served(app: FastAPI, port: int | None = None) -> AsyncIterator[str]:
    """The app on a real server; yields its address."""
    stop, port = asyncio.Event(), port or free_port()
    serving = asyncio.create_task(serve(app, "127.0.0.1", port, stop))
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        break
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await serving
