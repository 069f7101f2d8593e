"""What a station must not start with: one sentence that says what to do, and nothing left behind."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

from tests.station.test_run import ROOT, STATION, change, left_behind, port_of, site

__all__ = ["site"]


def refused(site: Path, *arguments: str, config: str = "configs/sim.yaml") -> str:
    """Run a station that must not start: exit code 2 and one sentence, which is returned."""
    command = [*STATION, "run", config, "--for", "5", *arguments]
    done = subprocess.run(command, check=False, cwd=site, capture_output=True, text=True, timeout=50)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not left_behind(site)
    return done.stderr.strip()


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


def test_a_detector_whose_outputs_are_not_those_its_card_declares_is_refused(site: Path) -> None:
    from tests.station.redness import write_redness

    write_redness(site / "redness")
    change(site / "redness/model.yaml", ("kind: yolov8", "kind: yolov5"))
    change(site / "configs/sim.yaml", ("model: ../models/rendered-v1", "model: ../redness"))
    said = refused(site, "--no-web")
    assert "output shape check" in said
    assert "that is the shape of kind yolov8" in said
