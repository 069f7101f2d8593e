"""The simulated line, recorded in real time, and a what-if against its own truth: end to end, real processes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from station.recording.reader import open_recording
from station.whatif.score import fate, matched
from station.whatif.trial import Subject
from tests.station.whatif.tried import ROOT, changes
from vision.labels import WORLD, labels_beside, read_labels

SLOWER = (
    ("speed_mm_s: 1500.0", "speed_mm_s: 700.0\n  fps: 20.0\n  width_px: 640\n  height_px: 512\n  mm_per_px: 1.25"),
    ("purge_mm: 2200.0", "purge_mm: 600.0"),
    ("calibration: sim-calibration.yaml", "calibration: footage-calibration.yaml"),
    ("../models/rendered-v1", str(ROOT / "models" / "rendered-v1")),
    ("pieces_per_s: 20.0", "pieces_per_s: 8.0"),
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A slow, small simulated line, so that a busy computer keeps up; its counter rolls over on the way."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    path = tmp_path / "configs" / "sim.yaml"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = path.read_text()
    for old, new in (*SLOWER, ("port: 15020", f"port: {port}"), ("4294000000", "4294950000")):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)
    return tmp_path


@pytest.mark.timeout(150)
def test_a_run_of_the_simulated_line_is_tried_again_against_what_really_lay_on_its_belt(site: Path) -> None:
    command = [sys.executable, "-m", "station", "run", "configs/sim.yaml", "--no-web", "--for", "26"]
    done = subprocess.run(
        [*command, "--record", "run.mcap", "--summary", "s.json"],
        check=False, cwd=site, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    file = site / "run.mcap"
    labels = read_labels(labels_beside(file))
    assert len(labels) > 20
    assert {label.who for label in labels} == {WORLD}
    assert labels[-1].at_tick > 2**32

    subject = Subject(open_recording(file), labels)
    same = subject.try_out(())
    assert same.moved == ()
    sorted_pieces = [record for record in same.run.now if record.decision.reason.value not in {"bypass", "unfinished"}]
    assert len(sorted_pieces) > 10
    pairs = matched(sorted_pieces, same.reference.known, 10.0)
    assert len(pairs) > 0.6 * len(sorted_pieces)
    apart = sorted(abs(same.reference.known[k].tick - sorted_pieces[n].piece.at) / 10 for n, k in pairs.items())
    assert apart[len(apart) // 2] < 10
    assert json.loads((site / "s.json").read_text())["truth"]

    harder = subject.try_out(changes("rules.copper.min_confidence=0.99", "rules.aluminium.min_confidence=0.99"))
    assert {fate(one.now) for one in harder.moved if one.now} == {"unsure"}
    assert harder.new.shots <= harder.old.shots
