"""What runs in the spawned vision and control processes: settings in, devices opened, loops run.

No pydantic, no web and, on the control side, no numpy.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from control.process import ControlSettings, run
from station.link import Link
from station.wiring import MachineChoice, open_machine


@dataclass(frozen=True, slots=True)
class ControlSetup:
    """Everything the control process needs."""

    machine: MachineChoice
    settings: ControlSettings


def control_main(setup: ControlSetup, vision: Link, station: Link) -> None:
    """The control process; ends with its neighbours or on SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    machine = open_machine(setup.machine)
    run(machine, vision, station, setup.settings, now_ns=time.monotonic_ns, sleep=time.sleep)  # noqa: TID251 - a process loop
