"""The control process: polls the machine every few milliseconds, lets commands through the guard, beats the heart."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from control.control_words import ControlSettings, ControlStatus, Listener, Prompt
from control.loop import Loop, resident_kb
from control.precedence import take_priority
from control.types import Machine
from vision.types import Port

__all__ = ["ControlSettings", "ControlStatus", "Listener", "Loop", "Prompt", "resident_kb", "run"]


def run(
    machine: Machine,
    vision: Port,
    station: Port,
    settings: ControlSettings,
    *,
    now_ns: Callable[[], int],
    sleep: Callable[[float], None],
) -> None:
    """Poll until SIGTERM comes or a neighbour is gone, then make the machine safe and return; main thread only."""
    stopping = _Stopping()
    previous = signal.signal(signal.SIGTERM, stopping.stop)
    loop = Loop(machine, vision, station, settings, now_ns, fifo=take_priority(settings.fifo_priority))
    gc.collect()
    gc.freeze()
    try:
        with suppress(ConnectionError):
            _keep_time(loop, stopping, settings, now_ns, sleep)
    finally:
        loop.stop()
        signal.signal(signal.SIGTERM, previous)


class _Stopping:
    """Set by a signal, read between two polls."""

    def __init__(self) -> None:
        self.wanted = False

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        self.wanted = True


def _keep_time(
    loop: Loop,
    stopping: _Stopping,
    settings: ControlSettings,
    now_ns: Callable[[], int],
    sleep: Callable[[float], None],
) -> None:
    """One step per period; periods that were missed are not caught up."""
    period_ns = round(settings.poll_ms * 1e6)
    due_ns = now_ns()
    while not stopping.wanted:
        loop.step(now_ns() - due_ns)
        now = now_ns()
        due_ns += period_ns * max(1, -((due_ns - now) // period_ns))
        _rest(loop, due_ns, now_ns, sleep)


def _rest(loop: Loop, due_ns: int, now_ns: Callable[[], int], sleep: Callable[[float], None]) -> None:
    """Until the next poll, serving a machine that fires by itself."""
    while (now := now_ns()) < due_ns:
        edge_ns = loop.serve()
        until_ns = due_ns if edge_ns is None else min(due_ns, edge_ns)
        now = now_ns()
        if until_ns > now:
            sleep((until_ns - now) / 1e9)
