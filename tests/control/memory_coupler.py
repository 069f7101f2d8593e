"""The coil machine and a coupler in lock step: a wire in memory, a clock that moves when somebody asks or waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from control.coil_machine import CoilMachine
from control.coil_settings import CoilSettings
from control.coupler_map import CouplerMap
from control.modbus_answers import LineHealth, Trip
from control.types import MachineLost, MachineMismatch, ShotReport
from hil.coupler import Coupler
from hil.drive import DrivenBelt, DriveSettings, EncoderSettings
from hil.types import ValveEvent
from tests.control.bench_coupler import COUPLER_IDENTITY, coupler_settings

MS = 1_000_000
LONGEST_MS = 140.0
_TRIP_NS = 200_000
_OVERSLEPT_NS = 60_000


class MemoryWire:
    """A ``Wire`` straight into the coupler; a round trip takes ``trip_ns``. It is cut while ``is_cut``.

    The encoder's count is copied every ``cycle_ns``, 0 when it is latched as it is read.
    """

    where = "coupler:502"
    is_thrifty = False
    jobs_at_once = 1000
    trip = Trip(0, 0, 0, 0)

    def __init__(self, made: CouplerMap, start_count: int = 0) -> None:
        self.now_ns = 1_000 * MS
        self.belt = DrivenBelt(DriveSettings(ramp_mm_s2=1e6), EncoderSettings(start_count=start_count), self.now_ns)
        self.coupler = Coupler(coupler_settings(made), self.belt, lambda _motion: None)
        self._encoder_at = coupler_settings(made).encoder.at
        self.cycle_ns = 0
        self.events: list[ValveEvent] = []
        self.trip_ns = _TRIP_NS
        self.is_cut = False
        self.refuses_at: int | None = None

    def connect(self) -> None:
        self._mind()

    def read(self, address: int, count: int, name: str) -> list[int]:
        self._mind()
        self.pass_ns(self.trip_ns // 2)
        words = self.coupler.read(address, count, self.now_ns)
        word = self._encoder_at - address
        if self.cycle_ns and 0 <= word <= count - 2:
            ran = int(self.belt.motion.speed_mm_s * (self.now_ns % self.cycle_ns) * 1e-9 * 10)
            aged = ((words[word + 1] << 16 | words[word]) - ran) % 2**32
            words[word : word + 2] = [aged & 0xFFFF, aged >> 16]
        self.pass_ns(self.trip_ns // 2)
        return words

    def write(self, address: int, registers: Sequence[int], name: str) -> None:
        self._mind()
        self.pass_ns(self.trip_ns // 2)
        switched = None
        if address != self.refuses_at:
            switched = self.coupler.write(address, list(registers), self.now_ns)
        if switched is None:
            raise MachineMismatch(f"it refuses {name}")
        self.events += switched
        self.pass_ns(self.trip_ns // 2)

    def health(self) -> LineHealth:
        raise AssertionError("nobody asks a wire in memory for its health")

    def close(self) -> None:
        """Nothing to let go of."""

    def pass_ns(self, ns: int) -> None:
        self.now_ns += ns
        self.events += self.coupler.advance(self.now_ns)

    def _mind(self) -> None:
        if self.is_cut:
            raise MachineLost("the cable is out")


class Station:
    """The machine at work, polled and served as the control process does it."""

    def __init__(self, made: CouplerMap, start_count: int = 0) -> None:
        self.wire = MemoryWire(made, start_count)
        settings = CoilSettings(
            "coupler", 502, 1, COUPLER_IDENTITY, made, coupler_settings(made).encoder, (LONGEST_MS,) * 49,
            estop_input=0, guard_input=1, air_input=17, run_output=49,
        )  # fmt: skip
        self.settings = settings
        self.machine = self._machine(settings)
        self.reports: list[ShotReport] = []
        self.count = 0
        self.overslept_ns = _OVERSLEPT_NS

    def with_watchdog(self, ms: int) -> None:
        self.machine = self._machine(replace(self.settings, watchdog_ms=ms))

    def poll(self, times: int = 1, *, run: bool = True, armed: bool = True) -> None:
        for _ in range(times):
            self.machine.beat(run=run, armed=armed)
            sample = self.machine.sample()
            self.count = sample.encoder_count
            self.reports += sample.reports
            self.wait(10 * MS)

    def wait(self, ns: int) -> None:
        """Sleep as the process does: until an edge, and always a little too long."""
        until_ns = self.wire.now_ns + ns
        while self.wire.now_ns < until_ns:
            edge_ns = self.machine.serve()
            wake_ns = until_ns if edge_ns is None else min(until_ns, edge_ns)
            self.wire.pass_ns(max(0, wake_ns - self.wire.now_ns) + self.overslept_ns)

    def started(self) -> Station:
        self.machine.open()
        self.poll(5, run=False, armed=False)
        self.poll(10)
        return self

    def on_times_ms(self) -> list[float]:
        since: dict[int, int] = {}
        times: list[float] = []
        for event in self.wire.events:
            if event.on:
                since[event.output] = event.t_ns
            else:
                times.append((event.t_ns - since.pop(event.output)) / MS)
        assert not since, "an output is still on"
        return times

    def _machine(self, settings: CoilSettings) -> CoilMachine:
        return CoilMachine(settings, lambda: self.wire.now_ns, self.wire)
