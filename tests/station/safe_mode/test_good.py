"""The last good version is kept whole, and going back loses nothing."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.complaints import Complaint, complaints
from station.config import ConfigError, load_config
from station.safe_mode.good import changed, difference, go_back, last_good, remember

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A plant's folder with a station file that works."""
    shutil.copytree(PROJECT / "configs", tmp_path / "configs", ignore=shutil.ignore_patterns(".last-good"))
    shutil.copytree(PROJECT / "models", tmp_path / "models")
    path = tmp_path / "configs/sim.yaml"
    remember(load_config(path), is_simulated=True, now=NOW)
    return path


def test_what_was_broken_comes_back_and_what_it_was_broken_to_is_kept(site: Path) -> None:
    good, before = last_good(site), site.read_text()
    assert good is not None
    assert changed(site, good) == ()
    broken = before.replace("port: 8080", "prot: 8080")
    site.write_text(broken)
    with pytest.raises(ConfigError):
        load_config(site)

    assert changed(site, good) == ("sim.yaml",)
    assert "-  prot: 8080\n+  port: 8080\n" in difference(site, "sim.yaml")
    [kept] = go_back(site, good, NOW)

    assert site.read_text() == before
    assert kept.read_text() == broken
    assert load_config(site).file.web.port == 8080


def test_a_model_that_was_damaged_comes_back_too(site: Path) -> None:
    good, card = last_good(site), site.parent / load_config(site).file.model
    assert good is not None
    network = card / "model.onnx"
    before = network.read_bytes()
    network.write_bytes(before[:-7])
    (card / "model.yaml").unlink()
    assert sorted(Path(name).name for name in changed(site, good)) == ["model.onnx", "model.yaml"]
    go_back(site, good, NOW)
    assert network.read_bytes() == before
    assert changed(site, good) == ()


def test_a_station_that_never_ran_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    assert last_good(tmp_path / "new.yaml") is None


def test_a_damaged_memory_is_no_memory(site: Path) -> None:
    manifest = site.parent / ".last-good/sim/manifest.json"
    manifest.write_text(manifest.read_text()[:40])
    assert last_good(site) is None


def test_every_error_has_its_place() -> None:
    text = "configs/a.yaml:3:5  web.prot  unknown key\nconfigs/b.yaml  recipe  is missing\nModel hash check: no"
    assert complaints(text) == (
        Complaint("configs/a.yaml", "3", "5", "web.prot  unknown key"),
        Complaint("configs/b.yaml", "", "", "recipe  is missing"),
        Complaint("", "", "", "Model hash check: no"),
    )
