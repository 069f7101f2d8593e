"""The whole station as its user starts it: real processes, real sockets, real pictures, and what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

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


def refused(site: Path, *arguments: str, config: str = "configs/sim.yaml") -> str:
    """Run a station that must not start: exit code 2 and one sentence, which is returned."""
    done = subprocess.run(
        [*STATION, "run", config, "--for", "5", *arguments], cwd=site, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not multiprocessing_leftovers(site)
    return done.stderr.strip()


def multiprocessing_leftovers(site: Path) -> list[psutil.Process]:
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
    )
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def port_of(site: Path) -> int:
    text = (site / "configs/sim.yaml").read_text()
    return int(text.split("web:")[1].split("port:")[1].split()[0])


def status(site: Path) -> dict[str, Any]:
    import httpx

    found = httpx.get(f"http://127.0.0.1:{port_of(site)}/api/status", timeout=5).json()
    assert isinstance(found, dict)
    return found


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def state_is(site: Path, *states: str) -> Callable[[], bool]:
    def check() -> bool:
        import httpx

        try:
            return status(site)["state"] in states
        except (httpx.HTTPError, KeyError):
            return False

    return check


def child(parent: subprocess.Popen[str], name: str) -> psutil.Process:
    """The child by its place in the start order: tracker, controller, line, vision, control."""
    children = sorted(psutil.Process(parent.pid).children(), key=lambda process: process.create_time())
    spawned = [process for process in children if "spawn_main" in " ".join(process.cmdline())]
    return dict(zip(("controller", "line", "vision", "control"), spawned, strict=False))[name]


@pytest.mark.timeout(120)
def test_a_belt_is_sorted_end_to_end_and_every_piece_is_counted_once(site: Path) -> None:
    done = subprocess.run(
        [*STATION, "run", "configs/sim.yaml", "--for", "14", "--no-web", "--summary", "s.json"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((site / "s.json").read_text())
    assert summary["conservation_ok"]
    assert summary["is_simulated"]
    assert summary["pieces"] == sum(summary["outcomes"].values()) > 60
    assert summary["outcomes"]["ejected"] > 0
    assert set(summary["truth"]) == {"copper", "brass", "aluminium", "quarantine"}
    assert not multiprocessing_leftovers(site)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["vision", "control"])
def test_a_killed_child_is_a_latched_fault_and_both_children_come_back_at_rest(
    site: Path, running: subprocess.Popen[str], name: str
) -> None:
    wait_until(state_is(site, "running"), 40, "sorting")
    victim = child(running, name)
    victim.kill()
    wait_until(state_is(site, "fault"), 5, "a fault")
    wait_until(lambda: f"{name}-died" in [fault["code"] for fault in status(site)["faults"]], 10, "the cause")
    assert running.poll() is None
    wait_until(lambda: status(site)["speed_mm_s"] < 1, 8, "a belt at rest")


@pytest.mark.timeout(120)
def test_when_the_station_is_killed_nothing_is_left_behind(site: Path, running: subprocess.Popen[str]) -> None:
    wait_until(state_is(site, "running"), 40, "sorting")
    children = psutil.Process(running.pid).children(recursive=True)
    assert len(children) >= 4
    os.kill(running.pid, signal.SIGKILL)
    gone, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    assert len(gone) == len(children)


@pytest.mark.timeout(120)
def test_sigterm_stops_cleanly_and_still_writes_the_summary(site: Path, running: subprocess.Popen[str]) -> None:
    wait_until(state_is(site, "running"), 40, "sorting")
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) == 0
    assert json.loads((site / "s.json").read_text())["conservation_ok"]


@pytest.mark.timeout(120)
def test_footage_plays_through_the_same_code(site: Path) -> None:
    done = subprocess.run(
        [*STATION, "run", "configs/footage.yaml", "--no-web", "--summary", "s.json"],
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


def test_an_unknown_key_is_named_with_its_line(site: Path) -> None:
    change(site / "configs/sim.yaml", ("speed_mm_s:", "sped_mm_s:"))
    assert "line.sped_mm_s  unknown key; did you mean 'speed_mm_s'?" in refused(site)


def test_a_page_port_in_use_is_named(site: Path) -> None:
    with socket.create_server(("127.0.0.1", port_of(site))):
        assert "Is another station running?" in refused(site)


def test_a_controller_port_in_use_is_named(site: Path) -> None:
    port = int((site / "configs/sim.yaml").read_text().split("machine:")[1].split("port:")[1].split()[0])
    with socket.create_server(("127.0.0.1", port)):
        assert str(port) in refused(site)


def test_a_missing_and_a_corrupt_model_are_refused(site: Path) -> None:
    change(site / "configs/sim.yaml", ("model: ../models/rendered-v1", "model: ../mine"))
    assert "Model file check" in refused(site)
    shutil.copytree(ROOT / "models/rendered-v1", site / "mine")
    network = bytearray((site / "mine/model.onnx").read_bytes())
    network[len(network) // 2] ^= 1
    (site / "mine/model.onnx").write_bytes(network)
    assert "Model hash check" in refused(site)


def test_footage_cut_in_half_is_refused_naming_the_file(site: Path) -> None:
    shutil.copytree(ROOT / "tests/recordings/first-belt", site / "cut")
    change(site / "configs/footage.yaml", ("../tests/recordings/first-belt", "../cut"))
    picture = sorted((site / "cut").glob("*.jpg"))[20]
    picture.write_bytes(picture.read_bytes()[: picture.stat().st_size // 2])
    assert picture.name in refused(site, config="configs/footage.yaml")


def test_a_controller_that_is_not_there_is_refused(site: Path) -> None:
    text = (site / "configs/sim.yaml").read_text()
    real = text.split("\nline:")[0].replace(
        "camera:\n  kind: simulated",
        "camera:\n  kind: opencv\n  device: /dev/v4l/by-id/none\n  width_px: 1280\n  height_px: 1024\n  fps: 60.0",
    )
    (site / "configs/sim.yaml").write_text(real)
    said = refused(site)
    assert "127.0.0.1" in said
    assert "\n" not in said
