"""Stations with a serial board or plain outputs: settings, complaints, the simulated line through either of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control.coil_settings import CoilSettings
from control.serial_machine import SerialBoardSettings
from station import setup
from station.cli import app
from station.config import ConfigError, load_config
from station.device_doubts import doubts
from station.lines import open_line
from tests.station.ports import free_port

CONFIGS = Path(__file__).parents[2] / "configs"
MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").symlink_to(MODELS)
    return Path(shutil.copytree(CONFIGS, tmp_path / "configs"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def complaints(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return str(caught.value)


def test_a_serial_board_gets_its_port_relative_to_the_file(folder: Path) -> None:
    settings = setup.machine_settings(load_config(folder / "sim-board.yaml"))

    assert isinstance(settings, SerialBoardSettings)
    assert Path(settings.port).resolve() == folder.parent / "data" / "sim-board" / "port"
    assert settings.expected.outputs == 49

    change(folder / "sim-board.yaml", "port: ../data/sim-board/port", "port: /dev/serial/by-id/usb-board")
    settings = setup.machine_settings(load_config(folder / "sim-board.yaml"))
    assert isinstance(settings, SerialBoardSettings)
    assert settings.port == "/dev/serial/by-id/usb-board"


@pytest.mark.parametrize("device", sorted(path.name for path in (CONFIGS / "devices" / "couplers").glob("*.yaml")))
def test_every_shipped_coupler_can_be_used(folder: Path, device: str) -> None:
    change(folder / "sim-coupler.yaml", "festo-cpx-ap.yaml", device)
    config = load_config(folder / "sim-coupler.yaml")
    settings = setup.machine_settings(config)

    assert isinstance(settings, CoilSettings)
    assert config.coupler is not None
    assert len(config.coupler.document) > 50
    assert settings.coupler.watchdog.time_at in {14000, 0x1120}
    assert len(settings.longest_on_ms) == 49


def test_an_error_in_a_coupler_file_is_listed_with_its_line(folder: Path) -> None:
    change(folder / "devices" / "couplers" / "festo-cpx-ap.yaml", "time: {at: 14000", "time: {att: 14000")
    found = complaints(folder / "sim-coupler.yaml")

    assert "festo-cpx-ap.yaml:9:10  watchdog.time.att  unknown key; did you mean 'at'?" in found


def test_a_run_output_that_belongs_to_a_bank_is_refused(folder: Path) -> None:
    change(folder / "sim-coupler.yaml", "run_output: 49", "run_output: 48")

    assert "output 48 belongs to a bank" in complaints(folder / "sim-coupler.yaml")


def test_a_watchdog_slower_than_the_promise_is_refused(folder: Path) -> None:
    change(folder / "sim-coupler.yaml", "watchdog_ms: 100", "watchdog_ms: 500")

    assert "machine.watchdog_ms  Input should be less than or equal to 200" in complaints(folder / "sim-coupler.yaml")


def test_check_says_who_fires(folder: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(folder / "sim-coupler.yaml")])

    assert done.exit_code == 0, done.output
    assert "this station fires by itself, less exactly than a controller" in done.output


@pytest.mark.parametrize(
    ("device", "cares"),
    [
        ("festo-cpx-ap.yaml", []),
        ("beckhoff-bk9000.yaml", ["not read in the maker's document: watchdog.fallen, watchdog.reset (1)"]),
        ("beckhoff-ek9000.yaml", ["watchdog.reset (1), watchdog.reset (2)", "less than the 500 ms that its maker"]),
    ],
)
def test_check_says_which_registers_nobody_has_read_in_the_makers_document(
    folder: Path, device: str, cares: list[str]
) -> None:
    change(folder / "sim-coupler.yaml", "festo-cpx-ap.yaml", device)
    found = list(doubts(load_config(folder / "sim-coupler.yaml")))

    assert len(found) == len(cares)
    assert all(care in doubt for care, doubt in zip(cares, found, strict=True))


@pytest.mark.parametrize("kind", ["board", "coupler"])
def test_probe_and_a_shot_by_hand_work_on_the_machine_of_the_simulated_line(folder: Path, kind: str) -> None:
    path = folder / f"sim-{kind}.yaml"
    if kind == "coupler":
        change(path, "port: 15021", f"port: {free_port()}")
    with open_line(load_config(path)):
        probed = CliRunner().invoke(app, ["machine", "probe", str(path), "--polls", "20"])
        shot = ["machine", "fire", str(path), "--lane", "3", "--ms", "20", "--outlet", "brass", "--armed"]
        fired = CliRunner().invoke(app, shot)

    assert probed.exit_code == 0, probed.output
    assert "answers" in probed.output
    assert "Round trip: p50" in probed.output
    assert fired.exit_code == 0, fired.output
    assert "Output 18: fired" in fired.output


@pytest.mark.parametrize("kind", ["board", "coupler"])
def test_emulate_is_the_machine_of_any_station_and_says_where_it_is_reached(folder: Path, kind: str) -> None:
    path, port, link = folder / f"sim-{kind}.yaml", free_port(), folder / "adapter"
    place, where = {
        "board": (["--link", str(link)], f"Serial board on {link}, its firmware on"),
        "coupler": (["--tcp", f"127.0.0.1:{port}"], f"Coupler, Modbus TCP on 127.0.0.1:{port}, unit 1"),
    }[kind]
    done = CliRunner().invoke(app, ["machine", "emulate", str(path), *place, "--for", "1.2"])

    assert done.exit_code == 0, done.output
    assert where in done.output
    assert "outputs opened 0 times" in done.output


@pytest.mark.parametrize(
    ("name", "place", "why"),
    [
        ("sim-board.yaml", ["--tcp", "127.0.0.1:5020"], "a serial board speaks on a serial port only"),
        ("sim-coupler.yaml", ["--link", "adapter"], "this machine is reached over the network"),
        ("sim.yaml", ["--link", "adapter"], "this machine is reached over the network"),
    ],
)
def test_emulate_refuses_an_address_that_its_machine_cannot_have(
    folder: Path, name: str, place: list[str], why: str
) -> None:
    done = CliRunner().invoke(app, ["machine", "emulate", str(folder / name), *place, "--for", "1"])

    assert done.exit_code == 2
    assert why in done.stderr


def test_probe_of_a_board_that_is_not_plugged_in_says_so(folder: Path) -> None:
    done = CliRunner().invoke(app, ["machine", "probe", str(folder / "sim-board.yaml")])

    assert done.exit_code == 2
    assert "no serial adapter" in done.output


@pytest.mark.parametrize("kind", ["board", "coupler"])
def test_the_simulated_line_sorts_through_it(folder: Path, kind: str) -> None:
    """Seconds of real running: every piece has its record, and outlets get what they should.

    On a computer so busy that pictures are dropped the station rightly ejects nothing; then only the records count.
    """
    path, summary = folder / f"sim-{kind}.yaml", folder / "summary.json"
    if kind == "coupler":
        change(path, "port: 15021", f"port: {free_port()}")
    change(path, "  seed: 1\n", "  seed: 1\n  fps: 30.0\n")
    done = CliRunner().invoke(app, ["run", str(path), "--for", "14", "--no-web", "--summary", str(summary)])

    assert done.exit_code == 0, done.output
    told = json.loads(summary.read_text())
    assert told["conservation_ok"]
    assert (told["shot_error"] is None) == (kind == "board")
    if told["frames_dropped"] < 0.05 * told["frames"]:
        assert told["outcomes"]["ejected"] > 20
        assert told["truth"]["copper"]["n"] > 3
        assert told["truth"]["copper"]["purity"] > 0.7
