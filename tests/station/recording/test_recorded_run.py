"""What the real program records replays equal, also when a process died in between."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from station.recording.reader import open_recording
from station.recording.words import Finish
from tests.station.ports import free_port
from tests.station.test_run import child

ROOT = Path(__file__).parents[3]
STATION = (sys.executable, "-m", "station")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A station folder of its own, at a third of the picture rate."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "models").symlink_to(ROOT / "models")
    path = tmp_path / "configs/sim.yaml"
    text = path.read_text()
    for old, new in (
        ("port: 15020", f"port: {free_port()}"),
        ("port: 8080", f"port: {free_port()}"),
        ("  seed: 1\n", "  seed: 1\n  fps: 20.0\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return tmp_path


def replayed(site: Path, name: str) -> dict[str, object]:
    command = [*STATION, "replay", name, "--json", "r.json"]
    done = subprocess.run(command, check=False, cwd=site, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "byte for byte" in done.stdout
    report = json.loads((site / "r.json").read_text())
    assert isinstance(report, dict)
    return report


def address(site: Path) -> str:
    text = (site / "configs/sim.yaml").read_text()
    return f"http://127.0.0.1:{text.split('web:')[1].split('port:')[1].split()[0]}"


def wait_for_steps(site: Path, steps: int) -> None:
    deadline = time.monotonic() + 80
    while time.monotonic() < deadline:
        try:
            recording = httpx.get(f"{address(site)}/api/status", timeout=5).json()["recording"]
        except httpx.HTTPError:
            recording = None
        if recording is not None and recording["steps"] >= steps:
            return
        time.sleep(0.1)
    raise AssertionError(f"not {steps} steps within 80 s")


@pytest.mark.timeout(300)
def test_a_run_replays_equal_also_after_a_child_was_restarted_in_between(site: Path) -> None:
    command = [*STATION, "run", "configs/sim.yaml", "--for", "300", "--record", "x.mcap"]
    running = subprocess.Popen(command, cwd=site, text=True)
    try:
        wait_for_steps(site, 150)
        token = (site / "data/sim/local-token").read_text().strip()
        asked = {"authorization": f"Bearer {token}"}
        kept = httpx.post(f"{address(site)}/api/keep", json={}, headers=asked, timeout=5).json()
        assert kept == {"taken": True, "refusal": None}
        child(running, "vision").kill()
        wait_for_steps(site, 400)
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=90) == 0
    finally:
        running.kill()
        running.wait()
    report = replayed(site, "x.mcap")
    assert report["sorters"] == 2
    assert report["missing"] == 0
    recording = open_recording(site / "x.mcap")
    assert sum(isinstance(entry, Finish) for entry in recording.entries()) == 1
    assert {"station.yaml", "calibration.yaml", "recipe.yaml", "model.yaml", "codebook.csv", "eye.json"} <= set(
        recording.attachments
    )
    assert recording.about.model_sha256 in recording.attachments["model.yaml"].text
    (incident, *_) = sorted((site / "data/sim/recordings").glob("incident-*.mcap"))
    assert replayed(site, str(incident.relative_to(site)))["equal"] is True


@pytest.mark.timeout(300)
def test_when_the_disk_fills_recording_stops_first_and_counting_goes_on(site: Path) -> None:
    """The disk as the recorder sees it: it has to leave more free than there will ever be."""
    config = site / "configs/sim.yaml"
    config.write_text(config.read_text() + "\nrecording:\n  min_free_gb: 10000\n")
    command = [*STATION, "run", "configs/sim.yaml", "--for", "15", "--no-web", "--summary", "s.json"]
    done = subprocess.run(command, check=False, cwd=site, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    summary = json.loads((site / "s.json").read_text())
    assert summary["recording"]["stopped"] == "less than 10000 GB free on the disk"
    assert summary["pieces"] > 20
    assert summary["conservation_ok"] is True
    assert not list((site / "data/sim").glob("recordings/*.mcap"))
    with sqlite3.connect(site / "data/sim/records.sqlite") as records:
        noted = {code for (code,) in records.execute("SELECT code FROM events WHERE kind = 'fault_raised'")}
    assert "recording-stopped" in noted


def test_a_recording_is_not_written_over(site: Path) -> None:
    (site / "x.mcap").write_bytes(b"precious")
    done = subprocess.run(
        [*STATION, "run", "configs/sim.yaml", "--record", "x.mcap", "--for", "2"],
        check=False,
        cwd=site,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (site / "x.mcap").read_bytes() == b"precious"


def test_a_file_that_is_no_recording_ends_with_code_2(site: Path) -> None:
    (site / "x.mcap").write_bytes(b"hello")
    done = subprocess.run(
        [*STATION, "replay", "x.mcap"], check=False, cwd=site, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 2
    assert "no recording" in done.stderr
    assert "Traceback" not in done.stderr
