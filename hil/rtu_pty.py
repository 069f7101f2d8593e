"""The emulated controller on a serial line: a pseudo terminal with the pace of the real wire, that can be unplugged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from control import job_ring
from hil.controller import Controller
from hil.rtu_slave import RtuSlave
from hil.types import PortTaken

_CHUNK = 4096
_GAP_S = 0.003
_DAMAGED_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """``link`` is a stable name for the changing device, as /dev/serial/by-id has it; None for none.

    ``baud`` None paces nothing: bytes arrive at once.
    """

    link: Path | None = None
    baud: int | None = 115_200
    bits_per_byte: int = 10


class ControllerRegisters:
    """The controller's memory as a slave sees it."""

    size = job_ring.REGISTERS

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def read(self, address: int, count: int) -> list[int]:
        now_ns = time.monotonic_ns()  # noqa: TID251 - the counter is latched when it is read
        return self._controller.read(address, count, now_ns)

    def write(self, address: int, values: list[int]) -> bool:
        return self._controller.write(address, values)


class RtuPty:
    """Serves one controller at the far end of a pseudo terminal, inside the running event loop.

    ``late_s`` is how much too late it answers; ``is_noisy``: one answer in 25 arrives damaged.
    """

    def __init__(self, settings: SerialSettings, unit: int, controller: Controller, speaks: Callable[[], bool]) -> None:
        self._settings = settings
        self._speaks = speaks
        self._slave = RtuSlave(unit, ControllerRegisters(controller), self._say)
        self._loop = asyncio.get_running_loop()
        self._ends: tuple[int, int] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._chance = random.Random(1)
        self.late_s = 0.0
        self.is_noisy = False

    def plug(self) -> str:
        """Make the device and its link; its name. Raises PortTaken when the link cannot be made."""
        near, far = os.openpty()
        tty.setraw(far)
        os.set_blocking(near, False)
        self._ends = (near, far)
        self._loop.add_reader(near, self._hear)
        device = os.ttyname(far)
        if self._settings.link is not None:
            self._make_link(self._settings.link, device)
        return device

    def unplug(self) -> None:
        """The adapter is pulled: the device is gone and whoever has it open is told so."""
        if self._ends is None:
            return
        near, far = self._ends
        self._ends = None
        self._loop.remove_reader(near)
        os.close(near)
        os.close(far)
        if self._settings.link is not None:
            self._settings.link.unlink(missing_ok=True)

    def _hear(self) -> None:
        if self._ends is None:
            return
        with contextlib.suppress(OSError):
            received = os.read(self._ends[0], _CHUNK)
            if self._speaks():
                self._loop.call_later(self._wire_s(len(received)), self._slave.hear, received)
                if self._pause is not None:
                    self._pause.cancel()
                self._pause = self._loop.call_later(self._wire_s(len(received)) + _GAP_S, self._slave.pause)

    def _say(self, frame: bytes) -> None:
        if self.is_noisy and self._chance.random() < _DAMAGED_SHARE:
            frame = bytes((frame[0] ^ 1 << self._chance.randrange(8),)) + frame[1:]
        self._loop.call_later(self._wire_s(len(frame)) + self.late_s, self._write, frame)

    def _write(self, frame: bytes) -> None:
        if self._ends is not None:
            with contextlib.suppress(OSError):
                os.write(self._ends[0], frame)

    def _wire_s(self, count: int) -> float:
        baud = self._settings.baud
        return 0.0 if baud is None else count * self._settings.bits_per_byte / baud

    def _make_link(self, link: Path, device: str) -> None:
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(device)
        except OSError as cause:
            self.unplug()
            raise PortTaken(f"The link {link} cannot be made ({cause.strerror}): choose another place.") from cause
