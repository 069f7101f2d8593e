"""Scripts begin and end mishaps once, and each mishap of the bus does to a driver what its name says."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from control.modbus_machine import ModbusMachine
from control.modbus_rtu import RtuSettings
from control.modbus_wire import ModbusSettings
from control.types import MachineLost, MachineMismatch, OtherMaster
from hil.emulator import EmulatorSettings
from hil.faulty_counter import FaultyCounter
from hil.mishaps import MishapScript, ScriptedMishap
from hil.rtu_pty import SerialSettings
from hil.types import Mishap, MishapName
from station.sections import MishapWord
from station.types import Order, State
from tests.control.machines import CONTROLLER, IDENTITY, emulator
from tests.station.paper_line import PaperLine


def test_a_script_tells_each_beginning_and_each_end_once() -> None:
    slip = ScriptedMishap(MishapName.encoder_slip, at_s=1.0, for_s=2.0)
    dead = ScriptedMishap(MishapName.valve_dead, at_mm=5000.0, output=3)
    script = MishapScript((slip, dead))

    told = [script.due(n / 10, 2000.0 * n / 10) for n in range(60)]

    assert [(n, mishaps) for n, mishaps in enumerate(told) if mishaps] == [
        (10, [Mishap(MishapName.encoder_slip, True)]),
        (25, [Mishap(MishapName.valve_dead, True, 3)]),
        (30, [Mishap(MishapName.encoder_slip, False)]),
    ]


def test_every_mishap_there_is_can_be_scripted() -> None:
    assert set(get_args(MishapWord)) == {name.value for name in MishapName}


@pytest.mark.parametrize("start", [0, 2**16 - 500])
def test_a_faulty_counter_loses_reverses_and_jumps_by_what_it_says(start: int) -> None:
    counter = FaultyCounter(16)
    raw = start

    def run(counts: int) -> int:
        """What is shown more after so many true counts, looked at often."""
        nonlocal raw
        before = counter.shown(raw % 2**16)
        for _ in range(counts // 15):
            raw += 15
            counter.follow(raw % 2**16)
        return (counter.shown(raw % 2**16) - before + 2**15) % 2**16 - 2**15

    assert run(15_000) == 15_000
    counter.slip(raw % 2**16, on=True)
    assert run(15_000) == pytest.approx(14_700, abs=1)
    counter.slip(raw % 2**16, on=False)
    assert run(15_000) == 15_000
    counter.reverse(raw % 2**16, on=True)
    assert run(15_000) == -15_000
    counter.reverse(raw % 2**16, on=False)
    before = counter.shown(raw % 2**16)
    counter.jump(raw % 2**16)
    assert (counter.shown(raw % 2**16) - before) % 2**16 == 1_000_000 % 2**16


@pytest.mark.parametrize(
    ("name", "code"),
    [(MishapName.encoder_reversed, "encoder-reversed"), (MishapName.encoder_jump, "encoder-jump")],
)
def test_a_counter_gone_wrong_is_bypassed_and_named(name: MishapName, code: str) -> None:
    line = PaperLine([])
    line.run(6.0, Order.start)
    assert line.states[-1] is State.running

    line.suffer(name, on=True)
    seen = [fault.code for _ in range(40) for fault in line.step(()).status.faults]

    assert code in seen
    assert State.bypass in line.states


def test_answers_that_come_late_another_master_and_another_identity_are_told_apart() -> None:
    with emulator(EmulatorSettings(CONTROLLER, port=0)) as (ready, mishaps):
        settings = ModbusSettings("127.0.0.1", ready.port, 1, IDENTITY, timeout_ms=300)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            machine.open()
            _poll(machine)
            assert machine.sample().armed
            mishaps.send(Mishap(MishapName.other_master, on=True))
            time.sleep(0.1)
            with pytest.raises(OtherMaster):  # at the first poll that finds the machine stopped, before anybody else
                machine.sample()
        mishaps.send(Mishap(MishapName.other_master, on=False))
        mishaps.send(Mishap(MishapName.other_identity, on=True))
        time.sleep(0.2)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine, pytest.raises(MachineMismatch, match="50"):
            machine.open()
        mishaps.send(Mishap(MishapName.other_identity, on=False))
        mishaps.send(Mishap(MishapName.slow, on=True))
        time.sleep(0.2)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine, pytest.raises(MachineLost, match="silent"):
            machine.open()


def test_noise_on_a_serial_line_is_counted_and_never_believed(tmp_path: Path) -> None:
    serial = SerialSettings(tmp_path / "adapter", None)
    with emulator(EmulatorSettings(CONTROLLER, serial=serial)) as (ready, mishaps):
        settings = RtuSettings(str(ready.device), 1, IDENTITY, longest_reply_ms=5.0, give_up_ms=5000.0)
        machine = ModbusMachine(replace(settings, timeout_ms=300.0, max_round_trip_ms=1000.0), time.monotonic_ns)
        with closing(machine):
            machine.open()
            mishaps.send(Mishap(MishapName.noise, on=True))
            counts = [_polled(machine) for _ in range(150)]

    assert set(counts) == {counts[0]}
    assert machine.health().share > 0.01


def _poll(machine: ModbusMachine) -> None:
    for _ in range(40):
        _polled(machine)


def _polled(machine: ModbusMachine) -> int:
    machine.beat(run=False, armed=True)
    time.sleep(0.005)
    return machine.sample().encoder_count
