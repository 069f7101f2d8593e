"""The meter: processor time and resident memory of each of the station's processes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import psutil

from control.process import ControlStatus
from station.crew import Member

_MEBI = 1 << 20


class Use(NamedTuple):
    """Seconds of processor time since the process began, and the most memory it was seen to hold."""

    cpu_s: float
    memory_mb: float


class Meter:
    """Sampled now and then; a process that has ended keeps its last figures."""

    def __init__(self) -> None:
        self._own = psutil.Process()
        self._processes: dict[str, psutil.Process] = {}
        self._use: dict[str, Use] = {}
        self.control: ControlStatus | None = None

    @property
    def use(self) -> dict[str, Use]:
        """By process name."""
        return dict(self._use)

    def note(self, status: ControlStatus) -> None:
        """What the control process says about itself."""
        self.control = status

    def sample(self, members: Iterable[Member]) -> None:
        """Read the figures of the parent and of these members."""
        self._read("station", self._own)
        for member in members:
            known = self._processes.get(member.name)
            if member.process.pid is not None and (known is None or known.pid != member.process.pid):
                self._adopt(member.name, member.process.pid)
            self._read(member.name, self._processes.get(member.name))

    def _adopt(self, name: str, pid: int) -> None:
        try:
            self._processes[name] = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._processes.pop(name, None)

    def _read(self, name: str, process: psutil.Process | None) -> None:
        if process is None:
            return
        try:
            with process.oneshot():
                times, memory_mb = process.cpu_times(), process.memory_info().rss / _MEBI
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            return
        before = self._use.get(name, Use(0.0, 0.0))
        self._use[name] = Use(times.user + times.system, max(memory_mb, before.memory_mb))
