"""Words of the control room: what the machine tells, what is decided, what is fired, and how each piece ended.

Counts are raw encoder counts modulo the counter's width; ticks are the same counts unwrapped, so they never jump.
No numpy here: the control process stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


class MachineLost(Exception):  # noqa: N818 - lost things are named as facts
    """The controller does not answer; the text says what was tried and what to check."""


class OtherMaster(MachineLost):
    """Somebody else writes to the controller; the text says what was found where something else was written."""


class MachineMismatch(Exception):  # noqa: N818
    """The controller answers but is not the one this station is set up for; the text shows expected and found."""


class Interlocks(NamedTuple):
    """True is safe. Read from the machine, never the safety function itself."""

    estop_ok: bool
    guard_closed: bool
    air_ok: bool


class ShotResult(StrEnum):
    """What the controller did with one job; ``ignored`` covers jobs refused or dropped by e-stop, watchdog or mode.

    ``unanswered`` is the station's own word: the machine was lost before it answered, and may have fired.
    """

    fired = "fired"
    late = "late"
    faulted = "faulted"
    ignored = "ignored"
    unanswered = "unanswered"


class ShotReport(NamedTuple):
    """The controller's single answer to a job. ``encoder_count`` is the raw count at which it acted."""

    job_id: int
    result: ShotResult
    encoder_count: int


class MachineSample(NamedTuple):
    """One poll of the controller. ``taken_ns`` is the estimated monotonic instant of ``encoder_count``.

    ``doubt_ns`` is how far off that instant may be (half the round trip). ``outputs`` is the mask read back from the
    outputs, ``belt_moving`` the drive's own signal, ``felt`` a mask whose bits flip whenever the sensor behind an
    output feels a hit; each is None where nothing is wired. ``stamped``: the controller itself told when it read its
    counter, so the count has no age beyond what is calibrated.
    """

    encoder_count: int
    taken_ns: int
    interlocks: Interlocks
    running: bool
    armed: bool
    reports: tuple[ShotReport, ...]
    doubt_ns: int = 0
    outputs: int | None = None
    belt_moving: bool | None = None
    felt: int | None = None
    stamped: bool = False


class MachineDown(NamedTuple):
    """The machine cannot be used: ``code`` is a fault code of the faults table, ``detail`` what was seen."""

    code: str
    detail: str


class Identity(NamedTuple):
    """What a controller says it is; compared at connect."""

    map_version: int
    outputs: int
    counter_bits: int
    ticks_per_mm: float


class Job(NamedTuple):
    """One shot as the controller gets it: counts are modulo the counter width, ``outputs`` is a bit mask."""

    id: int
    open_count: int
    length_counts: int
    outputs: int
    class_code: int
    flags: int


JOB_FLAG_HAZARD = 1
JOB_FLAG_SIMULATED = 2


class Machine(Protocol):
    """Seam: the controller that counts ticks and fires. Every verb raises MachineLost when it does not answer."""

    def open(self) -> Identity:
        """Connect, compare the identity (raises MachineMismatch), leave everything disarmed."""

    def sample(self) -> MachineSample:
        """Poll once: count, interlocks and the shot reports that are new since the last sample."""

    def arm(self, jobs: Sequence[Job]) -> None:
        """Append jobs to the controller's ring. Each gets exactly one report."""

    def beat(self, *, run: bool, armed: bool) -> None:
        """Toggle the heartbeat and state what is requested: belt running, jobs allowed to fire."""

    def safe(self) -> None:
        """Drop the run request and disarm; the controller closes every output and ignores what is queued."""

    def close(self) -> None: ...


class EjectorKind(StrEnum):
    valve = "valve"
    pusher = "pusher"
    flap = "flap"


class Ejector(NamedTuple):
    """One output of the machine: ``output`` is its bit; it covers the belt from ``left_mm`` to ``right_mm``.

    ``distance_mm`` is from the datum line to where it hits a piece, ``delay_ms`` from output on to effect at the belt
    (of a pusher or flap: its travel). It stays on for ``hold_ms`` at least and ``longest_ms`` at most (None: the
    schedule's limits), and rests ``rest_ms`` before it may act again; a pusher or flap is in the way meanwhile.
    """

    output: int
    kind: EjectorKind
    outlet: str
    left_mm: float
    right_mm: float
    distance_mm: float
    delay_ms: float
    hold_ms: float = 0.0
    rest_ms: float = 0.0
    longest_ms: float | None = None


class Decision(NamedTuple):
    """Where a piece goes and why. ``outlet`` None means it passes; ``reason`` is a word of ``Reason``."""

    piece_id: int
    label: str
    confidence: float
    outlet: str | None
    reason: Reason


class Reason(StrEnum):
    """Why a piece was decided as it was."""

    rule = "rule"
    rest = "rest"
    unsure = "unsure"
    touching = "touching"
    unseen = "unseen"
    hazard = "hazard"
    bypass = "bypass"
    neighbour = "neighbour"
    lane_busy = "lane-busy"
    lane_dead = "lane-dead"
    unfinished = "unfinished"


class Ejection(NamedTuple):
    """A planned shot in ticks: outputs (bit mask) open at ``open_tick`` and close at ``close_tick``."""

    piece_id: int
    outputs: int
    open_tick: int
    close_tick: int


class Late(NamedTuple):
    """No slack left: the shot would have to open ``missing_ms`` earlier than it still can. It is never fired."""

    piece_id: int
    missing_ms: float


class Outcome(StrEnum):
    """How a piece ended; every closed piece has exactly one."""

    ejected = "ejected"
    passed = "passed"
    unsure = "unsure"
    late = "late"
    cancelled = "cancelled"
    lost = "lost"


class Command(NamedTuple):
    """What vision tells control at every step: requests and new jobs. Its arrival is the proof of life.

    ``seen_ns`` is the capture of the newest picture placed on the belt, None before the first: without a fresh one
    nothing may fire.
    """

    run: bool
    armed: bool
    jobs: tuple[Job, ...]
    seen_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a recipe: pieces of these labels go to ``outlet`` when the confidence reaches ``min_confidence``.

    With a target ``purity`` the threshold rises, up to ``max_confidence``, until the outlet's estimated purity is met.
    """

    labels: tuple[str, ...]
    outlet: str
    min_confidence: float
    purity: float | None = None
    max_confidence: float = 0.95


class Cost(NamedTuple):
    """What it costs when a piece of ``label`` falls into ``outlet``; what is not listed costs 1 where it is wrong."""

    outlet: str
    label: str
    cost: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to sort: rules, the outlet of everything else, and the hazards no operator can tune away.

    ``alarm_labels`` are diverted as their rules say, and told to people.
    """

    name: str
    version: str
    rest_outlet: str
    rules: tuple[Rule, ...]
    stop_labels: tuple[str, ...]
    stop_confidence: float
    costs: tuple[Cost, ...] = ()
    alarm_labels: tuple[str, ...] = ()
