"""What the page may see of the station and ask of it; the wiring gives it, the page never reaches further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from station.alarm_desk import AlarmDesk
from station.bins import Bins
from station.recording.settings import RecorderNews
from station.span_counts import Span, SpanCounts
from station.store_reader import Counts
from station.types import Mark, Order, Shot, Status, Truth


class OutletFacts(NamedTuple):
    """``colour`` is ``#rrggbb``; the page never tells outlets apart by colour alone."""

    name: str
    title: str
    colour: str


class BankFacts(NamedTuple):
    """A row of lanes: its outlet, its first output, and where it lies across the belt."""

    outlet: str
    first_output: int
    lanes: int
    left_mm: float
    right_mm: float


class LabelFacts(NamedTuple):
    """``title`` is the class in plain words, short enough for a table row."""

    label: str
    title: str


@dataclass(frozen=True, slots=True)
class StationFacts:
    """What does not change while the station runs. ``rest_outlet`` names the outlet of everything that passes."""

    name: str
    is_simulated: bool
    outlets: tuple[OutletFacts, ...]
    rest_outlet: str
    labels: tuple[LabelFacts, ...]
    recipe: str
    model: str
    version: str
    banks: tuple[BankFacts, ...] = ()


class Performance(NamedTuple):
    """How the eye keeps up: milliseconds of work per frame, frames per second, frames nobody looked at."""

    frame_ms_p50: float
    frame_ms_p99: float
    frames_per_s: float
    frames_dropped: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the page: ``marks`` and ``outlines`` (one each, x, y, x, y, ...) count in ``width`` x ``height``
    pixels, ``jpeg`` may be smaller; ``shots`` are the last ones, oldest first."""

    seq: int
    jpeg: bytes
    width: int
    height: int
    marks: tuple[Mark, ...]
    captured_ns: int
    outlines: tuple[tuple[int, ...], ...] = ()
    shots: tuple[Shot, ...] = ()


class FaultRow(NamedTuple):
    """A fault in words: what is wrong, what it does to the sorting, what to do next. ``since_ns`` is monotonic."""

    code: str
    sentence: str
    detail: str
    effect: str
    hint: str
    since_ns: int
    order: int
    present: bool


class Mishap(StrEnum):
    """What can be made to go wrong on a simulated line."""

    estop = "estop"
    guard_open = "guard_open"
    camera_frozen = "camera_frozen"
    lens_covered = "lens_covered"
    controller_silent = "controller_silent"


class StationView(Protocol):
    """Seam between station and page. Everything but the awaitables answers at once."""

    def status(self) -> Status | None:
        """None until the station has said anything about itself."""

    def facts(self) -> StationFacts: ...

    def counts(self) -> Counts:
        """Pieces of this run."""

    def spans(self) -> Mapping[Span, SpanCounts]:
        """Pieces of this run, batch, shift and day; what there is not now is missing."""

    def bins(self) -> Bins:
        """How full they are, and who emptied them."""

    def truth(self) -> Mapping[str, Truth] | None:
        """By outlet name; None where nobody knows what really fell into the bins."""

    def performance(self) -> Performance | None: ...

    def faults(self) -> tuple[FaultRow, ...]:
        """Present and latched faults, first-out first."""

    def alarms(self) -> AlarmDesk:
        """What became of every fault, and who has acknowledged it."""

    def must_hold(self) -> bool:
        """True after a fault or an emergency stop until the next start: then Start is held, not tapped."""

    def newest_picture(self) -> Picture | None: ...

    async def next_picture(self, after_seq: int) -> Picture:
        """The newest picture as soon as its ``seq`` is another than ``after_seq``."""

    async def give_order(self, order: Order, by: str) -> str | None:
        """None when the order was taken, else the sentence that says why not."""

    def openings(self) -> Mapping[int, int]:
        """How often each output has opened in its life."""

    def recipes(self) -> tuple[str, ...]:
        """Names that ``set_recipe`` takes, in order."""

    async def set_recipe(self, name: str, by: str) -> str | None:
        """Sort by another recipe from the next piece on; None when it is so, else the sentence that says why not."""

    def mishaps(self) -> frozenset[Mishap]:
        """Those that are on; only asked of simulated lines."""

    def recording(self) -> RecorderNews | None:
        """How the recorder is doing; None until it has said so, or when there is none."""

    async def keep_this(self, by: str) -> str | None:
        """Keep the last minute: None when it was done, else the sentence that says why not."""

    async def set_mishap(self, mishap: Mishap, on: bool) -> str | None:
        """None when it was done, else the sentence that says why not."""
