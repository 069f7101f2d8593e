"""The encoder counter of the board, instruction by instruction: all four edges, both directions, below zero."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.firmware import board
from tests.hil import pio

GRAY = (0b00, 0b10, 0b11, 0b01)  # forward: B, the upper bit, leads A


class Counter:
    """The counter as the firmware sets it up, on a state machine that is stepped here."""

    def __init__(self) -> None:
        modules = {"rp2": pio.rp2(), "machine": pio.machine()}
        before = {name: sys.modules.get(name) for name in modules}
        sys.modules.update(modules)
        try:
            self.read: Callable[[], int] = board._quadrature_counter(2)
        finally:
            for name, module in before.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module
        self.machine: pio.StateMachine = modules["rp2"].StateMachine.made[-1]
        self.place = 0
        self.machine.run(GRAY[0])

    def turn(self, edges: int) -> None:
        step = 1 if edges > 0 else -1
        for _ in range(abs(edges)):
            self.place += step
            self.machine.run(GRAY[self.place % 4])


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_the_program_fills_the_memory_so_that_its_table_lies_at_zero(counter: Counter) -> None:
    assert len(counter.machine.program.steps) == 32
    assert counter.machine.program.labels["down"] == 14
    assert counter.machine.program.labels["same"] == 15


def test_a_stale_queue_is_not_read(counter: Counter) -> None:
    counter.turn(3)
    assert counter.read() == counter.read() == 3
    counter.turn(8)
    assert counter.read() == 11


def test_it_counts_below_zero_and_back(counter: Counter) -> None:
    counter.turn(-2)
    assert counter.read() == 2**32 - 2
    counter.turn(5)
    assert counter.read() == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-9, 9), max_size=12))
def test_every_edge_counts_once_in_its_direction(turns: list[int]) -> None:
    counter = Counter()
    for edges in turns:
        counter.turn(edges)

    assert counter.read() == sum(turns) % 2**32
