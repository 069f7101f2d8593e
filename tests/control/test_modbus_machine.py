"""A controller that is away, wrong, slow, stuck or restarted is told apart, in words that say what to do."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from pymodbus.constants import ExcCodes

from control import job_ring
from control.modbus_machine import ModbusMachine, ModbusSettings
from control.modbus_wire import ModbusWire
from control.types import MachineLost, MachineMismatch, ShotReport, ShotResult
from tests.control.bench_plc import IDENTITY, UNIT, Plc, PlcServer, free_port
from tests.control.yard import make_job

# Patient, because the bench controller shares a busy computer; tests about time set their own limits.
SETTINGS = ModbusSettings("127.0.0.1", 0, UNIT, IDENTITY, timeout_ms=2000.0, max_round_trip_ms=1000.0)
HASTY = replace(SETTINGS, timeout_ms=100.0)


@pytest.fixture
def server() -> Iterator[PlcServer]:
    with PlcServer(Plc()) as server:
        yield server


@pytest.fixture
def machine(server: PlcServer) -> Iterator[ModbusMachine]:
    machine = make_machine(server.port)
    yield machine
    machine.close()


def make_machine(port: int, settings: ModbusSettings = SETTINGS) -> ModbusMachine:
    return ModbusMachine(replace(settings, port=port), time.monotonic_ns)


def poll_until_lost(machine: ModbusMachine) -> str:
    for _ in range(500):
        try:
            machine.beat(run=True, armed=True)
            machine.sample()
        except MachineLost as lost:
            return str(lost)
        time.sleep(0.002)
    raise AssertionError("the machine was never lost")


def test_nobody_there_is_said_at_once() -> None:
    port = free_port()

    with pytest.raises(
        MachineLost, match=f"Nothing listens on 127.0.0.1:{port}. Check that the controller is switched"
    ):
        make_machine(port).open()


def test_a_connection_that_never_comes_is_given_up_within_a_second() -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for caller in (first, second):
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        begun = time.monotonic()
        with pytest.raises(MachineLost, match=r"No way to the controller .* Check the network cable"):
            make_machine(deaf.getsockname()[1]).open()

    assert time.monotonic() - begun < 1.0


def test_an_unknown_name_is_said() -> None:
    machine = make_machine(502, replace(SETTINGS, host="controller.invalid"))

    with pytest.raises(MachineLost, match=r"name of the controller, controller\.invalid, is not known"):
        machine.open()


def test_a_silent_unit_is_told_from_a_missing_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        machine = make_machine(deaf.getsockname()[1], HASTY)
        begun = time.monotonic()
        with pytest.raises(MachineLost, match=r"Connected to .* but unit 1 has been silent for 100 ms"):
            machine.open()

    assert time.monotonic() - begun < 1.0


@pytest.mark.parametrize("linger", [struct.pack("ii", 0, 0), struct.pack("ii", 1, 0)], ids=["closed", "reset"])
def test_a_connection_that_ends_is_told_from_silence(linger: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up_when_asked() -> None:
            accepted, _ = other.accept()
            accepted.recv(100)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            accepted.close()

        thread = threading.Thread(target=hang_up_when_asked)
        thread.start()
        port = other.getsockname()[1]
        wire = ModbusWire("127.0.0.1", port, UNIT, 500.0, connect_timeout_ms=800.0, now_ns=time.monotonic_ns)
        wire.connect()
        with pytest.raises(MachineLost, match="closed the connection"):
            wire.read(0, 8, "the identity block")
        thread.join()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\x00\x01\x00", "its answer broke off in the header"),
        (b"\x00\x01\x00\x00\x00\x13\x01\x03\x10\x00\x00", "its answer broke off after 11 of 25 bytes"),
        (b"\x00\x01\x00\x00\x00\x13\x07\x03\x10" + bytes(16), "unit 7 answers for unit 1. Check the unit number"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there does not speak Modbus TCP"),
    ],
    ids=["header", "half", "unit", "web"],
)
def test_an_answer_that_is_none_is_named(answer: bytes, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer_once() -> None:
            accepted, _ = other.accept()
            accepted.recv(100)
            accepted.sendall(answer)
            accepted.recv(100)
            accepted.close()

        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(MachineLost, match=told):
            make_machine(other.getsockname()[1], HASTY).open()
        thread.join()


def test_another_controller_is_a_mismatch_that_shows_both(server: PlcServer) -> None:
    machine = make_machine(server.port, replace(SETTINGS, expected=IDENTITY._replace(outputs=17, ticks_per_mm=8.5)))

    with pytest.raises(
        MachineMismatch, match=r"expected .* 17 outputs, .* 8\.5 ticks .*; found .* 49 outputs, .* 10 t"
    ):
        machine.open()


def test_ticks_per_mm_are_compared_as_the_registers_carry_them(server: PlcServer) -> None:
    exact = IDENTITY._replace(ticks_per_mm=9.876543210987)
    server.plc.registers[: job_ring.IDENTITY_REGISTERS] = job_ring.pack_identity(exact)
    machine = make_machine(server.port, replace(SETTINGS, expected=exact))

    assert machine.open().ticks_per_mm == pytest.approx(9.87654)
    machine.close()


def test_a_device_without_our_magic_is_a_mismatch_and_nothing_is_written_to_it(server: PlcServer) -> None:
    server.plc.registers[0] = 0
    before = list(server.plc.registers[job_ring.COMMAND_AT :])

    with pytest.raises(MachineMismatch, match="found no identity of ours"):
        make_machine(server.port).open()

    assert server.plc.registers[job_ring.COMMAND_AT :] == before


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (ExcCodes.ILLEGAL_FUNCTION, "it does not know the function, asked for the identity block"),
        (ExcCodes.ILLEGAL_ADDRESS, r"it has no such registers, .* \(holding registers 0 to 7\)"),
        (ExcCodes.ILLEGAL_VALUE, "it refuses the value"),
    ],
)
def test_a_refused_register_is_a_mismatch_that_names_it(server: PlcServer, code: ExcCodes, text: str) -> None:
    server.exception = code

    with pytest.raises(MachineMismatch, match=text):
        make_machine(server.port).open()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (ExcCodes.DEVICE_FAILURE, "a failure of its own"),
        (ExcCodes.ACKNOWLEDGE, "still working"),
        (ExcCodes.DEVICE_BUSY, "says it is busy"),
        (ExcCodes.GATEWAY_NO_RESPONSE, "A gateway answers at .* but does not reach unit 1"),
    ],
)
def test_a_controller_that_stays_busy_is_lost(
    machine: ModbusMachine, server: PlcServer, code: ExcCodes, text: str
) -> None:
    machine.open()
    server.exception = code

    with pytest.raises(MachineLost, match=text):
        machine.sample()


def test_a_controller_that_is_busy_once_is_asked_again(machine: ModbusMachine, server: PlcServer) -> None:
    machine.open()
    server.exception, server.exceptions_left = ExcCodes.DEVICE_BUSY, 2

    assert machine.sample().reports == ()


def test_a_slow_answer_is_never_used(server: PlcServer) -> None:
    machine = make_machine(server.port, replace(SETTINGS, timeout_ms=200.0, max_round_trip_ms=5.0))
    machine.open()
    server.delay_s = 0.03

    with pytest.raises(MachineLost, match=r"answers too slowly: .* at most 5 ms are allowed"):
        machine.sample()


def test_one_slow_answer_is_asked_for_again(server: PlcServer) -> None:
    clocks = [time.monotonic_ns]

    def now_ns() -> int:
        return clocks[-1]()

    machine = ModbusMachine(replace(SETTINGS, port=server.port, max_round_trip_ms=20.0), now_ns)
    machine.open()
    server.plc.is_scanning = False
    begun, slow, quick = [0], [0, 0, 25_000_000, 25_000_000], [30_000_000, 30_000_000, 40_000_000, 40_000_000]
    instants = iter([*begun, *slow, *quick])
    clocks.append(lambda: next(instants))

    assert machine.sample().taken_ns == 35_000_000
    machine.close()


@pytest.mark.parametrize(("samples", "within_ms"), [(0, 10), (50, 2)], ids=["the first sample", "a later one"])
def test_a_stamped_count_is_as_old_as_its_stamp_says(
    machine: ModbusMachine, server: PlcServer, samples: int, within_ms: int
) -> None:
    server.plc.clock_ahead_us = 4_000_000_000
    machine.open()
    for _ in range(samples):
        machine.sample()
    server.plc.is_scanning = False
    time.sleep(0.03)
    sample = machine.sample()

    assert sample.stamped
    assert abs(sample.taken_ns - server.plc.latched_ns) < within_ms * 1_000_000


def test_a_lost_machine_stays_lost_until_it_is_opened(server: PlcServer) -> None:
    machine = make_machine(server.port, replace(SETTINGS, timeout_ms=500.0))
    machine.open()
    server.delay_s = 0.6
    with pytest.raises(MachineLost, match="silent"):
        machine.sample()
    server.delay_s = 0.0

    with pytest.raises(MachineLost, match="no connection"):
        machine.sample()
    machine.open()
    assert machine.sample().running is False
    machine.close()


def test_a_program_that_stands_still_behind_a_live_port_is_lost(machine: ModbusMachine, server: PlcServer) -> None:
    machine.open()
    server.plc.is_scanning = False

    assert "its program has stopped" in poll_until_lost(machine)


def test_a_program_that_stands_still_is_noticed_when_opening(server: PlcServer) -> None:
    server.plc.is_scanning = False

    with pytest.raises(MachineLost, match="its program has stopped"):
        make_machine(server.port).open()


def test_a_machine_that_will_not_come_to_rest_is_not_taken_over(server: PlcServer) -> None:
    server.plc.obeys = False
    server.plc.running = True

    with pytest.raises(MachineLost, match="does not come to rest"):
        make_machine(server.port).open()


def test_a_controller_that_restarted_between_two_polls_is_lost(machine: ModbusMachine, server: PlcServer) -> None:
    server.plc.read_index = 700
    server.plc.scan()
    machine.open()
    server.plc.read_index = 0

    assert "job index went back" in poll_until_lost(machine)


def test_more_reports_than_the_ring_holds_are_not_hidden(machine: ModbusMachine, server: PlcServer) -> None:
    machine.open()
    for n in range(job_ring.RESULTS + 1):
        server.plc.report(n, ShotResult.fired)

    assert f"has {job_ring.RESULTS + 1} new shot reports" in poll_until_lost(machine)


def test_an_unknown_result_is_not_swallowed(machine: ModbusMachine, server: PlcServer) -> None:
    machine.open()
    server.plc.result_index += 1

    assert "result code" in poll_until_lost(machine)


def test_reports_are_told_once_and_in_order_where_the_index_wraps(server: PlcServer) -> None:
    server.plc.result_index = job_ring.INDEX_MODULUS - 3
    server.plc.scan()
    machine = make_machine(server.port)
    machine.open()
    server.plc.is_scanning = False
    for n in range(job_ring.RESULTS):
        server.plc.report(n, ShotResult.fired)
    server.plc.show()

    assert [report.job_id for report in machine.sample().reports] == list(range(job_ring.RESULTS))
    assert machine.sample().reports == ()
    machine.close()


def test_a_slot_is_never_overwritten_before_it_was_read(machine: ModbusMachine, server: PlcServer) -> None:
    server.plc.reads_jobs = False
    server.plc.read_index = job_ring.INDEX_MODULUS - 5
    server.plc.scan()
    machine.open()
    machine.arm([make_job(n, open_count=(int(server.plc.count) + 1_000_000) % 2**32) for n in range(100)])
    machine.sample()
    written = job_ring.unpack_command(server.plc.registers[job_ring.COMMAND_AT :][:3]).write_index
    assert (written - server.plc.read_index) % job_ring.INDEX_MODULUS == job_ring.SLOTS

    server.plc.reads_jobs = True
    reports: list[ShotReport] = []
    for _ in range(600):
        machine.beat(run=False, armed=False)
        reports += machine.sample().reports
        if len(reports) == 100:
            break
        time.sleep(0.002)

    assert [report.job_id for report in reports] == list(range(100))
    assert server.plc.most_unread == job_ring.SLOTS


def test_the_heartbeat_toggles_only_as_time_passes(machine: ModbusMachine, server: PlcServer) -> None:
    instants = [0]
    machine._now_ns = lambda: instants[0]
    machine.open()
    seen: list[int] = []
    for ms in range(0, 300, 10):
        instants[0] = ms * 1_000_000
        machine.beat(run=False, armed=False)
        seen.append(job_ring.unpack_command(server.plc.registers[job_ring.COMMAND_AT :][:3]).heartbeat)

    assert sum(a != b for a, b in pairwise(seen)) == 5
