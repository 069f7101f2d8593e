"""The process that is the simulated serial board: the reference firmware in a process of its own, on real terminals.

driver --terminal-- wire --terminal-- firmware --outputs--> this process --> the world
                                      firmware <--encoder, interlocks-- this process
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import shutil
import signal
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from control.precedence import take_priority
from hil.controller import ControllerSettings
from hil.drive import DrivenBelt
from hil.felt import Felt
from hil.firmware.board import CLOCK
from hil.firmware.pty_pins import DRIVEN, DRIVEN_BYTES
from hil.firmware_process import Firmware
from hil.interlocks import ALL_SAFE, suffered
from hil.motion import Motion
from hil.terminal import Cable, Terminal, WireTrouble, heard
from hil.types import EmulatorFailed, Hand, Mishap, MishapName, ValveEvent
from vision.types import Port

_TICK_S = 0.001
_NOISE = 0.0005
_RUN_BIT = 1 << 64


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """``port`` is where the terminal appears, as a link. ``python`` None takes MicroPython where there is one.

    ``fifo_priority`` is of this process and of the firmware, one below; None asks for none. ``baud`` None is a USB
    port, which has no speed of its own; otherwise a driver that speaks at another speed hears and says rubbish.
    """

    controller: ControllerSettings
    port: Path
    python: tuple[str, ...] | None = None
    baud: int | None = None
    fifo_priority: int | None = 50
    seed: int = 1


class BoardReady(NamedTuple):
    """The board can be opened at ``port``; ``runs_on`` says which Python its firmware runs on."""

    port: str
    runs_on: str
    firmware_pid: int


def run_board(settings: BoardSettings, motion_name: str, valve_events: Port, mishaps: Port) -> None:
    """Process entry. Says ``BoardReady`` over ``mishaps``, or ``EmulatorFailed`` and exits with 2.

    Hears ``Mishap`` and ``WireTrouble``; ends with all outputs off on SIGTERM or when the other end is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    motion = Motion(motion_name)
    bench: _Bench | None = None
    try:
        bench = _Bench(settings, motion, valve_events, mishaps)
        signal.signal(signal.SIGTERM, bench.ask_to_end)
        take_priority(settings.fifo_priority)
        gc.collect()
        gc.freeze()
        bench.keep()
    except OSError as cause:
        with contextlib.suppress(ConnectionError):
            mishaps.send(EmulatorFailed(f"The simulated serial board cannot start: {cause}."))
            sys.exit(2)
    finally:
        if bench is not None:
            bench.close()
        motion.close()


