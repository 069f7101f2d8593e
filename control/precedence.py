"""Who computes first when two cores have too much to do: asked for, and done without where it is not permitted."""

from __future__ import annotations

import os
from contextlib import suppress
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
