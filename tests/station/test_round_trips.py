"""What the drivers cost over the bare library: measured by a command, judged by what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control.job_ring import STATUS_HEAD_REGISTERS
from control.modbus_cost import Cost
from control.rtu_pace import USUAL_PACE
from station.cli import app
from station.latency.round_trips import MOST, is_kept

_REQUEST_BYTES = 8


@pytest.mark.parametrize(
    ("cost", "kept"),
    [
        (Cost(300.0, 200.0, 150.0, 100.0), True),
        (Cost(301.0, 200.0, 150.0, 100.0), False),
    ],
)
def test_a_driver_that_takes_too_long_breaks_the_promise(cost: Cost, kept: bool) -> None:
    assert is_kept(cost) is kept


def test_both_lines_are_measured_and_the_exit_code_is_the_verdict(tmp_path: Path) -> None:
    figures = tmp_path / "round-trips.json"

    done = CliRunner().invoke(app, ["bench", "round-trips", "--slices", "1", "--json", str(figures)])

    told = json.loads(figures.read_text(encoding="utf-8"))
    assert list(told) == ["Modbus TCP", "Modbus RTU"]
    over = [name for name, cost in told.items() if cost["ratio"] > MOST]
    assert done.exit_code == (1 if over else 0)
    assert done.output.count("BROKEN") == len(over)
    wire_ms = USUAL_PACE.bytes_ms(_REQUEST_BYTES + 5 + 2 * STATUS_HEAD_REGISTERS)
    assert min(told["Modbus RTU"]["bare_us"], told["Modbus RTU"]["driver_us"]) >= 1000 * wire_ms
