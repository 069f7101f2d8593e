"""The whole station as its user starts it: real processes, real sockets, real pictures, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.async_api import expect

from station.web.access import LOCAL_TOKEN
from tests.station.test_web_browser import CHROMIUM, Watch, opened

ROOT = Path(__file__).parents[2]
STATION = (sys.executable, "-m", "station")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def change(path: Path, *replacements: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A station folder of its own, with ports of its own and half the picture rate."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "models").symlink_to(ROOT / "models")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    change(
        tmp_path / "configs/sim.yaml",
        ("port: 15020", f"port: {free_port()}"),
        ("port: 8080", f"port: {free_port()}"),
        ("  seed: 1\n", "  seed: 1\n  fps: 30.0\n"),
    )
    return tmp_path


def left_behind(site: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(site)]


@pytest.fixture
def running(site: Path) -> Iterator[subprocess.Popen[str]]:
    """A station that sorts until the test is over."""
    process = subprocess.Popen(
        [*STATION, "run", "configs/sim.yaml", "--for", "60", "--summary", "s.json"],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def port_of(site: Path) -> int:
    text = (site / "configs/sim.yaml").read_text()
    return int(text.split("web:")[1].split("port:")[1].split()[0])


def status(site: Path) -> dict[str, Any]:
    found = httpx.get(f"http://127.0.0.1:{port_of(site)}/api/status", timeout=5).json()
    assert isinstance(found, dict)
    return found


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def state(site: Path) -> str:
    """The state the page shows, or nothing while there is no page yet."""
    try:
        return str(status(site)["state"])
    except (httpx.HTTPError, KeyError):
        return ""


def bearer(site: Path) -> dict[str, str]:
    """Headers of a program on the station's own computer."""
    return {"authorization": f"Bearer {(site / 'data/sim' / LOCAL_TOKEN).read_text(encoding='ascii')}"}


def say(site: Path, path: str, body: dict[str, object]) -> None:
    """As such a program."""
    where = f"http://127.0.0.1:{port_of(site)}{path}"
    httpx.post(where, json=body, headers=bearer(site), timeout=5).raise_for_status()


def order(site: Path, name: str) -> None:
    """With the button held long enough, which a start after a fault needs."""
    say(site, "/api/orders", {"order": name, "held_ms": 1000})


def mishap(site: Path, name: str, *, on: bool) -> None:
    say(site, "/api/mishaps", {"mishap": name, "on": on})


def bring_to_sorting(site: Path) -> None:
    """As an operator does: a busy machine may have tripped the watchdog, then reset and start again."""

    def sorts() -> bool:
        found = state(site)
        if found == "fault":
            order(site, "reset")
        elif found == "idle":
            order(site, "start")
        return found == "running"

    wait_until(sorts, 60, "sorting")


def child(parent: subprocess.Popen[str], name: str) -> psutil.Process:
    """The child by its place in the start order: tracker, controller, line, recorder, vision, control."""
    children = sorted(psutil.Process(parent.pid).children(), key=lambda process: process.create_time())
    spawned = [process for process in children if "spawn_main" in " ".join(process.cmdline())]
    return dict(zip(("controller", "line", "recorder", "vision", "control"), spawned, strict=False))[name]


@pytest.mark.timeout(120)
def test_a_belt_is_sorted_end_to_end_and_every_piece_is_counted_once(
    site: Path, running: subprocess.Popen[str]
) -> None:
    bring_to_sorting(site)
    time.sleep(10)
    counted = httpx.get(f"http://127.0.0.1:{port_of(site)}/api/counts", timeout=5).json()
    assert counted["pieces"] > 30
    os.killpg(
        running.pid, signal.SIGTERM
    )  # all processes at once, as `timeout` and some service managers end a program
    assert running.wait(timeout=20) == 0
    summary = json.loads((site / "s.json").read_text())
    assert summary["conservation_ok"]
    assert summary["is_simulated"]
    assert summary["pieces"] == sum(summary["outcomes"].values()) > 60
    assert summary["outcomes"]["ejected"] > 0
    assert set(summary["truth"]) == {"copper", "brass", "aluminium", "quarantine", "rest"}
    assert not left_behind(site)


@pytest.mark.timeout(120)
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
def test_an_operator_sees_the_belt_and_pauses_it(site: Path, running: subprocess.Popen[str]) -> None:
    bring_to_sorting(site)

    async def operate() -> None:
        watch = Watch()
        async with opened(f"http://127.0.0.1:{port_of(site)}", watch, headers=bearer(site)) as page:
            await expect(page.locator("#no-picture")).to_be_hidden()
            await expect(page.locator("#picture")).to_have_attribute("data-seq", re.compile(r"\d"))
            await expect(page.locator("#counts tfoot td").last).not_to_have_text("0")
            await page.get_by_role("button", name="Pause").click()
            await expect(page.locator("#word")).to_have_text(re.compile("Paused|Fault"))
            assert watch.complaints == []

    asyncio.run(asyncio.wait_for(operate(), 60))


