"""A simulated plant as a process, for tests: what it said first, its links, and what its outputs did."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hil.motion import Motion
from hil.types import ValveEvent
from station.link import Link, open_link


@dataclass
class Bench:
    """A running plant."""

    first_word: object
    valves: Link
    mishaps: Link
    motion: Motion
    events: list[ValveEvent] = field(default_factory=list)

    def feel(self) -> list[ValveEvent]:
        """All outputs that have switched so far."""
        self.events += [event for event in self.valves.receive() if isinstance(event, ValveEvent)]
        return self.events


@contextmanager
def plant(process: Callable[..., None], settings: object) -> Iterator[Bench]:
    """The plant that this process plays, ended at the end."""
    motion = Motion()
    (valves, their_valves), (mishaps, their_mishaps) = open_link(), open_link()
    played = multiprocessing.get_context("spawn").Process(
        target=process, args=(settings, motion.name, their_valves, their_mishaps)
    )
    played.start()
    their_valves.close()
    their_mishaps.close()
    try:
        yield Bench(_first_word(mishaps), valves, mishaps, motion)
    finally:
        played.terminate()
        played.join(5)
        for end in (valves, mishaps, motion):
            end.close()


def _first_word(mishaps: Link) -> object:
    for _ in range(3000):
        for message in mishaps.receive():
            return message
        time.sleep(0.01)
    raise AssertionError("the plant said nothing for 30 s")
