"""Modbus RTU: no answer is believed that belongs to another request, and each kind of trouble has its own advice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import serial  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from control import job_ring
from control.modbus_machine import ModbusMachine
from control.modbus_rtu import RtuSettings, RtuWire
from control.modbus_serial import AdapterPort
from control.rtu_frames import Answer, LineFault, judge, read_request, write_request
from control.rtu_pace import Pace
from control.types import MachineLost, MachineMismatch
from hil.emulator import EmulatorSettings
from hil.fake_line import FakeLine, LineMishaps
from hil.rtu_pty import SerialSettings
from hil.rtu_slave import RtuSlave, with_checksum
from hil.types import Mishap, MishapName
from station.link import Link
from tests.control.late_answers import (
    ALWAYS_SIX,
    DOUBLED_LATER,
    EVERYTHING,
    IN_TURNS,
    LATE_ONLY,
    SETTINGS,
    NumberedRegisters,
    bare,
    fenced,
)
from tests.control.machines import CONTROLLER, IDENTITY, emulator

MAGIC_FRAME = with_checksum(bytes([1, 3, 4]) + job_ring.MAGIC.to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("mishaps", "counts"),
    [(LATE_ONLY, ALWAYS_SIX), (EVERYTHING, ALWAYS_SIX), (DOUBLED_LATER, IN_TURNS)],
    ids=["late", "everything", "doubled"],
)
def test_no_value_of_an_earlier_answer_is_ever_believed(mishaps: LineMishaps, counts: tuple[int, ...]) -> None:
    tally = fenced(400, mishaps, 7, counts)

    assert tally.wrong == 0
    assert tally.late > 5
    assert tally.believed > 200


def test_a_plain_client_on_the_same_line_believes_wrong_values() -> None:
    assert bare(100, LATE_ONLY, 7).wrong > 10


def line_with(mishaps: LineMishaps, unit: int = 1) -> tuple[RtuWire, FakeLine]:
    line = FakeLine(mishaps, 3)
    slave = RtuSlave(unit, NumberedRegisters(), line.say)
    line.hear, line.pause = slave.hear, slave.pause
    return RtuWire(SETTINGS, line, line.now_ns), line


@pytest.mark.parametrize(
    ("mishaps", "advice"),
    [
        (LineMishaps(deaf=1.0), "nothing came back. Check that the controller is on, the two wires"),
        (LineMishaps(damaged=1.0), r"damaged \(checksum\). Check baud rate and parity"),
        (LineMishaps(cut=1.0), "its answers break off. Check the plugs"),
    ],
)
def test_each_trouble_on_the_line_has_its_advice(mishaps: LineMishaps, advice: str) -> None:
    wire, _line = line_with(mishaps)

    with pytest.raises(MachineLost, match=advice):
        wire.connect()


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (lambda frame: frame, "only the station's own words came back"),
        (lambda _frame: with_checksum(bytes([7, 3, 4, 0, 0, 0, 0])), "another unit answers. Check the unit number"),
        (lambda _frame: with_checksum(bytes([1, 0x83, 11])), "a gateway does not reach it"),
    ],
)
def test_what_comes_back_instead_of_an_answer_is_named(answer: Callable[[bytes], bytes], advice: str) -> None:
    wire, line = line_with(LineMishaps())
    wire.connect()
    line.hear = lambda frame: line.say(answer(frame))

    with pytest.raises(MachineLost, match=advice):
        wire.read(100, 6, "the trial")


def test_another_device_is_a_mismatch_that_shows_both_magics() -> None:
    wire, line = line_with(LineMishaps())
    line.hear = lambda frame: line.say(with_checksum(bytes([1, 3, 2 * frame[5], *[0x12, 0x34] * frame[5]])))

    with pytest.raises(MachineMismatch, match="hold 1234 1234, ours hold 5353 5452"):
        wire.connect()


def test_a_device_without_such_registers_is_a_mismatch() -> None:
    wire, line = line_with(LineMishaps())
    line.hear = lambda _frame: line.say(with_checksum(bytes([1, 0x83, 2])))

    with pytest.raises(MachineMismatch, match="it has no such registers"):
        wire.connect()


def test_one_damaged_answer_costs_a_fence_and_not_the_machine() -> None:
    wire, line = line_with(LineMishaps())
    wire.connect()
    slave, asked = line.hear, [0]

    def damage_the_first(frame: bytes) -> None:
        asked[0] += 1
        if asked[0] == 1:
            line.say(MAGIC_FRAME[:-1] + b"\x00" + bytes(8))
        else:
            slave(frame)

    line.hear = damage_the_first
    begun_ns = line.now_ns()
    assert len(wire.read(100, 6, "the trial")) == 6
    assert wire.health() == (4, (("damaged", 1),))
    assert wire.health().share == 0.25
    assert asked[0] == 3
    assert (line.now_ns() - begun_ns) / 1e6 < job_ring.HEARTBEAT_LIMIT_MS / 2


def test_a_black_hole_is_given_up_before_the_controllers_watchdog_acts() -> None:
    wire, line = line_with(LineMishaps())
    wire.connect()
    line.hear = lambda _frame: None
    begun_ns = line.now_ns()
    with pytest.raises(MachineLost, match="nothing came back"):
        wire.read(100, 6, "the trial")

    assert (line.now_ns() - begun_ns) / 1e6 < job_ring.HEARTBEAT_LIMIT_MS


def test_a_local_echo_of_the_adapter_is_taken_off() -> None:
    wire, line = line_with(LineMishaps(reply_ms=0.0))
    slave = line.hear

    def echo(frame: bytes) -> None:
        line.say(frame)
        slave(frame)

    line.hear = echo
    wire.connect()
    assert len(wire.read(100, 6, "the trial")) == 6
    wire.write(200, [1, 2, 3], "the command block")


def test_the_instant_of_a_reading_leaves_out_the_time_on_the_wire() -> None:
    wire, line = line_with(LineMishaps(reply_ms=4.0))
    wire.connect()
    latched: list[int] = []
    slave = line.hear

    def note(frame: bytes) -> None:
        latched.append(line.now_ns())
        slave(frame)

    line.hear = note
    wire.read(100, 60, "the trial")
    assert wire.trip.instant_ns == pytest.approx(latched[-1] + 2_000_000, abs=300_000)


@given(st.data())
def test_a_damaged_answer_is_never_an_answer(data: st.DataObject) -> None:
    request = read_request(1, 16, 6)
    sound = bytearray(with_checksum(bytes([1, 3, 12, *range(12)])))
    assert judge(request, bytes(sound)) == Answer((0x0001, 0x0203, 0x0405, 0x0607, 0x0809, 0x0A0B))
    bit = data.draw(st.integers(0, 8 * len(sound) - 1))
    width = data.draw(st.integers(1, 16))
    for n in range(bit, min(bit + width, 8 * len(sound)), max(1, width - 1)):
        sound[n // 8] ^= 1 << n % 8
    assert not isinstance(judge(request, bytes(sound)), Answer)


@given(st.integers(1, 16), st.integers(0, 4))
def test_half_an_answer_is_waited_for_and_more_than_one_is_not_believed(cut: int, more: int) -> None:
    request = read_request(1, 16, 6)
    sound = with_checksum(bytes([1, 3, 12, *range(12)]))
    assert judge(request, sound[:-cut]) is None
    assert isinstance(judge(request, sound + bytes(more)), LineFault if more else Answer)


def test_the_answer_to_another_write_is_not_believed() -> None:
    request = write_request(1, 200, [1, 2, 3])
    assert judge(request, with_checksum(bytes([1, 16, 0, 200, 0, 3]))) == Answer(())
    assert judge(request, with_checksum(bytes([1, 16, 0, 210, 0, 3]))) is LineFault.stray


@pytest.mark.parametrize(("baud", "jobs"), [(115_200, 10), (19_200, 2), (9600, 1)])
def test_no_more_jobs_are_written_at_once_than_the_line_carries_between_two_polls(baud: int, jobs: int) -> None:
    pace = Pace(baud, "N", 1)
    assert RtuWire(replace(SETTINGS, pace=pace), FakeLine(LineMishaps(), 1), lambda: 0).jobs_at_once == jobs
    assert pace.bytes_ms(baud // 10) == pytest.approx(1000)


def test_a_line_of_115200_baud_polls_in_10_ms_and_carries_33_jobs_a_second() -> None:
    pace = Pace(115_200, "N", 1)
    assert pace.poll_ms == pytest.approx(9.6, abs=0.5)
    assert pace.jobs_per_s(20.0) > 33
    assert Pace(19_200, "E", 1).jobs_per_s(60.0) < 33


def test_an_adapter_that_is_not_there_is_said() -> None:
    with pytest.raises(MachineLost, match=r"no serial adapter at /dev/serial/by-id/none\. Plug it in"):
        AdapterPort("/dev/serial/by-id/none", 115_200, "N", 1).open()


def test_an_adapter_in_use_is_said() -> None:
    near, far = os.openpty()
    with serial.Serial(os.ttyname(far), exclusive=True), pytest.raises(MachineLost, match="in use by another program"):
        AdapterPort(os.ttyname(far), 115_200, "N", 1).open()
    os.close(near)
    os.close(far)


@pytest.fixture
def plugged(tmp_path: Path) -> Iterator[tuple[ModbusMachine, Link]]:
    link = tmp_path / "usb-adapter"
    with emulator(EmulatorSettings(CONTROLLER, serial=SerialSettings(link))) as (_ready, mishaps):
        settings = RtuSettings(str(link), 1, IDENTITY, timeout_ms=1000.0, max_round_trip_ms=1000.0, give_up_ms=1000.0)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, mishaps


def test_an_unplugged_adapter_is_told_at_once_and_found_again_under_another_name(
    plugged: tuple[ModbusMachine, Link],
) -> None:
    machine, mishaps = plugged
    machine.open()
    machine.sample()
    mishaps.send(Mishap(MishapName.unplugged, True))
    time.sleep(0.2)
    with pytest.raises(MachineLost, match=r"adapter .*usb-adapter is gone .* Plug it in again"):
        machine.sample()
    with pytest.raises(MachineLost, match="no serial adapter"):
        machine.open()
    mishaps.send(Mishap(MishapName.unplugged, False))
    time.sleep(0.2)

    assert machine.open() == IDENTITY
    assert machine.sample().running is False


def test_a_silent_controller_on_the_line_is_told_from_a_pulled_adapter(plugged: tuple[ModbusMachine, Link]) -> None:
    machine, mishaps = plugged
    machine.open()
    mishaps.send(Mishap(MishapName.silent, True))
    time.sleep(0.2)
    with pytest.raises(MachineLost, match=r"unit 1: .*nothing came back"):
        machine.sample()