@pytest.mark.timeout(120)
def test_an_emergency_stop_needs_release_reset_and_start(site: Path, running: subprocess.Popen[str]) -> None:
    bring_to_sorting(site)
    mishap(site, "estop", on=True)
    wait_until(lambda: state(site) == "estop", 2, "the emergency stop")
    order(site, "reset")
    wait_until(lambda: status(site)["speed_mm_s"] < 1, 8, "a belt at rest")
    mishap(site, "estop", on=False)
    order(site, "start")
    time.sleep(1)
    assert state(site) == "estop"
    order(site, "reset")
    wait_until(lambda: state(site) == "idle", 2, "rest")
    tapped = httpx.post(
        f"http://127.0.0.1:{port_of(site)}/api/orders", json={"order": "start"}, headers=bearer(site), timeout=5
    )
    assert not tapped.json()["taken"]
    time.sleep(1)
    assert status(site)["speed_mm_s"] < 1
    bring_to_sorting(site)
    assert not status(site)["must_hold"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["vision", "control"])
def test_a_killed_child_is_a_latched_fault_and_both_children_come_back_at_rest(
    site: Path, running: subprocess.Popen[str], name: str
) -> None:
    bring_to_sorting(site)
    victim = child(running, name)
    victim.kill()
    wait_until(lambda: state(site) == "fault", 5, "a fault")
    wait_until(lambda: f"{name}-died" in [fault["code"] for fault in status(site)["faults"]], 10, "the cause")
    assert running.poll() is None
    wait_until(lambda: status(site)["speed_mm_s"] < 1, 8, "a belt at rest")


@pytest.mark.timeout(120)
def test_a_lithium_pack_on_the_belt_stops_it(site: Path, request: pytest.FixtureRequest) -> None:
    change(
        site / "configs/sim.yaml",
        ("model: ../models/rendered-v1", "model: ../models/scrap-v1"),
        ("      BAT-OTHER: 1\n", "      BAT-OTHER: 1\n      BAT-LI: 4\n"),
    )
    request.getfixturevalue("running")
    bring_to_sorting(site)
    wait_until(lambda: "hazard-found" in [fault["code"] for fault in status(site)["faults"]], 50, "the pack")
    wait_until(lambda: status(site)["speed_mm_s"] < 1, 8, "a belt at rest")


@pytest.mark.timeout(120)
def test_when_the_station_is_killed_nothing_is_left_behind(site: Path, running: subprocess.Popen[str]) -> None:
    bring_to_sorting(site)
    children = psutil.Process(running.pid).children(recursive=True)
    assert len(children) >= 4
    os.kill(running.pid, signal.SIGKILL)
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert len(gone) == len(children)


@pytest.mark.timeout(120)
def test_footage_plays_through_the_same_code(site: Path) -> None:
    done = subprocess.run(
        check=False,
        args=[*STATION, "run", "configs/footage.yaml", "--no-web", "--summary", "s.json"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((site / "s.json").read_text())
    assert summary["conservation_ok"]
    assert summary["pieces"] > 30
    assert summary["outcomes"]["ejected"] > 0
    assert summary["is_simulated"]


def test_a_detector_runs_the_line_by_its_card_alone(site: Path) -> None:
    from tests.station.redness import write_redness

    write_redness(site / "redness")
    change(site / "configs/sim.yaml", ("model: ../models/rendered-v1", "model: ../redness"))
    checked = subprocess.run(
        [*STATION, "check", "configs/sim.yaml"], check=False, cwd=site, capture_output=True, text=True, timeout=50
    )
    assert checked.returncode == 0, checked.stderr
    assert "golden pictures and the shapes of a yolov8 detector" in checked.stdout
    run = [*STATION, "run", "configs/sim.yaml", "--for", "9", "--summary", "s.json", "--no-web"]
    done = subprocess.run(run, check=False, cwd=site, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    summary = json.loads((site / "s.json").read_text())
    assert summary["conservation_ok"]
    assert summary["pieces"] > 10
    assert sum(labels.get("CU-NO2", 0) for labels in summary["outlets"].values()) > 5


def test_a_run_keeps_crops_and_watches_a_candidate_without_touching_the_outputs(site: Path) -> None:
    from tests.vision.tiny_model import write_model

    write_model(site / "candidate")
    model = "model: ../models/rendered-v1"
    change(site / "configs/sim.yaml", (model, f"{model}\nshadow_model: ../candidate"))
    run = [*STATION, "run", "configs/sim.yaml", "--for", "14", "--summary", "s.json", "--no-web"]
    done = subprocess.run(run, check=False, cwd=site, capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stderr
    summary = json.loads((site / "s.json").read_text())
    assert summary["conservation_ok"]
    assert summary["kept"]["kept"] > 0
    assert summary["kept"]["compared"] > 0
    assert summary["kept"]["failed"] == 0
    assert set(summary["outlets"]) <= {"copper", "brass", "aluminium", "quarantine", "rest"}
    labels = {label for outlet in summary["outlets"].values() for label in outlet}
    assert not labels <= {"CU-NO2", "BRASS-YEL", "SS-304"}, "the candidate decided"
    shown = [*STATION, "model", "shadow", "--config", "configs/sim.yaml"]
    told = subprocess.run(shown, check=True, cwd=site, capture_output=True, text=True, timeout=50).stdout
    assert f"{summary['kept']['compared']} pieces compared" in told
    reviewed = [*STATION, "dataset", "review", "data/sim/crops", "--next", "2"]
    told = subprocess.run(reviewed, check=True, cwd=site, capture_output=True, text=True, timeout=50).stdout
    assert "to label, 0 labelled" in told
