"""A pseudo terminal as a serial line: two ends, the bytes between them, and what a bad cable does to them."""

from __future__ import annotations

import os
import random
import termios
import tty
from typing import NamedTuple

_CHUNK = 4096


class WireTrouble(NamedTuple):
    """What the wire does from now on: shares of bytes that are flipped or lost, or no wire at all (adapter gone)."""

    flipped: float = 0.0
    lost: float = 0.0
    unplugged: bool = False


class Terminal:
    """A pseudo terminal, raw; ``path`` is the end that others open. It is kept open here, so that nobody hangs up."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        modes = termios.tcgetattr(self._slave)
        modes[6][termios.VMIN], modes[6][termios.VTIME] = 0, 0
        termios.tcsetattr(self._slave, termios.TCSANOW, modes)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self._slave)

    def speed(self) -> int:
        """What the other end has set, as a constant of termios."""
        return int(termios.tcgetattr(self._slave)[5])

    def close(self) -> None:
        os.close(self.master)
        os.close(self._slave)


class Cable:
    """What happens to bytes between driver and board."""

    def __init__(self, baud: int | None, seed: int) -> None:
        """``baud`` None is a USB port; otherwise an end that has set another speed hears and says rubbish."""
        self.trouble = WireTrouble()
        self.is_cut = False
        self._chance = random.Random(seed)
        self._speed = None if baud is None else getattr(termios, f"B{baud}")

    def carry(self, data: bytes, driver: Terminal | None) -> bytes:
        """The bytes that come out at the other end."""
        if self.is_cut:
            return b""
        if self._speed is not None and driver is not None and driver.speed() != self._speed:
            return bytes(0 if byte % 3 == 0 else byte * 37 & 0xFF for byte in data)
        flipped, lost, _unplugged = self.trouble
        if flipped or lost:
            kept = [byte for byte in data if self._chance.random() >= lost]
            return bytes(
                byte ^ 1 << self._chance.randrange(8) if self._chance.random() < flipped else byte for byte in kept
            )
        return data


def heard(end: int) -> bytes:
    """What is there; nothing when nobody is at the other end."""
    try:
        return os.read(end, _CHUNK)
    except OSError:
        return b""