def micropython() -> tuple[str, ...] | None:
    """The command that runs MicroPython here; None when it is not installed."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("micropython", path=os.pathsep.join((beside, os.environ.get("PATH", ""))))
    return None if found is None else (found,)


class _Bench:
    """Moves the belt, carries bytes, and tells the world of outputs that switch."""

    def __init__(self, settings: BoardSettings, motion: Motion, valve_events: Port, mishaps: Port) -> None:
        self._settings = settings
        self._motion = motion
        self._felt = Felt(valve_events)
        self._mishaps = mishaps
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        encoder = settings.controller.encoder
        self._belt = DrivenBelt(settings.controller.drive, encoder, now_ns, motion.read().pos_mm)
        self._command = settings.python or micropython() or (sys.executable,)
        self._firmware = self._started()
        self._driver: Terminal | None = None
        self._wire = Cable(settings.baud, settings.seed)
        self._interlocks = ALL_SAFE
        self._driven = self._on_for_ever = 0
        self._half = b""
        self._stuck = self._asked = False

    def ask_to_end(self, _signal: int, _frame: object) -> None:
        self._asked = True

    def keep(self) -> None:
        """Until told to end; raises ConnectionError never: the parent's end is enough."""
        self._plug()
        self._mishaps.send(BoardReady(str(self._settings.port), self._runs_on(), self._firmware.pid))
        with contextlib.suppress(ConnectionError):
            while not self._asked:
                self._turn(time.monotonic_ns())  # noqa: TID251 - process loop
                self._carry()

    def close(self) -> None:
        """The board loses its supply: everything off."""
        self._switch(0, time.monotonic_ns())  # noqa: TID251 - process loop
        self._unplug()
        self._firmware.close()

    def _runs_on(self) -> str:
        return "MicroPython" if "micropython" in Path(self._command[0]).name else "CPython"

    def _turn(self, now_ns: int) -> None:
        """The belt's next piece of way, with the encoder and the interlocks."""
        for message in self._mishaps.receive():
            self._suffer(message)
        belt = self._belt
        motion = belt.advance(now_ns, run=bool(self._driven & _RUN_BIT))
        self._motion.write(motion)
        per_us = 0.0 if self._stuck else motion.speed_mm_s * self._settings.controller.encoder.ticks_per_mm * 1e-6
        inputs = sum(bit << n for n, bit in enumerate(self._interlocks))
        us, count = now_ns // 1000 % CLOCK, float(belt.count(now_ns))
        self._firmware.publish(us, count, per_us, inputs, self._on_for_ever)
        if not self._firmware.alive():
            self._switch(0, now_ns)

    def _carry(self) -> None:
        """Bytes both ways and outputs, for a millisecond at most."""
        ends = [self._firmware.terminal.master, self._firmware.outputs]
        ends += [] if self._driver is None else [self._driver.master]
        ready = select.select(ends, [], [], _TICK_S)[0]
        if self._driver is not None and self._driver.master in ready:
            self._pass(self._driver, self._firmware.terminal)
        if self._firmware.terminal.master in ready:
            self._pass(self._firmware.terminal, self._driver)
        if self._firmware.outputs in ready:
            self._feel(heard(self._firmware.outputs))

    def _pass(self, source: Terminal, sink: Terminal | None) -> None:
        data = heard(source.master)
        if sink is not None and data:
            with contextlib.suppress(OSError):
                os.write(sink.master, self._wire.carry(data, self._driver))

    def _feel(self, data: bytes) -> None:
        """Outputs as the firmware drove them, each at its own instant."""
        self._half += data
        while len(self._half) >= DRIVEN_BYTES:
            us, outputs, run = struct.unpack_from(DRIVEN, self._half)
            self._half = self._half[DRIVEN_BYTES:]
            now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
            ago_us = (now_ns // 1000 - us) % CLOCK
            self._switch(outputs | (_RUN_BIT if run else 0), now_ns - ago_us * 1000)

    def _switch(self, driven: int, t_ns: int) -> None:
        driven |= self._on_for_ever
        changed = (driven ^ self._driven) & ~_RUN_BIT
        self._driven = driven
        motion = self._belt.motion
        self._felt.tell(
            ValveEvent(n, bool(driven >> n & 1), t_ns, motion.at(t_ns), motion.speed_mm_s)
            for n in range(changed.bit_length())
            if changed >> n & 1
        )

    def _suffer(self, message: object) -> None:
        if isinstance(message, Hand):
            self._belt.handle(message)
        elif isinstance(message, WireTrouble):
            self._wire.trouble = message
            (self._unplug if message.unplugged else self._plug)()
        elif isinstance(message, Mishap):
            self._interlocks = suffered(self._interlocks, message)
            match message.name:
                case MishapName.unplugged:
                    (self._unplug if message.on else self._plug)()
                case MishapName.encoder_stuck:
                    self._stuck = message.on
                    self._belt.stick(stuck=message.on)
                case MishapName.output_stuck:
                    self._on_for_ever = 1 << message.output if message.on else 0
                    self._switch(self._driven & ~(1 << message.output), time.monotonic_ns())  # noqa: TID251
                case MishapName.silent:
                    self._wire.is_cut = message.on
                case MishapName.noise:
                    self._wire.trouble = WireTrouble(flipped=_NOISE if message.on else 0.0)
                case MishapName.restart if message.on:
                    self._restart()

    def _started(self) -> Firmware:
        return Firmware(self._settings.controller, self._command, self._settings.fifo_priority)

    def _restart(self) -> None:
        """Power gone and back: a fresh firmware, its counter anew."""
        self._switch(0, time.monotonic_ns())  # noqa: TID251 - process loop
        self._firmware.close()
        self._half = b""
        self._belt.recount(self._settings.controller.restart_count)
        self._firmware = self._started()

    def _plug(self) -> None:
        if self._driver is None:
            self._driver = Terminal()
            link = self._settings.port
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(self._driver.path)

    def _unplug(self) -> None:
        if self._driver is not None:
            self._settings.port.unlink(missing_ok=True)
            self._driver.close()
            self._driver = None
