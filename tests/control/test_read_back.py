"""What is wired is read back: outputs, the drive's own signal, and the station's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control import job_ring
from control.job_ring import StatusBlock
from control.modbus_machine import ModbusMachine
from control.types import OtherMaster
from hil.types import Mishap, MishapName
from tests.control import bench_plc
from tests.control.contract import Operator
from tests.control.machines import MACHINES, EmulatedPlant, LockStepPlant
from tests.control.test_modbus_machine import make_machine
from tests.control.yard import ALL_SAFE, make_job

WATCHED = ("sim", "modbus-tcp", "modbus-rtu", "structured-text-tcp", "structured-text-rtu")


@pytest.mark.parametrize("kind", WATCHED)
def test_an_open_output_and_a_moving_belt_are_read_back(kind: str) -> None:
    with MACHINES[kind]() as (machine, plant):
        operator = Operator(machine, plant)
        operator.open()
        assert operator.poll(run=False, armed=False).outputs == 0
        operator.start()
        count = operator.until(lambda sample: sample.belt_moving is True).encoder_count
        machine.arm([make_job(1, open_count=(count + 4000) % 2**32, length=2000, outputs=1 << 37 | 1 << 3)])
        opened = operator.until(lambda sample: bool(sample.outputs))
        closed = operator.until(lambda sample: not sample.outputs)

    assert opened.outputs == 1 << 37 | 1 << 3
    assert closed.outputs == 0
    assert opened.doubt_ns >= 0


def test_a_board_reads_its_output_pins_back() -> None:
    with MACHINES["serial-board"]() as (machine, plant):
        operator = Operator(machine, plant)
        operator.open()
        assert operator.poll(run=False, armed=False).outputs == 0
        operator.start()
        count = operator.poll(run=True, armed=True, times=60).encoder_count
        machine.arm([make_job(1, open_count=(count + 4000) % 2**32, length=2000, outputs=1 << 37 | 1 << 3)])

        assert operator.until(lambda sample: bool(sample.outputs)).outputs == 1 << 37 | 1 << 3
        assert operator.until(lambda sample: not sample.outputs).outputs == 0


@pytest.mark.parametrize("kind", ["sim", "modbus-tcp", "serial-board"])
def test_a_stuck_output_is_seen_although_nothing_was_asked_for(kind: str) -> None:
    with MACHINES[kind]() as (machine, plant):
        operator = Operator(machine, plant)
        operator.open()
        if isinstance(plant, LockStepPlant):
            plant.machine.suffer(Mishap(MishapName.output_stuck, True, 0))
        elif isinstance(plant, EmulatedPlant):
            plant.cause(Mishap(MishapName.output_stuck, True, 0))

        assert operator.until(lambda sample: bool(sample.outputs), run=False, armed=False).outputs == 1


def test_another_master_that_writes_our_requests_is_named() -> None:
    with bench_plc.PlcServer(bench_plc.Plc()) as server:
        machine: ModbusMachine = make_machine(server.port)
        machine.open()
        server.plc.registers[job_ring.COMMAND_AT] ^= 2
        with pytest.raises(OtherMaster, match="has another master: its command block holds"):
            sample_often(machine)


def sample_often(machine: ModbusMachine) -> None:
    for _ in range(20):
        machine.sample()


@given(
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    st.one_of(st.none(), st.integers(0, 2**64 - 1)),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
)
def test_what_is_wired_and_what_is_not_survives_the_registers(
    moving: bool | None, outputs: int | None, felt: int | None, clock_us: int | None
) -> None:
    status = StatusBlock(7, ALL_SAFE, True, False, 1, 2, 3, (None,) * job_ring.RESULTS, moving, outputs, felt, clock_us)
    assert job_ring.unpack_status(job_ring.pack_status(status)) == status
