"""What sending a week's backlog costs the vision process: the whole simulated line, in turns without and with it.

``python -m tests.station.reporting.bench_drain`` piles up a week of minutes, then runs the line from that store without
and with a programme to send to, over TLS, and compares how long frames kept the vision process busy. The receiver has
the least precedence, because it is somebody else's computer.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.station.ports import free_port
from tests.station.reporting.authority import Authority
from tests.station.reporting.bench_outage import pile_up
from tests.station.site import PROJECT, site_config

_ROWS_A_WEEK = 7 * 1440
_STATION = (sys.executable, "-m", "station")
_READY_S = 60.0


class Programme:
    """The receiver, and what a station needs to send to it."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "authority")
        certificate, key = authority.issue("receiver", "localhost")
        database = ("--database", f"sqlite:///{folder}/programme.db")
        token = folder / "station.token"
        adding = (*_STATION, "programme", "station", "add", "demo-line", "--simulated", "--token-file", str(token))
        subprocess.run((*adding, *database), check=True, stdout=subprocess.DEVNULL)
        port = free_port()
        serving = (*_STATION, "programme", "serve", "--port", str(port), "--cert", str(certificate), "--key", str(key))
        self.process = subprocess.Popen((*serving, *database), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.setpriority(os.PRIO_PROCESS, self.process.pid, 19)
        self.section = (
            f"\nprogramme:\n  https:\n    url: https://localhost:{port}\n    token_file: {token}\n"
            f"    ca_file: {authority.ca}\n"
        )


def frames(week: Path, section: str, seconds: float) -> tuple[dict[str, float], int]:
    """One run from a copy of the week's store: work per frame in ms, and rows that left meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, port = site_config(folder).path, free_port()
        text = path.read_text().replace("port: 8080", f"port: {port}").replace("port: 15020", f"port: {free_port()}")
        path.write_text(text.replace("../models", f"{PROJECT}/models") + section)
        with sqlite3.connect(week) as source, sqlite3.connect(folder / "records.sqlite") as copy:
            source.backup(copy)
        running = subprocess.Popen(
            (*_STATION, "run", str(path), "--summary", str(folder / "summary.json")),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _until_sorting(port)
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        running.wait()
        with sqlite3.connect(folder / "records.sqlite") as store:
            (left,) = store.execute("SELECT count(*) FROM intervals WHERE delivery = 'acknowledged'").fetchone()
        told: dict[str, dict[str, float]] = json.loads((folder / "summary.json").read_text())
    return told["frame_ms"], int(left)


def _until_sorting(port: int) -> None:
    end = time.monotonic() + _READY_S
    while time.monotonic() < end:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/api/status", timeout=5).json()["state"] == "running":
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError("the station does not sort")


def main() -> None:
    """Every run, then the medians over the turns."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=60.0)
    words.add_argument("--turns", type=int, default=5)
    asked = words.parse_args()
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as name:
        week = Path(name) / "week.sqlite"
        pile_up(week, _ROWS_A_WEEK, 1)
        for turn in range(asked.turns):
            for sends in (False, True) if turn % 2 == 0 else (True, False):
                folder = Path(name) / f"programme-{turn}-{sends}"
                folder.mkdir()
                programme = Programme(folder)
                frame_ms, left = frames(week, programme.section if sends else "", asked.seconds)
                programme.process.terminate()
                programme.process.wait()
                if sends is not (left > 0):
                    raise RuntimeError(f"{left} rows left: that compares nothing")
                found[sends].append(frame_ms)
                _say(f"{'sending' if sends else 'not sending'}: {frame_ms}, {left} rows left")
    for at in ("p50", "p99"):
        without, beside = (statistics.median(run[at] for run in found[sends]) for sends in (False, True))
        _say(f"{at}: {without:.2f} ms without, {beside:.2f} ms beside the sending, {beside / without - 1:+.1%}")


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
