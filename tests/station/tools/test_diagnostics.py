"""Log, machine and the file for whoever helps from afar; secrets that were planted are not in it (S13)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import zipfile
from pathlib import Path

import httpx
import pytest

from station.config import load_config
from station.emulation import emulated
from station.keeping.places import data_folder
from station.tools.log_file import CONSOLE_ONLY, FILE, kept_log, newest
from station.tools.redaction import GONE, redacted
from station.types import State
from station.web.access import LOCAL_TOKEN
from station.web.app import Desks, create_app
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_station import AIR_LOW, PaperStation
from tests.station.ports import free_port
from tests.station.site import site_config
from tests.station.tools.site import tool_plan, tools_of

HERE = "http://127.0.0.1:8080"
PLANTED = ("pl4nted-token-7f", "broker-user-x", "br0ker-pass-y", "MIIplantedkeybody", "c4mera-pass", "loc4l-token-z")


def ask(folder: Path, method: str, path: str, paper: PaperStation | None = None) -> httpx.Response:
    tools = tools_of(folder, None, tool_plan(folder, load_config(folder / "configs/sim.yaml")))

    async def go() -> httpx.Response:
        app = create_app(paper or PaperStation(fault_rows=(AIR_LOW,)), paper_access(), desks=Desks(tools=tools))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE, headers=as_admin()) as browser:
            return await browser.request(method, path, timeout=50)

    return asyncio.run(go())


def plant(folder: Path) -> None:
    """Secrets in the files they belong in, and where people put them by mistake."""
    config = site_config(folder)
    token, user, first, key, camera, local = PLANTED
    (config.path.parent / "token").write_text(f"{token}\n")
    (config.path.parent / "user").write_text(f"{user}\n{first}\n")
    text = config.path.read_text() + (
        "programme:\n  https: {url: 'https://programme.example', token_file: token}\n"
        "  mqtt: {host: broker.example, user_file: user}\n"
        f"# camera: rtsp://admin:{camera}@10.0.0.7/stream\n# password: {camera}\n"
    )
    config.path.write_text(text)
    (data_folder(config) / LOCAL_TOKEN).write_text(local)
    pem = f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----"
    lines = f"2027-01-15T08:00:00.000Z ERROR x: sent {token} as {user}/{first}, Bearer {local}\n{pem}\n"
    (data_folder(config) / FILE).write_text(lines)


def test_no_planted_secret_is_in_the_file_for_helpers_and_everything_else_is(tmp_path: Path) -> None:
    plant(tmp_path)
    found = ask(tmp_path, "GET", "/api/diagnostics")
    assert found.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(found.content)) as bundle:
        texts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    whole = "\n".join(texts.values())
    assert [secret for secret in PLANTED if secret in whole] == []
    assert GONE in texts["log.txt"]
    assert "token_file: token" in texts["station.yaml"]
    assert "copper" in texts["recipe.yaml"]
    assert json.loads(texts["about.json"])["packages"]["numpy"]
    assert json.loads(texts["faults.json"])[0]["code"] == "air-low"
    assert len(json.loads(texts["machine.json"])["lanes"]) == 49
    assert "licence" in texts["model-card.yaml"]
    assert "Ada" not in whole
    assert len(found.content) < 5_000_000


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("password=hunter22", f"password={GONE}"),
        ('{"api_key": "abcdef12"}', f'{{"api_key": {GONE}}}'),
        ("mqtts://u:p@broker:8883/x", f"mqtts://{GONE}@broker:8883/x"),
        ("Authorization: Bearer abc.def-123456", f"Authorization: Bearer {GONE}"),
        ("key_file: /etc/station/key.pem", "key_file: /etc/station/key.pem"),
        ("min_confidence: 0.7", "min_confidence: 0.7"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, left: str) -> None:
    assert redacted(text, ()) == left


def test_the_log_is_kept_bounded_filtered_and_newest_first(tmp_path: Path) -> None:
    log = logging.getLogger("station.test")
    log.setLevel(logging.INFO)
    with kept_log(tmp_path):
        log.info("first-run code 7391-0246", extra=CONSOLE_ONLY)
        for n in range(3000):
            log.info("line %d %s", n, "x" * 2000)
        log.error("went wrong:\nin two lines")
        log.info("last")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5_100_000
    assert [entry.said for entry in newest(tmp_path, "info", 2)] == ["last", "went wrong:\nin two lines"]
    assert [entry.level for entry in newest(tmp_path, "error", 5)] == ["ERROR"]
    assert len(newest(tmp_path, "info", 700)) == 700
    assert not any("7391-0246" in path.read_text() for path in tmp_path.iterdir())
    plant(tmp_path)
    [entry] = ask(tmp_path, "GET", "/api/logs?level=error").json()["entries"]
    assert entry["said"].startswith("sent ")
    assert ask(tmp_path, "GET", "/api/logs?level=loud").status_code == 422


def test_the_controller_is_probed_at_rest_and_its_lanes_are_shown(tmp_path: Path) -> None:
    config, port = site_config(tmp_path), free_port()
    config.path.write_text(config.path.read_text().replace("port: 15020", f"port: {port}"))
    running = PaperStation(state=State.running)
    assert "at rest" in ask(tmp_path, "POST", "/api/machine/probe", running).json()["refusal"]
    lost = ask(tmp_path, "POST", "/api/machine/probe")
    assert (lost.status_code, str(port) in lost.json()["refusal"]) == (422, True)
    with emulated(load_config(config.path), 1500.0, None, ("127.0.0.1", port)):
        lines = ask(tmp_path, "POST", "/api/machine/probe").json()["lines"]
    assert any("Round trip: p50" in line for line in lines)
    assert "No station drives it." in lines
    told = ask(tmp_path, "GET", "/api/machine").json()
    assert told["expected"]["outputs"] == 49
    assert told["lanes"][8] | {"response_ms": None} == told["lanes"][8]
    assert (told["lanes"][8]["openings"], told["lanes"][8]["health"]) == (31_415, "not used in this run")
    assert "write_index" in ask(tmp_path, "GET", "/api/machine/map").text
