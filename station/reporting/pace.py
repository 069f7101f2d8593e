"""How quickly a backlog leaves: so slowly that the line does not feel it, a week's minutes in a quarter of an hour.

A batch costs some tens of milliseconds of one core; the eye shares these cores. So batches are small, with a rest after
each, and the threads that make them come after everything else on the computer.
"""

from __future__ import annotations

import os
import threading

ROWS_PER_S = 10.0
ROWS_AT_ONCE = 50
_NICENESS = 10


def come_last() -> None:
    """The calling thread computes when nobody else wants to."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
