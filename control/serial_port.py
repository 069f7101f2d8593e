"""One serial line that says in plain words why it does not work; it never reopens by itself."""

from __future__ import annotations

import contextlib
import errno
import select
from pathlib import Path
from typing import NoReturn

import serial  # type: ignore[import-untyped]

from control.board_wire import Deframer, Frame, seal
from control.types import MachineLost

_CHUNK = 4096
_PROMPT = b">>> "


class SerialPort:
    """Frames over the line ``path`` at ``baud``. Every failure closes it and raises MachineLost."""

    def __init__(self, path: str, baud: int) -> None:
        self._path = path
        self._baud = baud
        self._line: serial.Serial | None = None
        self._deframer = Deframer()
        self._heard = b""
        self.frames = 0

    @property
    def damaged(self) -> int:
        """Blocks since the line was opened that were no frame."""
        return self._deframer.damaged

    def open(self) -> None:
        """Open the line for this program alone and forget what lay in it."""
        self.close()
        self._deframer, self._heard, self.frames = Deframer(), b"", 0
        try:
            self._line = serial.Serial(self._path, self._baud, timeout=0, write_timeout=0.1, exclusive=True)
            self._line.reset_input_buffer()
            self._line.write(b"\0")
        except (OSError, ValueError, serial.SerialException) as error:
            self.lose(self._why_closed(error))

    def send(self, frame: Frame) -> int:
        """Put a frame on the line; how many bytes it has."""
        made = seal(frame)
        try:
            self._opened().write(made)
        except (OSError, serial.SerialException):
            self.lose(self._gone())
        return len(made)

    def receive(self, within_s: float) -> list[Frame]:
        """Frames that have arrived, after at most this time; empty when nothing came."""
        try:
            line = self._opened()
            if not select.select([line.fileno()], [], [], max(0.0, within_s))[0]:
                return []
            data: bytes = line.read(_CHUNK)
        except (OSError, ValueError, TypeError, serial.SerialException):
            self.lose(self._gone())
        self._heard = (self._heard + data)[-200:]
        frames = self._deframer.feed(data)
        self.frames += len(frames)
        return frames

    def close(self) -> None:
        """Let go of the line."""
        if self._line is not None:
            with contextlib.suppress(OSError, serial.SerialException):
                self._line.close()
            self._line = None

    def lose(self, text: str) -> NoReturn:
        """Close the line; the machine is lost."""
        self.close()
        raise MachineLost(text)

    def silence(self, waited_ms: float) -> str:
        """Why nothing that can be understood came for so long."""
        if not Path(self._path).exists():
            return self._gone()
        if not self._heard:
            return (
                f"The serial adapter {self._path} is there, but the board has been silent for {waited_ms:.0f} ms. "
                "Check the board's supply, its firmware (installed as main.py), and that RX and TX are not swapped."
            )
        if self.frames:
            return (
                f"The board at {self._path} answered before, but nothing whole for {waited_ms:.0f} ms; "
                f"{self.damaged} damaged frames so far. Check the cable, its shield and the common earth."
            )
        if _PROMPT in self._heard:
            return (
                f"The board at {self._path} shows MicroPython's prompt: its firmware is not running. Copy the firmware "
                "to it as main.py and start it anew."
            )
        return (
            f"Bytes come from {self._path}, but not one whole frame: it speaks at another speed than {self._baud} "
            "baud, or another firmware runs on it, or the line is very noisy."
        )

    def _opened(self) -> serial.Serial:
        if self._line is None:
            raise MachineLost(f"The serial line {self._path} is not open.")
        return self._line

    def _gone(self) -> str:
        return (
            f"The serial adapter {self._path} is gone. Plug it in again; the station opens it by itself. "
            "A path below /dev/serial/by-id stays the same at any socket."
        )

    def _why_closed(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        if number in (errno.EACCES, errno.EPERM):
            return f"No permission for {self._path}: add the user of the station to the group that owns it (dialout)."
        if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO) or not Path(self._path).exists():
            return self._gone()
        if number in (errno.EBUSY, errno.EAGAIN):
            return f"Another program holds {self._path}: end it (a terminal program, a second station)."
        return f"The serial line {self._path} cannot be opened at {self._baud} baud ({error})."
