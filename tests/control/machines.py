"""Every machine there is, each with the plant behind it: a driver adds one function and one line to ``MACHINES``."""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from multiprocessing.context import SpawnProcess
from pathlib import Path

from control import job_ring
from control.coil_machine import CoilMachine
from control.coupler_map import CouplerMap
from control.modbus_machine import ModbusMachine, ModbusSettings
from control.modbus_rtu import RtuSettings
from control.precedence import hurried
from control.serial_machine import SerialBoardSettings, SerialMachine
from control.types import Identity, Machine
from hil.board_bench import BoardSettings, micropython
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.emulator import EmulatorSettings, run_emulator
from hil.motion import Motion
from hil.rtu_pty import SerialSettings
from hil.sim import SimMachine
from hil.types import EmulatorReady, Mishap, MishapName
from station.link import Link, open_link
from tests.control import bench_plc
from tests.control.bench_board import BOARD_IDENTITY, board
from tests.control.bench_coupler import BECKHOFF, COUPLER_IDENTITY, FESTO, coupler
from tests.control.contract import Plant
from tests.control.foreign import plc_host
from tests.control.yard import ALL_SAFE

MadeMachine = tuple[Machine, Plant]
MakeMachine = Callable[[], AbstractContextManager[MadeMachine]]

IDENTITY = Identity(job_ring.MAP_VERSION, outputs=49, counter_bits=32, ticks_per_mm=10.0)
# The counter wraps while the contract is tested, and the belt is up to speed soon.
CONTROLLER = ControllerSettings(
    (150.0,) * IDENTITY.outputs, DriveSettings(ramp_mm_s2=20_000.0), EncoderSettings(start_count=2**32 - 3000)
)
# Patient, because the emulator shares a busy computer with the tests.
_PATIENT_MS = 2000.0


class LockStepPlant:
    """A plant in memory: its time passes only while a test waits."""

    identity = IDENTITY

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        self.machine = SimMachine(
            CONTROLLER, DrivenBelt(CONTROLLER.drive, CONTROLLER.encoder, self.now_ns), lambda: self.now_ns
        )

    def press_estop(self) -> None:
        self.machine.suffer(Mishap(MishapName.estop, True))

    def release_estop(self) -> None:
        self.machine.suffer(Mishap(MishapName.estop, False))

    def wait(self, ms: float) -> None:
        self.now_ns += round(ms * 1e6)


class EmulatedPlant:
    """The emulator in a process of its own, on a real wire."""

    def __init__(self, mishaps: Link, identity: Identity = IDENTITY) -> None:
        self._mishaps = mishaps
        self.identity = identity

    def press_estop(self) -> None:
        self._mishaps.send(Mishap(MishapName.estop, True))

    def release_estop(self) -> None:
        self._mishaps.send(Mishap(MishapName.estop, False))

    def cause(self, mishap: Mishap) -> None:
        self._mishaps.send(mishap)

    def wait(self, ms: float) -> None:
        time.sleep(ms / 1000)


class CouplerPlant(EmulatedPlant):
    """A coupler in a process of its own; whoever waits for it serves the machine, as the control process does."""

    def __init__(self, mishaps: Link, machine: CoilMachine) -> None:
        super().__init__(mishaps, COUPLER_IDENTITY)
        self._machine = machine

    def wait(self, ms: float) -> None:
        until_ns = time.monotonic_ns() + round(ms * 1e6)
        while (now_ns := time.monotonic_ns()) < until_ns:
            edge_ns = self._machine.serve()
            time.sleep(max(0, (until_ns if edge_ns is None else min(edge_ns, until_ns)) - now_ns) * 1e-9)


class BenchPlant:
    """A second, smaller controller program written from the register map alone, on a real wire."""

    identity = bench_plc.IDENTITY

    def __init__(self, plc: bench_plc.Plc) -> None:
        self._plc = plc

    def press_estop(self) -> None:
        self._plc.interlocks = ALL_SAFE._replace(estop_ok=False)

    def release_estop(self) -> None:
        self._plc.interlocks = ALL_SAFE

    def wait(self, ms: float) -> None:
        time.sleep(ms / 1000)


@contextmanager
def in_memory() -> Iterator[MadeMachine]:
    plant = LockStepPlant()
    yield plant.machine, plant
    plant.machine.close()


@contextmanager
def modbus_tcp() -> Iterator[MadeMachine]:
    with emulator(EmulatorSettings(CONTROLLER, port=0)) as (ready, mishaps):
        settings = ModbusSettings("127.0.0.1", ready.port, 1, IDENTITY, _PATIENT_MS, max_round_trip_ms=1000.0)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, EmulatedPlant(mishaps)


