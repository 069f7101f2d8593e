"""``station machine``: what the commands print and the codes they end with, against the real emulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from control import job_ring
from control.modbus_machine import ModbusMachine
from station import setup
from station.cli import app
from station.config import ConfigError, load_config
from station.emulation import emulated
from station.map_page import map_html, map_rows
from tests.control.bench_plc import free_port

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()


def station_file(folder: Path, machine: dict[str, object], min_slack_ms: float = 60.0) -> Path:
    """The built-in line with another machine."""
    yaml = YAML()
    tree = yaml.load((ROOT / "configs/sim.yaml").read_text(encoding="utf-8"))
    for key in ("calibration", "recipe", "model"):
        tree[key] = str(ROOT / "configs" / tree[key])
    tree["machine"] = machine
    tree["sorting"]["min_slack_ms"] = min_slack_ms
    path = folder / "station.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    return path


@pytest.fixture
def tcp_station(tmp_path: Path) -> Path:
    return station_file(tmp_path, {"kind": "modbus-tcp", "host": "127.0.0.1", "port": free_port(), "timeout_ms": 2000})


@pytest.fixture
def benched(tcp_station: Path) -> Iterator[Path]:
    with emulated(load_config(tcp_station), 1500.0, None, None):
        yield tcp_station


def ran(*arguments: str, answer: str = "") -> tuple[int, str]:
    result = RUNNER.invoke(app, ["machine", *arguments], input=answer)
    return result.exit_code, result.output + result.stderr


def test_probe_says_who_answers_and_how_fast(benched: Path) -> None:
    code, told = ran("probe", str(benched), "--polls", "20")

    assert code == 0
    assert f"map version {job_ring.MAP_VERSION}, 49 outputs, 32-bit counter, 10 ticks per mm" in told
    assert "No station drives it." in told
    assert "Counts carry the controller's clock." in told
    assert "Round trip: p50" in told
    assert "requests: none unusable" in told


def test_probe_of_nothing_ends_with_2_and_says_what_to_check(tcp_station: Path) -> None:
    code, told = ran("probe", str(tcp_station))

    assert code == 2
    assert "Nothing listens" in told


def test_probe_of_another_controller_ends_with_3(benched: Path, tmp_path: Path) -> None:
    text = benched.read_text(encoding="utf-8").replace("first_output: 48", "first_output: 60")
    other = tmp_path / "other.yaml"
    other.write_text(text, encoding="utf-8")
    code, told = ran("probe", str(other), "--polls", "5")

    assert code == 3
    assert f"({job_ring.MAP_VERSION}, 61, 32, 10.0), found ({job_ring.MAP_VERSION}, 49, 32, 10.0)" in told


def test_a_shot_by_hand_is_fired_and_said(benched: Path) -> None:
    code, told = ran("fire", str(benched), "--lane", "3", "--outlet", "brass", "--armed")

    assert (code, told.strip()) == (0, "Output 18: fired at count 0.")


@pytest.mark.parametrize(
    ("arguments", "told_why"),
    [
        (("--lane", "3", "--armed"), "say which with --outlet (copper, brass, aluminium, quarantine)"),
        (("--lane", "17", "--outlet", "copper", "--armed"), "has lanes 1 to 16"),
        (("--lane", "3", "--outlet", "tin", "--armed"), "No bank ejects to 'tin'"),
        (("--lane", "3", "--outlet", "copper", "--ms", "900", "--armed"), "longer than sorting.max_pulse_ms"),
    ],
)
def test_a_shot_that_makes_no_sense_is_refused_before_anything_is_touched(
    tcp_station: Path, arguments: tuple[str, ...], told_why: str
) -> None:
    code, told = ran("fire", str(tcp_station), *arguments)

    assert code == 4
    assert told_why in told


def test_a_shot_is_not_fired_without_a_yes(tcp_station: Path) -> None:
    code, told = ran("fire", str(tcp_station), "--lane", "3", "--outlet", "copper", answer="n\n")

    assert code == 1
    assert "Is nobody within reach of it?" in told


def test_a_shot_is_refused_while_a_station_drives_the_controller(benched: Path) -> None:
    done = threading.Event()

    def drive() -> None:
        with closing(ModbusMachine(setup.job_ring_settings(load_config(benched)), time.monotonic_ns)) as machine:
            machine.open()
            while not done.is_set():
                machine.beat(run=True, armed=True)
                machine.sample()
                time.sleep(0.01)

    station = threading.Thread(target=drive)
    station.start()
    time.sleep(0.3)
    code, told = ran("fire", str(benched), "--lane", "3", "--outlet", "brass", "--armed")
    measured, _ = ran("lateness", str(benched), "--shots", "10", "--armed")
    _, probed = ran("probe", str(benched), "--polls", "5")
    done.set()
    station.join()

    assert (code, measured) == (4, 4)
    assert "A station drives this controller. Stop it first" in told
    assert "A station drives it." in probed


def test_emulate_speaks_rtu_where_the_station_does_and_probe_finds_it(tmp_path: Path) -> None:
    link = tmp_path / "adapter"
    machine = {"kind": "modbus-rtu", "port": str(link), "timeout_ms": 900, "longest_reply_ms": 50}
    path = station_file(tmp_path, machine)
    with emulated(load_config(path), 1500.0, link, None) as bench:
        code, told = ran("probe", str(path), "--polls", "20")

    assert bench.where == f"Modbus RTU on {link}, unit 1"
    assert code == 0
    assert f"{link} unit 1 answers." in told


def test_emulate_ends_by_itself_when_told_so(tcp_station: Path) -> None:
    code, told = ran("emulate", str(tcp_station), "--for", "0.5")

    assert code == 0
    assert "Modbus TCP on 127.0.0.1:" in told


def test_a_serial_line_too_slow_for_the_settings_is_refused(tmp_path: Path) -> None:
    slow: dict[str, object] = {"kind": "modbus-rtu", "port": "/dev/serial/by-id/none", "baud": 9600}

    with pytest.raises(ConfigError) as refused:
        load_config(station_file(tmp_path, slow))

    assert "machine.poll_ms  20 is too short: a poll takes" in str(refused.value)
    assert "sorting.min_slack_ms  60 is too short for this serial line" in str(refused.value)


def test_the_printed_map_lists_every_field_with_its_address_and_codes(tmp_path: Path) -> None:
    page = tmp_path / "map.html"
    code, _told = ran("map", "--html", str(page))
    html = page.read_text(encoding="utf-8")

    assert code == 0
    for block in job_ring.BLOCKS:
        assert f"<h2>{block.name}: {block.at} to " in html
        for at, field in map_rows(block):
            assert f'<td class="n">{at}</td><td><code>{field.name}</code></td><td>{field.kind}</td>' in html
            for number, meaning in field.bits:
                assert f"<br>{number}: {escape(meaning)}" in html


def test_the_fields_of_the_map_are_the_ones_the_code_carries() -> None:
    words = {block.name: tuple(field.name for field in block.fields) for block in job_ring.BLOCKS}
    job = words["slots"][:-1]

    assert job == ("id", "open_count", "length_counts", "outputs", "class_code", "flags")
    assert [block.registers for block in job_ring.BLOCKS] == [8, 8, 8, 5, 3, 12]
    assert words["command"] == ("heartbeat", "requests", "write_index")


def test_the_page_needs_nothing_from_outside_and_is_made_for_paper() -> None:
    html = map_html()

    assert "http" not in html
    assert "@page { size: A4" in html
    assert "Process stop request, not a safety function." in html


def test_the_map_is_printed_on_the_terminal_too() -> None:
    code, told = ran("map")

    assert code == 0
    assert "open_count" in told
