"""The reference firmware in a process of its own, with its terminal and the file that its encoder reads."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import tempfile
from pathlib import Path

from hil.controller import ControllerSettings
from hil.firmware.pty_pins import SHARED
from hil.terminal import Terminal

_SHARED_FOLDER = "/dev/shm"


class Firmware:
    """The firmware's process, its terminal and the file its encoder reads."""

    def __init__(self, controller: ControllerSettings, command: tuple[str, ...], fifo_priority: int | None) -> None:
        """``command`` is the Python it runs on; the firmware is one below ``fifo_priority``, that of its bench."""
        self.terminal = Terminal()
        folder = _SHARED_FOLDER if os.path.isdir(_SHARED_FOLDER) else None
        self._shared = tempfile.NamedTemporaryFile(prefix="board-", dir=folder)  # noqa: SIM115 - closed with the rest
        self._number = 0
        self.publish(0, 0.0, 0.0, 0, 0)
        longest = [str(round(ms * 1000)) for ms in controller.longest_on_ms]
        scaled = str(round(controller.encoder.said_ticks_per_mm * 100_000))
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(
            [*command, "-m", "hil.firmware.pty_pins", self.terminal.path, self._shared.name, scaled, *longest],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "MICROPYPATH": root, "PYTHONPATH": root},
        )
        assert self._process.stdout is not None
        self.outputs = self._process.stdout.fileno()
        os.set_blocking(self.outputs, False)
        self._hurry(fifo_priority)

    @property
    def pid(self) -> int:
        return self._process.pid

    def publish(self, us: int, count: float, per_us: float, inputs: int, stuck: int) -> None:
        """Where the belt is, what the interlocks say, which outputs stay on."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        made = struct.pack(SHARED, self._number, us, count, per_us, inputs, stuck, self._number)
        os.pwrite(self._shared.fileno(), made, 0)

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self.terminal.close()
        self._shared.close()

    def _hurry(self, priority: int | None) -> None:
        if priority is not None:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(self.pid, os.SCHED_FIFO, os.sched_param(max(1, priority - 1)))