@contextmanager
def modbus_rtu() -> Iterator[MadeMachine]:
    with emulator(EmulatorSettings(CONTROLLER, serial=SerialSettings())) as (ready, mishaps):
        assert ready.device is not None
        settings = RtuSettings(
            ready.device, 1, IDENTITY, timeout_ms=1000.0, longest_reply_ms=50.0, max_round_trip_ms=1000.0
        )
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, EmulatedPlant(mishaps)


@contextmanager
def modbus_tcp_small_controller() -> Iterator[MadeMachine]:
    with bench_plc.PlcServer(bench_plc.Plc()) as server:
        settings = ModbusSettings(
            "127.0.0.1", server.port, bench_plc.UNIT, bench_plc.IDENTITY, _PATIENT_MS, max_round_trip_ms=1000.0
        )
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, BenchPlant(server.plc)


@contextmanager
def reference_program_over_tcp() -> Iterator[MadeMachine]:
    port = bench_plc.free_port()
    with plc_host.running("tcp", str(port)) as plant:
        settings = ModbusSettings("127.0.0.1", port, 1, plc_host.IDENTITY, _PATIENT_MS, max_round_trip_ms=1000.0)
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, plant


@contextmanager
def reference_program_over_rtu() -> Iterator[MadeMachine]:
    with (
        tempfile.TemporaryDirectory() as folder,
        plc_host.serial_pair(Path(folder)) as (near, far),
        plc_host.running("rtu", str(far), "115200") as plant,
    ):
        settings = RtuSettings(
            str(near), 1, plc_host.IDENTITY, timeout_ms=1000.0, longest_reply_ms=50.0, max_round_trip_ms=1000.0
        )
        with closing(ModbusMachine(settings, time.monotonic_ns)) as machine:
            yield machine, plant


@contextmanager
def serial_board(python: tuple[str, ...] | None) -> Iterator[MadeMachine]:
    """The reference firmware on a pseudo terminal, run by this Python."""
    with (
        tempfile.TemporaryDirectory() as folder,
        board(BoardSettings(CONTROLLER, Path(folder) / "board", python)) as bench,
    ):
        settings = SerialBoardSettings(str(Path(folder) / "board"), 115200, BOARD_IDENTITY, timeout_ms=_PATIENT_MS)
        with closing(SerialMachine(settings, time.monotonic_ns)) as machine:
            yield machine, EmulatedPlant(bench.mishaps, BOARD_IDENTITY)


@contextmanager
def coils(made: CouplerMap) -> Iterator[MadeMachine]:
    """Plain outputs behind a coupler; a plant's time passes while the machine is served, as the process does it."""
    with (
        coupler(made, CONTROLLER.drive, CONTROLLER.encoder, watchdog_ms=1000) as bench,
        closing(CoilMachine(bench.settings, time.monotonic_ns)) as machine,
        hurried(40),
    ):
        yield machine, CouplerPlant(bench.mishaps, machine)


MACHINES: dict[str, MakeMachine] = {
    "coils-festo": lambda: coils(FESTO),
    "coils-beckhoff": lambda: coils(BECKHOFF),
    "serial-board": lambda: serial_board((sys.executable,)),
    **({} if micropython() is None else {"serial-board-on-micropython": lambda: serial_board(micropython())}),
    "sim": in_memory,
    "modbus-tcp": modbus_tcp,
    "modbus-rtu": modbus_rtu,
    "modbus-tcp-small-controller": modbus_tcp_small_controller,
    "structured-text-tcp": reference_program_over_tcp,
    "structured-text-rtu": reference_program_over_rtu,
}


@contextmanager
def emulator(settings: EmulatorSettings) -> Iterator[tuple[EmulatorReady, Link]]:
    """The emulated controller as a process, ended at the end; what it said when ready, and the link for mishaps."""
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    process = multiprocessing.get_context("spawn").Process(
        target=run_emulator, args=(settings, motion.name, their_valves, their_mishaps)
    )
    process.start()
    their_valves.close()
    their_mishaps.close()
    try:
        yield _ready(process, mishaps), mishaps
    finally:
        process.terminate()
        process.join(5)
        for end in (valves, mishaps, motion):
            end.close()


def _ready(process: SpawnProcess, mishaps: Link) -> EmulatorReady:
    for _ in range(3000):
        for message in mishaps.receive():
            if isinstance(message, EmulatorReady):
                return message
        assert process.is_alive(), "the emulator ended before it was ready"
        time.sleep(0.01)
    raise AssertionError("the emulator said nothing for 30 s")
