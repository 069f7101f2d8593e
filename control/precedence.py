"""Who computes first when two cores have too much to do: asked for, and done without where it is not permitted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

VISION = -10
LINE = -5


def take_priority(priority: int | None) -> bool:
    """Ask for SCHED_FIFO; False when it is not wanted or not permitted."""
    if priority is None:
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True


@contextmanager
def hurried(priority: int) -> Iterator[None]:
    """SCHED_FIFO for a while: a busy computer is not to look like a bad line."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    take_priority(priority)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(0, *before)


def take_precedence(niceness: int) -> None:
    """Before everything that is less urgent, in a session of its own.

    Linux divides the processor between sessions before it looks at niceness (sched(7), autogroup), so that precedence
    over a browser that was started elsewhere needs a session.
    """
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    with suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")
