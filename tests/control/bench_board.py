"""The simulated serial board as a process, for tests: its ends, and what its outputs did."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from control import board_wire
from control.types import Identity
from hil.board_bench import BoardReady, BoardSettings, run_board
from hil.motion import Motion
from hil.types import ValveEvent
from station.link import Link, open_link

BOARD_IDENTITY = Identity(board_wire.VERSION, outputs=49, counter_bits=32, ticks_per_mm=10.0)


@dataclass
class Bench:
    """A running board."""

    ready: BoardReady
    valves: Link
    mishaps: Link
    motion: Motion
    events: list[ValveEvent] = field(default_factory=list)

    def feel(self) -> list[ValveEvent]:
        """All outputs that have switched so far."""
        self.events += [event for event in self.valves.receive() if isinstance(event, ValveEvent)]
        return self.events


@contextmanager
def board(settings: BoardSettings) -> Iterator[Bench]:
    """A board, ended at the end."""
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    process = multiprocessing.get_context("spawn").Process(
        target=run_board, args=(settings, motion.name, their_valves, their_mishaps)
    )
    process.start()
    their_valves.close()
    their_mishaps.close()
    try:
        yield Bench(_ready(mishaps), valves, mishaps, motion)
    finally:
        process.terminate()
        process.join(5)
        for end in (valves, mishaps, motion):
            end.close()


def _ready(mishaps: Link) -> BoardReady:
    for _ in range(3000):
        for message in mishaps.receive():
            assert isinstance(message, BoardReady)
            return message
        time.sleep(0.01)
    raise AssertionError("the board said nothing for 30 s")
