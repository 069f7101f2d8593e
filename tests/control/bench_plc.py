"""A little controller on a real socket: the register map of the job ring, a scan loop, and ways to break it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import TracebackType

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from control import job_ring
from control.job_ring import CommandBlock, StatusBlock
from control.types import Identity, Interlocks, Job, ShotReport, ShotResult
from tests.control.yard import ALL_SAFE

IDENTITY = Identity(job_ring.MAP_VERSION, outputs=49, counter_bits=32, ticks_per_mm=10.0)
UNIT = 1
COUNTS_PER_MS = 15
_SCAN_S = 0.001


class Plc:
    """The controller's program: ``scan`` is one pass over inputs, ring and outputs."""

    def __init__(self, count: int = 2**32 - 3000) -> None:
        self.registers = [0] * job_ring.REGISTERS
        self.registers[: job_ring.IDENTITY_REGISTERS] = job_ring.pack_identity(IDENTITY)
        self.count = float(count)
        self.interlocks: Interlocks = ALL_SAFE
        self.is_scanning = True
        self.reads_jobs = self.obeys = True
        self.running = self.armed = False
        self.heartbeat = self.read_index = self.result_index = 0
        self.results: list[ShotReport | None] = [None] * job_ring.RESULTS
        self.queue: list[Job] = []
        self.most_unread = 0
        self.clock_ahead_us: int | None = None
        self._seen: CommandBlock | None = None
        self._asked = (True, True)
        self._heard_s = self._toggled_s = self._now_s = time.monotonic()

    def scan(self) -> None:
        if not self.is_scanning:
            return
        now_s = time.monotonic()
        self.count = (self.count + self.running * (now_s - self._now_s) * 1000 * COUNTS_PER_MS) % 2**32
        self._now_s = now_s
        if self.obeys:
            self._obey(job_ring.unpack_command(self.registers[job_ring.COMMAND_AT :][: job_ring.COMMAND_REGISTERS]))
        self._work()
        if now_s - self._toggled_s >= job_ring.HEARTBEAT_MS / 1000:
            self.heartbeat ^= 1
            self._toggled_s = now_s
        self.show()

    @property
    def latched_ns(self) -> int:
        """When the count was latched that is shown now."""
        return round(self._now_s * 1e9)

    def show(self) -> None:
        status = StatusBlock(
            int(self.count),
            self.interlocks,
            self.running,
            self.armed,
            self.heartbeat,
            self.read_index,
            self.result_index,
            tuple(self.results),
            clock_us=None if self.clock_ahead_us is None else (round(self._now_s * 1e6) + self.clock_ahead_us) % 2**32,
        )
        at = job_ring.STATUS_AT
        self.registers[at : at + job_ring.STATUS_REGISTERS] = job_ring.pack_status(status)

    def report(self, job_id: int, result: ShotResult) -> None:
        self.results[self.result_index % job_ring.RESULTS] = ShotReport(job_id, result, int(self.count))
        self.result_index = (self.result_index + 1) % job_ring.INDEX_MODULUS

    def _obey(self, command: CommandBlock) -> None:
        if self._seen is None or command.heartbeat != self._seen.heartbeat:
            self._heard_s = self._now_s
        self._seen = command
        is_alive = self._now_s - self._heard_s <= job_ring.HEARTBEAT_LIMIT_MS / 1000
        is_safe = is_alive and self.interlocks.estop_ok and self.interlocks.guard_closed
        self.running = is_safe and command.run and (self.running or not self._asked[0])
        self.armed = is_safe and command.armed and (self.armed or not self._asked[1])
        self._asked = (command.run, command.armed) if is_safe else (True, True)
        self._take_jobs(command.write_index)

    def _take_jobs(self, write_index: int) -> None:
        unread = (write_index - self.read_index) % job_ring.INDEX_MODULUS
        self.most_unread = max(self.most_unread, unread)
        if 0 < unread <= job_ring.SLOTS and self.reads_jobs:
            at = job_ring.slot_at(self.read_index)
            job = job_ring.unpack_job(self.registers[at : at + job_ring.SLOT_REGISTERS])
            assert job is not None, "a slot was read before it was written whole"
            self.queue.append(job)
            self.read_index = (self.read_index + 1) % job_ring.INDEX_MODULUS
            if self._ahead(job) <= 0:
                self.queue.pop()
                self.report(job.id, ShotResult.late)

    def _work(self) -> None:
        for job in tuple(self.queue):
            if not self.armed or self._ahead(job) <= 0:
                self.queue.remove(job)
                self.report(job.id, ShotResult.fired if self.armed else ShotResult.ignored)
                return

    def _ahead(self, job: Job) -> int:
        return (job.open_count - int(self.count) + 2**31) % 2**32 - 2**31


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PlcServer:
    """The program behind a real Modbus TCP server on a free port of loopback, in a thread of its own.

    ``exception`` is answered to everything, ``delay_s`` before each answer; ``exceptions_left`` limits how often.
    """

    def __init__(self, plc: Plc) -> None:
        self.plc = plc
        self.port = free_port()
        self.exception: ExcCodes | None = None
        self.exceptions_left = 1_000_000
        self.delay_s = 0.0
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> PlcServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._done is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        block = SimData(0, count=job_ring.REGISTERS, values=0, datatype=DataType.REGISTERS)
        device = SimDevice(UNIT, simdata=[block], action=self._answer)
        server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        self.plc.show()
        self._ready.set()
        while not self._done.is_set():
            self.plc.scan()
            await asyncio.sleep(_SCAN_S)
        await server.shutdown()  # type: ignore[no-untyped-call]

    async def _answer(
        self, _function: int, _start: int, address: int, count: int, registers: list[int], values: object
    ) -> ExcCodes | None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.exception is not None and self.exceptions_left > 0:
            self.exceptions_left -= 1
            return self.exception
        if isinstance(values, list):
            self.plc.registers[address : address + count] = values
        registers[address : address + count] = self.plc.registers[address : address + count]
        return None
