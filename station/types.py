"""Words of the whole station: states, orders, inputs and outputs of the sorter, records and status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from control.grade import Grade
from control.types import (
    Command,
    Decision,
    Ejection,
    MachineDown,
    MachineSample,
    Outcome,
    Recipe,
    ShotReport,
    ShotResult,
)
from station.valves import ValveHealth
from vision.types import Box, FrameStamp, Piece


class State(StrEnum):
    idle = "idle"
    starting = "starting"
    running = "running"
    bypass = "bypass"
    paused = "paused"
    setup = "setup"
    fault = "fault"
    estop = "estop"


class Order(StrEnum):
    """What a person may ask for; ``setup`` is asked for by the set-up pages."""

    start = "start"
    pause = "pause"
    stop = "stop"
    reset = "reset"
    setup = "setup"


class OrderGiven(NamedTuple):
    """An order with the number its answer will carry and who gave it."""

    number: int
    order: Order
    by: str


class RecipeGiven(NamedTuple):
    """A checked recipe to sort by from the next decision on, with the number its answer will carry."""

    number: int
    recipe: Recipe
    by: str


class OrderAnswer(NamedTuple):
    """``refusal`` is None when the order was taken, else the sentence that says why not."""

    number: int
    refusal: str | None


class Mark(NamedTuple):
    """What the page draws over one piece in the frame of this step."""

    box: Box
    piece_id: int
    label: str
    confidence: float
    outlet: str
    decided: bool


class Conditions(NamedTuple):
    """Faults that the parent process sees, all of them, told to vision whenever they change: (code, detail)."""

    items: tuple[tuple[str, str], ...]


class Finish(NamedTuple):
    """The run ends: close every piece, say so, and leave."""


class Finished(NamedTuple):
    """All records of the run have been sent."""


class FootageEnded(NamedTuple):
    """The recording has been played to its end."""


class Timing(NamedTuple):
    """How long each frame kept the vision loop busy, milliseconds, since the last message."""

    frame_ms: tuple[float, ...]


class Shot(NamedTuple):
    """What became of one shot: piece, class, the outputs that were to open, and the controller's answer, which was
    heard at ``heard_ns`` (monotonic)."""

    piece_id: int
    label: str
    outputs: tuple[int, ...]
    result: ShotResult
    heard_ns: int


class Shown(NamedTuple):
    """A picture for the page lies in the view ring under ``seq``, with what was seen in it.

    ``outlines`` belong to ``marks`` one by one, each x, y, x, y, ... in full-size pixels, () where only the box is
    known; ``shots`` were answered since the picture before.
    """

    seq: int
    captured_ns: int
    marks: tuple[Mark, ...]
    outlines: tuple[tuple[int, ...], ...] = ()
    shots: tuple[Shot, ...] = ()


class Inputs(NamedTuple):
    """Everything one step of the sorter is told. ``conditions`` are device faults seen now: (code, detail)."""

    now_ns: int
    frame: FrameStamp | None
    frames_dropped: int
    machine: tuple[MachineSample | MachineDown, ...]
    orders: tuple[OrderGiven, ...]
    conditions: tuple[tuple[str, str], ...]
    recipes: tuple[RecipeGiven, ...] = ()


@dataclass(frozen=True, slots=True)
class PieceRecord:
    """The one record of one closed piece. ``slack_ms`` is None when no shot was planned; the mass is None when nothing
    is known about how heavy such pieces are."""

    run: str
    piece: Piece
    scores: tuple[float, ...]
    decision: Decision
    ejection: Ejection | None
    slack_ms: float | None
    report: ShotReport | None
    outcome: Outcome
    reason: str
    degraded: bool
    recipe: str
    model: str
    closed_ns: int
    mass_g: float | None = None
    mass_sd_g: float | None = None


class Truth(NamedTuple):
    """What really fell into one outlet of a simulated line: shares 0..1, None where there is nothing to divide by;
    ``n`` pieces lie in it."""

    purity: float | None
    recovery: float | None
    n: int


class ActiveFault(NamedTuple):
    """A fault that is present or latched; ``since_ns`` is monotonic, ``order`` counts first-out."""

    code: str
    detail: str
    since_ns: int
    order: int
    present: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What the station says about itself, a few times a second."""

    state: State
    sentence: str
    faults: tuple[ActiveFault, ...]
    tick: int
    speed_mm_s: float
    frames: int
    frames_dropped: int
    frames_unplaced: int
    pieces: int
    newest_piece: int
    open_pieces: int
    now_ns: int
    recipe: str = ""
    grades: tuple[Grade, ...] = ()
    valves: tuple[ValveHealth, ...] = ()


@dataclass(frozen=True, slots=True)
class Outputs:
    """Everything one step of the sorter says."""

    command: Command
    records: tuple[PieceRecord, ...]
    marks: tuple[Mark, ...]
    answers: tuple[OrderAnswer, ...]
    status: Status
    looked: bool
