"""Driver and firmware of the serial board in lock step: a port in memory, a clock that moves when somebody waits."""

from __future__ import annotations

from collections.abc import Callable

from control import board_wire
from control.serial_machine import SerialBoardSettings, SerialMachine
from control.types import Identity, MachineLost, ShotReport
from hil.firmware.board import CLOCK, Board, Settings

COUNTS_PER_MS = 15
LONGEST_MS = 20
IDENTITY = Identity(board_wire.VERSION, outputs=8, counter_bits=32, ticks_per_mm=10.0)
MS = 1_000_000
_WIRE_NS = 50_000
_STEP_NS = 500_000

Harm = Callable[[bytes], bytes]


def unharmed(data: bytes) -> bytes:
    return data


class MemoryBoard:
    """The firmware's program, its encoder and its wire. ``harm`` is done to bytes in either direction."""

    def __init__(self, start_count: int = 0, start_us: int = CLOCK - 50_000) -> None:
        self.now_ns = 1_000 * MS
        self.board = Board(Settings(IDENTITY.outputs, 1_000_000, [LONGEST_MS * 1000] * IDENTITY.outputs))
        self.harm: Harm = unharmed
        self.inputs = 7
        self.stuck = 0
        self.is_there = True
        self.says: bytes | None = None  # what comes instead of answers, whatever is asked
        self.switched: list[tuple[int, int]] = []  # (instant, outputs)
        self._count = float(start_count)
        self._us = start_us
        self._to_station = b""
        self._driven = 0

    @property
    def count(self) -> int:
        return int(self._count) % 2**32

    def open(self) -> None:
        self._mind()
        self._to_station = b""

    def write(self, frame: bytes) -> None:
        self._mind()
        self.pass_ns(_WIRE_NS)
        if self.says is not None:
            self._to_station += self.says
            return
        self.board.levels = self.board.outputs | self.stuck
        self.board.hear(self.harm(frame), self._us, self.count)
        self._step()

    def read(self, wait_s: float) -> bytes:
        self._mind()
        if not self._to_station:
            self.pass_ns(max(1, round(wait_s * 1e9)))
        data, self._to_station = self._to_station, b""
        return data

    def close(self) -> None:
        """Nothing to let go of."""

    def pass_ns(self, ns: int) -> None:
        """Time goes by, and the belt with it."""
        while ns > 0:
            step = min(ns, _STEP_NS)
            ns -= step
            self.now_ns += step
            self._us = (self._us + step // 1000) % CLOCK
            self._count += COUNTS_PER_MS * step / MS if self.board.run else 0.0
            self._step()

    def _step(self) -> None:
        self.board.step(self._us, self.count, self.inputs)
        if self.board.outputs != self._driven:
            self._driven = self.board.outputs
            self.switched.append((self.now_ns, self._driven))
        self._to_station += self.harm(self.board.answer) if self.board.answer else b""
        self.board.answer = b""

    def _mind(self) -> None:
        if not self.is_there:
            raise MachineLost("The serial adapter is gone.")


class Station:
    """The driver at work on a board in memory, polled as the control process does it."""

    def __init__(self, board: MemoryBoard, expected: Identity = IDENTITY) -> None:
        self.board = board
        settings = SerialBoardSettings("/dev/board", 115200, expected)
        self.machine = SerialMachine(settings, lambda: board.now_ns, board)
        self.reports: list[ShotReport] = []

    def poll(self, times: int = 1, *, run: bool = True, armed: bool = True) -> None:
        for _ in range(times):
            self.machine.beat(run=run, armed=armed)
            sample = self.machine.sample()
            self.reports += sample.reports
            self.board.pass_ns(10 * MS)

    def started(self) -> Station:
        self.machine.open()
        self.poll(8, run=False, armed=False)
        self.poll(8)
        assert self.board.board.run
        assert self.board.board.armed
        return self


def on_times_ms(switched: list[tuple[int, int]], output: int) -> list[float]:
    """How long this output was on, each time."""
    times: list[float] = []
    since: int | None = None
    for at_ns, outputs in switched:
        is_on = bool(outputs >> output & 1)
        if is_on and since is None:
            since = at_ns
        elif not is_on and since is not None:
            times.append((at_ns - since) / MS)
            since = None
    assert since is None, "an output is still on"
    return times
