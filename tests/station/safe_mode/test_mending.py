"""In safe mode a technician mends the file on the page, and the same door leads out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from station.complaints import complaints
from station.config import ConfigError, load_config
from station.safe_mode.good import last_good
from station.safe_mode.page import create_safe_app
from tests.station.paper_access import as_admin, paper_access
from tests.station.safe_mode.test_good import site

__all__ = ["site"]


def test_a_broken_file_is_mended_where_it_is_shown(site: Path) -> None:
    good, before = last_good(site), site.read_text()
    assert good is not None
    site.write_text(before.replace("  port: 8080", "  prot: 8080"))
    with pytest.raises(ConfigError) as refused:
        load_config(site)

    async def go() -> None:
        returned = asyncio.Event()
        app = create_safe_app(site, good, complaints(str(refused.value)), paper_access(), returned)
        door = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=door, base_url="http://127.0.0.1", headers=as_admin()) as browser:
            assert 'href="/settings"' in (await browser.get("/")).text
            [broken, *_] = (await browser.get("/api/settings")).json()["files"]
            assert (broken["name"], "prot: 8080" in broken["text"]) == ("sim.yaml", True)
            draft = {"file": "sim.yaml", "text": broken["text"]}
            [fault] = (await browser.post("/api/settings/check", json=draft)).json()["faults"]
            assert (fault["line"], fault["column"]) == (before.splitlines().index("  port: 8080") + 1, 3)
            change = draft | {"text": before, "sha256": broken["sha256"], "why": "a letter"}
            mended = await browser.post("/api/settings/apply", json=change, timeout=50)
            assert mended.json() == {"taken": True, "refusal": None}
            assert (await browser.post("/api/restart")).json()["taken"]
            await asyncio.wait_for(returned.wait(), 5)

    asyncio.run(go())
    assert load_config(site).file.web.port == 8080
