"""A serial port that says in plain words why it does not work: nothing there, not allowed, taken, unplugged."""

from __future__ import annotations

import errno
import os
import select
from pathlib import Path
from typing import NoReturn, Protocol

import serial  # type: ignore[import-untyped]

from control.types import MachineLost

_BY_ID = Path("/dev/serial/by-id")
_CHUNK = 4096


class SerialPort(Protocol):
    """Seam between a line and its wire: the real one is here, one that delays and damages bytes is in ``hil``."""

    def open(self) -> None:
        """Open and empty the port; raises MachineLost."""

    def write(self, frame: bytes) -> None:
        """Send all of it; raises MachineLost when the adapter is gone."""

    def read(self, wait_s: float) -> bytes:
        """What has come, waiting at most ``wait_s`` for the first byte; empty for nothing. Raises MachineLost."""

    def close(self) -> None: ...


class AdapterPort:
    """The serial adapter at ``device``, best a path under /dev/serial/by-id; parity is N, E or O."""

    def __init__(self, device: str, baud: int, parity: str, stop_bits: int) -> None:
        self._device = device
        self._baud = baud
        self._parity = parity
        self._stop_bits = stop_bits
        self._port: serial.Serial | None = None

    def open(self) -> None:
        self.close()
        try:
            self._port = serial.Serial(
                self._device, self._baud, parity=self._parity, stopbits=self._stop_bits, timeout=0, write_timeout=0.5,
                exclusive=True,
            )  # fmt: skip
            self._port.reset_input_buffer()
        except (OSError, ValueError) as error:
            raise MachineLost(self._unopened(error)) from error

    def write(self, frame: bytes) -> None:
        try:
            self._opened().write(frame)
        except OSError as error:
            self._gone(error)

    def read(self, wait_s: float) -> bytes:
        port = self._opened()
        try:
            ready, _, _ = select.select([port.fd], [], [], max(0.0, wait_s))
            return os.read(port.fd, _CHUNK) if ready and self._has_data(port) else b""
        except OSError as error:
            self._gone(error)

    def close(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _opened(self) -> serial.Serial:
        if self._port is None:
            raise MachineLost(f"The serial port {self._device} is not open.")
        return self._port

    def _has_data(self, port: serial.Serial) -> bool:
        """Ready with nothing to read is how a pulled adapter looks."""
        if port.in_waiting == 0:
            raise OSError(errno.ENODEV, "ready but empty")
        return True

    def _gone(self, error: OSError) -> NoReturn:
        self.close()
        raise MachineLost(
            f"The serial adapter {self._device} is gone ({_reason(error)}): it was unplugged or has lost its power. "
            "Plug it in again; the station finds it by itself."
        ) from error

    def _unopened(self, error: OSError | ValueError) -> str:
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.ENOENT:
            return f"There is no serial adapter at {self._device}. Plug it in, or correct the port; {_present()}."
        if number in (errno.EACCES, errno.EPERM):
            return (
                f"The serial adapter {self._device} may not be opened. Add the station's user to the group 'dialout'."
            )
        if number in (errno.EAGAIN, errno.EBUSY):
            return f"The serial adapter {self._device} is in use by another program. Stop that program first."
        return f"The serial adapter {self._device} cannot be opened ({_reason(error)}). Check it and the baud rate."


def _present() -> str:
    found = sorted(str(path) for path in _BY_ID.glob("*"))
    return f"present are {', '.join(found)}" if found else "no serial adapter is plugged in"


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
