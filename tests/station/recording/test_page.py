"""What the page and the sorter say about recording."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from station.config import load_config
from station.recording.planned import describe_recordings, recording_settings
from station.recording.settings import Frames
from station.types import Inputs, Order, State
from station.web.app import create_app
from tests.station.paper_access import as_admin, paper_access
from tests.station.paper_line import PaperLine, PaperPiece
from tests.station.paper_station import PaperStation

HERE = "http://127.0.0.1:8080"
CONFIG = Path(__file__).parents[3] / "configs/sim.yaml"


def ask(paper: PaperStation, method: str, path: str, origin: str = HERE) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(paper, paper_access())), base_url=HERE
        ) as browser:
            sent = as_admin() | {"content-type": "application/json", "origin": origin}
            return await browser.request(method, path, headers=sent, content="{}" if method == "POST" else None)

    return asyncio.run(go())


def test_a_press_of_keep_this_keeps_the_last_minute() -> None:
    paper = PaperStation()
    assert ask(paper, "POST", "/api/keep").json() == {"taken": True, "refusal": None}
    assert len(paper.kept) == 1
    assert ask(paper, "POST", "/api/keep", origin="http://elsewhere.example").status_code == 403
    assert len(paper.kept) == 1


def test_the_status_says_how_many_days_recordings_last() -> None:
    recording = ask(PaperStation(), "GET", "/api/status").json()["recording"]
    assert recording["days_kept"] == 15.4
    assert recording["days_left"] == 14.3
    assert recording["stopped"] == ""


def test_the_page_has_the_button() -> None:
    assert "Keep this" in ask(PaperStation(), "GET", "/").text


def test_a_recorder_that_has_stopped_is_noted_and_sorting_goes_on() -> None:
    line = PaperLine([PaperPiece(2600.0 + 90 * n, 400.0, 0) for n in range(30)])
    line.run(3.4, Order.start)
    given = line.machine.sample()
    stopped = (("recording-stopped", "No space left on device"),)
    outputs = line.sorter.step(Inputs(line.now_ns + 1, None, 0, (given,), (), stopped), line.eye)
    assert [fault.code for fault in outputs.status.faults] == ["recording-stopped"]
    assert outputs.status.state is State.running
    assert outputs.command.armed


def test_a_station_file_bounds_its_recordings(tmp_path: Path) -> None:
    text = CONFIG.read_text().replace("data_folder: ../data/sim", f"data_folder: {tmp_path}")
    text = text.replace("../models", str(CONFIG.parents[1] / "models"))
    for name in ("sim-calibration.yaml", "recipes/three-metals.yaml"):
        text = text.replace(name, str(CONFIG.parent / name))
    path = tmp_path / "sim.yaml"
    path.write_text(text + "recording: {max_gb: 2.0, frames: all, keep_s: 30.0, nth: 3}\n")
    config = load_config(path)
    settings = recording_settings(config)
    assert (settings.max_bytes, settings.frames, settings.keep_s, settings.nth) == (2 * 10**9, Frames.all, 30.0, 3)
    assert list(describe_recordings(config)) == ["recordings: 0 files, 0.00 of 2 GB; frames: all"]
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "run-20250101T000000Z-x.mcap").write_bytes(bytes(1_000_000))
    told = list(describe_recordings(config))
    assert told[0].startswith("recordings: 1 files, 0.00 of 2 GB, since ")
    assert "days are kept" in told[1]


@pytest.mark.parametrize("line", ["recording: {frames: some}", "recording: {max_gb: 0}", "recording: {quality: 3}"])
def test_nonsense_about_recordings_is_refused(tmp_path: Path, line: str) -> None:
    from station.config import ConfigError

    path = tmp_path / "sim.yaml"
    path.write_text(CONFIG.read_text() + line + "\n")
    with pytest.raises(ConfigError, match="recording"):
        load_config(path)
