"""What the work at a step offers the desk: which task to do next, what to make of what was found, and its proof."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from station.config import Config
from station.marked import marked
from station.reporting.standing import ChannelStanding
from station.wizard.words import Found, MeasureRefused, Task

_LATELY = 600  # five a second


class Given(NamedTuple):
    """What a technician enters beside his press; None where he entered nothing."""

    length_mm: float | None = None
    left_mm: float | None = None
    square_mm: float | None = None
    output: int | None = None
    yes: bool | None = None
    label: str | None = None
    number: int | None = None
    hits: tuple[bool, ...] = ()


class Proof(NamedTuple):
    """``sentence`` says how good it is; ``is_good`` whether it may be accepted; ``changes`` are calibration values,
    ``light`` a light correction to be written into a file of its own."""

    is_good: bool
    sentence: str
    figures: dict[str, object]
    changes: Mapping[str, object] = MappingProxyType({})
    light: tuple[tuple[float, float, float], ...] | None = None


class Work(Protocol):
    """One step. A verb that cannot be done raises MeasureRefused."""

    def ask(self, what: str, given: Given) -> Task | None:
        """The task of this press, None where there is nothing to measure."""

    def take(self, found: Found) -> None:
        """What the task found."""

    def proof(self) -> Proof | None:
        """None until enough was measured."""

    def told(self) -> dict[str, object]:
        """What the page shows beside the proof."""


@dataclass(slots=True)
class Focus:
    """How sharp the pictures of the last two minutes were: a hand in front of the lens is forgotten again."""

    _lately: deque[float] = field(default_factory=lambda: deque(maxlen=_LATELY))

    def see(self, sharpness: float) -> None:
        self._lately.append(sharpness)

    @property
    def sharpest(self) -> float:
        return max(self._lately, default=0.0)

    def share(self) -> float:
        """The newest picture against the sharpest, 1 before the first."""
        return self._lately[-1] / self.sharpest if self.sharpest else 1.0


@dataclass(slots=True)
class Still:
    """A picture that the page draws over; ``number`` changes with it."""

    jpeg: bytes = b""
    number: int = 0

    def show(self, jpeg: bytes) -> None:
        self.jpeg, self.number = jpeg, self.number + 1


@dataclass(slots=True)
class Bench:
    """What all steps share: the settings that count now, how the channels stand, the still picture, the focus."""

    config: Config
    standings: Callable[[], tuple[ChannelStanding, ...]] = tuple
    still: Still = field(default_factory=Still)
    focus: Focus = field(default_factory=Focus)


def needed(value: float | None, name: str) -> float:
    """Raises MeasureRefused when it was not entered."""
    if value is None:
        raise MeasureRefused(marked("Enter {name} first.").format(name=name))
    return value


def unknown(what: str) -> MeasureRefused:
    return MeasureRefused(marked("This step has nothing called {what}.").format(what=repr(what)))


def moment_words(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
