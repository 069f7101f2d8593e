"""The board's pins on a bench: the wire is a terminal, the encoder a shared file, outputs go to standard output.

Runs under CPython and under MicroPython's unix port: ``micropython -m hil.firmware.pty_pins``, see ``main``.
"""

import select
import struct
import sys
import time

from hil.firmware.board import CLOCK, Board, Settings, serve

# Written by the bench about every millisecond: number, microseconds, count, counts per microsecond, inputs, the mask of
# outputs that stay on whatever is driven, number.
SHARED = "<IIddIQI"
SHARED_BYTES = 40
# Told to the bench when it changes: microseconds, outputs, run.
DRIVEN = "<IQB"
DRIVEN_BYTES = 13
_TRIES = 50
# A sleeping process wakes so much late; before an edge it looks again and again, as the board always does.
WAKING_US = 150


class PtyPins:
    """``terminal`` and ``shared`` are paths; the bench has made the terminal raw and reads of it not wait."""

    def __init__(self, terminal: str, shared: str) -> None:
        self.port = open(terminal, "r+b", 0)  # noqa: SIM115 - kept for ever
        self.shared = open(shared, "rb", 0)  # noqa: SIM115
        self.sink = sys.stdout.buffer
        self.poller = select.poll()
        self.poller.register(self.port, select.POLLIN)
        self.state = (0, 0, 0.0, 0.0, 0, 0, 0)
        self.driven = (0, False)
        self.clock = getattr(time, "ticks_us", None) or _ticks_us
        self.nap = getattr(time, "sleep_us", None) or _sleep_us

    def lives(self) -> bool:
        """For ever: the bench ends the process, and reading fails when the terminal is gone."""
        return True

    def latch(self) -> "tuple[int, int]":
        """The count at this microsecond, from where the bench saw the belt last and how fast it ran."""
        for _ in range(_TRIES):
            self.shared.seek(0)
            found = struct.unpack(SHARED, self.shared.read(SHARED_BYTES))
            if found[0] == found[6]:
                self.state = found
                break
        now = self.clock() % CLOCK
        _number, then, count, rate, _inputs, _stuck, _same = self.state
        passed = (now - then + (CLOCK >> 1)) % CLOCK - (CLOCK >> 1)
        return now, int(count + max(0, passed) * rate) & 0xFFFFFFFF

    def inputs(self) -> int:
        """Bits e-stop, guard, air."""
        return int(self.state[4])

    def levels(self) -> int:
        """What is driven, and what is stuck."""
        return int(self.driven[0]) | int(self.state[5])

    def drive(self, outputs: int, run: bool) -> None:
        """Tell the bench, with the instant."""
        if (outputs, run) != self.driven:
            self.driven = (outputs, run)
            self.sink.write(struct.pack(DRIVEN, self.clock() % CLOCK, outputs, run))
            flush = getattr(self.sink, "flush", None)
            if flush is not None:
                flush()

    def read(self) -> bytes:
        """What has arrived."""
        return self.port.read(256) or b""

    def write(self, data: bytes) -> None:
        """All of it."""
        self.port.write(data)

    def wait(self, us: int) -> None:
        """Until something arrives or is due; a terminal can only be waited for in whole milliseconds."""
        if us >= 1000:
            self.poller.poll(us // 1000)
        elif us > WAKING_US:
            self.nap(us - WAKING_US)


def main(arguments: "list[str]") -> None:
    """Arguments: terminal, shared file, ticks per 100 m, then the longest on-time of each output in microseconds."""
    terminal, shared, ticks_per_100_m = arguments[:3]
    longest_us = [int(text) for text in arguments[3:]]
    serve(Board(Settings(len(longest_us), int(ticks_per_100_m), longest_us)), PtyPins(terminal, shared))


def _ticks_us() -> int:
    return time.monotonic_ns() // 1000  # noqa: TID251 - the board's own clock


def _sleep_us(us: int) -> None:
    time.sleep(us * 1e-6)  # noqa: TID251 - the board waits


if __name__ == "__main__":
    main(sys.argv[1:])
