"""Killing one after the other in the middle of sorting: how long until every output is off for good."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from control.types import MachineLost
from station import setup
from station.children import ControlSetup
from station.crew import start_member
from station.latency.bench import Chain, Load, emulator_of, paper_setup, wait_until
from station.latency.figures import all_off_ms
from station.latency.line import BenchLine, tcp_machine
from station.latency.paper import PaperSetup
from station.link import Link, open_link
from station.plan import Plan
from station.types import State

LIMIT_MS = 250.0
_AFTER_S = 1.0
_READY_S = 120.0


class Victim(StrEnum):
    vision = "vision"
    control = "control"
    station = "station"
    cable = "cable"


class Pids(NamedTuple):
    """The processes of a station under test."""

    station: int
    vision: int
    control: int


class Death(NamedTuple):
    """``off_ms`` until the last output switched off, None when one stayed on; ``shots`` before it."""

    victim: str
    off_ms: float | None
    shots: int

    @property
    def is_kept(self) -> bool:
        """Off in time, and something was being fired at all."""
        return self.off_ms is not None and self.off_ms <= LIMIT_MS and self.shots > 0


def kill_all(plan: Plan, load: Load, say: Callable[[str], None]) -> tuple[Death, ...]:
    """Each victim on a line of its own."""
    found = []
    for victim in Victim:
        say(f"Killing: {victim.value} ...")
        found.append(_kill(plan, load, victim))
    return tuple(found)


def crew_main(paper: PaperSetup, control: ControlSetup, parent: Link) -> None:
    """A station under test: both children and the ends of their links; it says who they are and waits to be killed."""
    chain = Chain(paper, control)
    parent.send(Pids(os.getpid(), chain.vision.process.pid or 0, chain.control.process.pid or 0))
    is_told = False
    with suppress(ConnectionError):
        while True:
            parent.receive()
            with suppress(ConnectionError):
                chain.hear()
            if not is_told and chain.status is not None and chain.status.state is State.running:
                is_told = parent.send(State.running)
            time.sleep(0.005)  # noqa: TID251 - a process loop
    chain.end()


def _kill(plan: Plan, load: Load, victim: Victim) -> Death:
    with BenchLine(emulator_of(plan.config), tcp_machine(plan.config)) as line:
        paper = paper_setup(plan, load, line.motion)
        end, here = open_link()
        args = (paper, setup.control_setup(plan.config, line.machine), end)
        crew = start_member("station", crew_main, args, here, daemon=False)
        end.close()
        heard: list[object] = []

        def hear() -> None:
            heard.extend(here.receive())
            line.hear()

        try:
            wait_until(lambda: State.running in heard, hear, _READY_S, "the line sorts")
            shots = len(line.events)
            wait_until(lambda: len(line.events) > shots + 60, hear, _READY_S, "something is fired")
            pids = next((message for message in heard if isinstance(message, Pids)), None)
            if pids is None:
                raise MachineLost("The station under test did not say who it is.")
            killed_ns = _strike(victim, pids, line)
            _listen(line)
        finally:
            _bury(crew.process.pid, heard)
            crew.end()
        return Death(victim.value, all_off_ms(line.events, killed_ns), sum(e.t_ns < killed_ns for e in line.events))


def _strike(victim: Victim, pids: Pids, line: BenchLine) -> int:
    killed_ns = time.monotonic_ns()  # noqa: TID251 - when it happened
    match victim:
        case Victim.cable:
            line.pull_cable()
        case Victim.vision:
            os.kill(pids.vision, signal.SIGKILL)
        case Victim.control:
            os.kill(pids.control, signal.SIGKILL)
        case Victim.station:
            os.kill(pids.station, signal.SIGKILL)
    return killed_ns


def _listen(line: BenchLine) -> None:
    """Long enough to hear of every shot that should not have been."""
    end = time.monotonic() + _AFTER_S  # noqa: TID251 - a process loop
    while time.monotonic() < end:  # noqa: TID251
        line.hear()
        time.sleep(0.01)  # noqa: TID251


def _bury(crew: int | None, heard: list[object]) -> None:
    """Nobody of the station under test may live on."""
    for message in heard:
        if isinstance(message, Pids):
            for pid in (crew, message.vision, message.control):
                with suppress(ProcessLookupError):
                    os.kill(pid or message.station, signal.SIGKILL)
