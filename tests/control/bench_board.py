"""The simulated serial board as a process, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from control import board_wire
from control.types import Identity
from hil.board_bench import BoardReady, BoardSettings, run_board
from hil.motion import Motion
from hil.types import ValveEvent
from station.link import Link
from tests.control import bench_links

BOARD_IDENTITY = Identity(board_wire.VERSION, outputs=49, counter_bits=32, ticks_per_mm=10.0)


class Bench(NamedTuple):
    """A running board."""

    ready: BoardReady
    plant: bench_links.Bench

    @property
    def mishaps(self) -> Link:
        return self.plant.mishaps

    @property
    def motion(self) -> Motion:
        return self.plant.motion

    def feel(self) -> list[ValveEvent]:
        return self.plant.feel()


@contextmanager
def board(settings: BoardSettings) -> Iterator[Bench]:
    """A board, ended at the end."""
    with bench_links.plant(run_board, settings) as plant:
        assert isinstance(plant.first_word, BoardReady)
        yield Bench(plant.first_word, plant)
