"""Words of setting up: the steps, what the measuring process is asked, and what it has found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from vision.board import BoardSeen
from vision.picture_meters import Meters
from vision.types import Box


class Step(StrEnum):
    """In the order a technician takes them."""

    camera = "camera"
    board = "board"
    encoder = "encoder"
    speed = "speed"
    ejectors = "ejectors"
    timing = "timing"
    heartbeat = "heartbeat"
    model = "model"
    report = "report"


class MeasureRefused(Exception):  # noqa: N818 - refused things are named as facts
    """Nothing was measured; the text says why and what to do."""


class SeeLight(NamedTuple):
    """With the belt running: how evenly it is lit, and whether the lens is clean."""


class SeeBoard(NamedTuple):
    """At rest: where the board is in the picture."""


class ReadTick(NamedTuple):
    """Where the belt has come to rest."""


class FollowBelt(NamedTuple):
    """With the belt running: its way by the encoder and by the picture. ``mm_per_px`` is downstream, one pixel down."""

    mm_per_px: float


class FireEach(NamedTuple):
    """At rest: one output after the other open for ``ms``."""

    outputs: tuple[int, ...]
    ms: float


class WatchFall(NamedTuple):
    """With the belt running and armed: say when the heart may be stopped, then what the controller did."""


class Shoot(NamedTuple):
    """At pieces in the lane of ``outputs``: each shot hits ``offsets_mm`` off where the piece is expected, in turn."""

    outputs: int
    left_mm: float
    right_mm: float
    distance_mm: float
    delay_ms: float
    pulse_mm: float
    offsets_mm: tuple[float, ...]


class WatchPieces(NamedTuple):
    """With the belt running: the ``pieces`` test pieces that pass, what the model says, and shots at them if any."""

    pieces: int
    shoot: Shoot | None = None


Task = SeeLight | SeeBoard | ReadTick | FollowBelt | FireEach | WatchFall | WatchPieces


class LightSeen(NamedTuple):
    """``gains`` for blue, green, red of each lane; ``darkest`` and ``brightest`` lane against the usual light; ``dirt``
    what stood still in the picture."""

    gains: tuple[tuple[float, float, float], ...]
    darkest: float
    brightest: float
    dirt: tuple[Box, ...]
    meters: Meters


class BoardLaid(NamedTuple):
    seen: BoardSeen
    tick: int
    jpeg: bytes


class TickRead(NamedTuple):
    """``epoch`` changes when the counter was set anew: ticks of two epochs have nothing to do with each other."""

    tick: int
    epoch: int


class BeltFollowed(NamedTuple):
    """``encoder_mm`` and ``picture_mm`` are the same way, measured twice; ``off_mm`` how far they part at each
    picture, ``quality`` 0..1 how well the belt was seen."""

    seconds: float
    encoder_mm: float
    picture_mm: float
    residual_mm: float
    slowest_mm_s: float
    fastest_mm_s: float
    quality: float
    off_mm: tuple[float, ...]


class Fired(NamedTuple):
    """``result`` is a word of ShotResult; ``was_on`` whether the output was read back as on, None where nothing is
    wired; ``felt`` whether the sensor behind it felt the air."""

    output: int
    result: str
    was_on: bool | None
    felt: bool | None


class FiredEach(NamedTuple):
    shots: tuple[Fired, ...]


class HeartMayStop(NamedTuple):
    """The belt runs and is armed: now."""


class Fell(NamedTuple):
    """After ``silent_ms`` without a heartbeat: what the controller still let run and fire; ``outputs`` read back."""

    silent_ms: float
    running: bool
    armed: bool
    outputs: int | None


class PiecePassed(NamedTuple):
    """A test piece, ``looks`` the probabilities of the likeliest classes; ``offset_mm`` of the shot at it and what the
    controller said of it, None without a shot."""

    at: int
    across_mm: float
    length_mm: float
    likeliest: tuple[tuple[str, float], ...]
    offset_mm: float | None
    result: str | None
    speed_mm_s: float


class PiecesPassed(NamedTuple):
    pieces: tuple[PiecePassed, ...]


Found = LightSeen | BoardLaid | TickRead | BeltFollowed | FiredEach | Fell | PiecesPassed


class Ask(NamedTuple):
    """Begin a task; the one before is given up."""

    number: int
    task: Task


class Held(NamedTuple):
    """Somebody is still pressing: the belt may run a moment longer; or he has let go."""

    on: bool = True


class Answered(NamedTuple):
    """``found`` is None when the task was refused."""

    number: int
    found: Found | None
    refusal: str | None


class Progress(NamedTuple):
    """``share`` 0..1 of a task is done; ``sentence`` says what to do meanwhile."""

    number: int
    share: float
    sentence: str


class Live(NamedTuple):
    """A few times a second: the meters of the newest picture (None without one) and the belt."""

    meters: Meters | None
    tick: int
    speed_mm_s: float
    belt_running: bool
    trouble: str | None
