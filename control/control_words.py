"""What the control process is given, what it says of itself, and what some machines offer it beside their verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from control.guard import GuardLimits
from control.lateness import ErrorCurve
from control.modbus_answers import LineHealth
from control.types import MachineDown


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """``fifo_priority`` None asks for no real-time priority; a poll that begins ``late_ms`` after its time is late.

    ``latency_ms`` is how old a count is when the controller tells it, as calibrated; what is seen to be older counts.
    """

    limits: GuardLimits
    poll_ms: float = 10.0
    reopen_ms: float = 500.0
    status_ms: float = 1000.0
    late_ms: float = 2.0
    fifo_priority: int | None = 40
    latency_ms: float = 0.0


class ControlStatus(NamedTuple):
    """What the control process says about itself about once a second.

    ``round_trip_us_*`` are of the newest polls, 0 before the first; ``samples_unsent`` did not fit into the link to
    vision, their shot reports followed with a later one; ``held`` is a word of ``Refusal`` or None.
    ``shot_error`` is there when the station fires by itself, ``line`` where the driver counts its answers.
    ``sample_age_us`` is how old counts are when they are told, None where the machine allows for it by itself.
    """

    now_ns: int
    connected: bool
    fifo: bool
    polls: int
    late_polls: int
    round_trip_us_p50: float
    round_trip_us_p99: float
    samples_unsent: int
    jobs_refused: int
    held: str | None
    down: MachineDown | None
    resident_kb: int
    shot_error: ErrorCurve | None = None
    line: LineHealth | None = None
    sample_age_us: float | None = None


@runtime_checkable
class Prompt(Protocol):
    """What a machine that fires by itself has beside the verbs of ``Machine``."""

    def errors(self) -> ErrorCurve:
        """How far from their counts its shots were."""

    def serve(self) -> int | None:
        """Do what is due; the monotonic instant to be called again at the latest, None when nothing waits.

        Raises MachineLost.
        """


@runtime_checkable
class Listener(Protocol):
    """What a machine on a wire that can be noisy has beside the verbs of ``Machine``."""

    def health(self) -> LineHealth:
        """How many of its answers were usable, since it was made."""
