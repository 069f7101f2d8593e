"""Frames over a serial line, and in plain words why none come."""

from __future__ import annotations

from typing import NoReturn

from control.board_wire import Deframer, Frame, seal
from control.modbus_serial import SerialPort
from control.types import MachineLost

_PROMPT = b">>> "
_KEPT = 200


class BoardLine:
    """``where`` and ``baud`` are for complaints. Every failure closes the port and raises MachineLost."""

    def __init__(self, port: SerialPort, where: str, baud: int) -> None:
        self._port = port
        self._where = where
        self._baud = baud
        self._deframer = Deframer()
        self._heard = b""
        self.frames = 0

    @property
    def damaged(self) -> int:
        """Blocks since the line was opened that were no frame."""
        return self._deframer.damaged

    def open(self) -> None:
        """Open the port; a zero first, so that the board drops what it may have heard half."""
        self._deframer, self._heard, self.frames = Deframer(), b"", 0
        self._port.open()
        self._port.write(b"\0")

    def send(self, frame: Frame) -> int:
        """Put a frame on the line; how many bytes it has."""
        made = seal(frame)
        self._port.write(made)
        return len(made)

    def receive(self, within_s: float) -> list[Frame]:
        """Frames that are whole now, after at most this time; empty when nothing came."""
        data = self._port.read(within_s)
        self._heard = (self._heard + data)[-_KEPT:]
        frames = self._deframer.feed(data)
        self.frames += len(frames)
        return frames

    def close(self) -> None:
        self._port.close()

    def lose(self, text: str) -> NoReturn:
        """Close the port; the machine is lost."""
        self.close()
        raise MachineLost(text)

    def silence(self, waited_ms: float) -> str:
        """Why nothing that can be understood came for so long."""
        if not self._heard:
            return (
                f"The serial adapter {self._where} is there, but the board has been silent for {waited_ms:.0f} ms. "
                "Check the board's supply, its firmware (installed as main.py), and that RX and TX are not swapped."
            )
        if self.frames and not self.damaged:
            return (
                f"The board at {self._where} answered before and has been silent for {waited_ms:.0f} ms. "
                "Check its supply and its cable, and whether this computer is overloaded."
            )
        if self.frames:
            return (
                f"The board at {self._where} answered before, but nothing whole for {waited_ms:.0f} ms; "
                f"{self.damaged} damaged frames so far. Check the cable, its shield and the common earth."
            )
        if _PROMPT in self._heard:
            return (
                f"The board at {self._where} shows MicroPython's prompt: its firmware is not running. "
                "Copy the firmware to it as main.py and start it anew."
            )
        return (
            f"Bytes come from {self._where}, but not one whole frame: it speaks at another speed than {self._baud} "
            "baud, or another firmware runs on it, or the line is very noisy."
        )
