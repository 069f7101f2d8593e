"""The station's processes: started in order, watched, restarted together, ended together.

Vision and control share a link and a piece numbering, so when one of them dies both are started anew, with the death
as a latched fault: nothing moves again before a person has reset it.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from station.link import Link

_CONTEXT = multiprocessing.get_context("spawn")
_RESTARTS = 5
_RESTART_WINDOW_NS = 600 * 1_000_000_000
_PATIENCE_S = 3.0


class Member(NamedTuple):
    """A started process and the parent's end of its link."""

    name: str
    process: BaseProcess
    link: Link

    def end(self) -> int | None:
        """Close the link, wait for the process to leave, kill it when it does not; returns its exit code."""
        self.link.close()
        self.process.join(_PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_PATIENCE_S)
        return self.process.exitcode


def start_member(
    name: str, target: Callable[..., None], args: Sequence[object], link: Link, *, daemon: bool = True
) -> Member:
    """Spawn ``target(*args)``; ``link`` is the parent's end. The caller closes the ends it gave away in ``args``.

    Only a member that is no ``daemon`` may have children of its own.
    """
    process = _CONTEXT.Process(target=target, args=tuple(args), name=f"station-{name}", daemon=daemon)
    process.start()
    return Member(name, process, link)


class RestartLimit:
    """At most five restarts in ten minutes; after that the cause has to be found by a person."""

    def __init__(self) -> None:
        self._at_ns: deque[int] = deque(maxlen=_RESTARTS)

    def allows(self, now_ns: int) -> bool:
        """Book one restart; False when there were too many."""
        full = len(self._at_ns) == _RESTARTS
        if full and now_ns - self._at_ns[0] < _RESTART_WINDOW_NS:
            return False
        self._at_ns.append(now_ns)
        return True
