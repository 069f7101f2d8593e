"""What a measuring task sees at every turn and what it may ask of the machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from control.belt import Belt
from control.types import Job, MachineSample
from station.marked import marked
from station.wizard.words import HeartMayStop, MeasureRefused
from vision.types import Frame

T = TypeVar("T")

_LONGEST_ASIDE_NS = 20_000_000_000


class Moment(NamedTuple):
    """``tick`` is where the belt was when ``frame`` was taken; ``held`` whether somebody presses the button; ``epoch``
    counts how often the counter was set anew."""

    now_ns: int
    frame: Frame | None
    tick: int | None
    samples: tuple[MachineSample, ...]
    belt: Belt
    held: bool
    epoch: int
    is_connected: bool


class Wish(NamedTuple):
    """What is asked of the machine until the next turn. ``share`` and ``sentence`` are for the page."""

    run: bool = False
    armed: bool = False
    jobs: tuple[Job, ...] = ()
    share: float = 0.0
    sentence: str = ""
    note: HeartMayStop | None = None


Steps = Generator[Wish, Moment, T]


def aside(work: Callable[[], T], wish: Wish) -> Steps[T]:
    """Let ``work`` be done in a thread while the loop goes on; what it refuses is refused here."""
    done: list[T] = []
    failed: list[Exception] = []

    def do() -> None:
        try:
            done.append(work())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=do, name="measuring", daemon=True)
    thread.start()
    moment = yield wish
    begun_ns = moment.now_ns
    while thread.is_alive():
        if moment.now_ns - begun_ns > _LONGEST_ASIDE_NS:
            raise MeasureRefused(marked("This computer needs too long for it: end other programs and try again."))
        moment = yield wish
    if failed:
        raise failed[0]
    return done[0]


def until_held(sentence: str, patience_ns: int = 60_000_000_000) -> Steps[Moment]:
    """Wait until somebody presses the button."""
    moment = yield Wish(sentence=sentence)
    begun_ns = moment.now_ns
    while not moment.held:
        if moment.now_ns - begun_ns > patience_ns:
            raise MeasureRefused(marked("Nobody pressed the button; try again."))
        moment = yield Wish(sentence=sentence)
    return moment


def must_hold(moment: Moment) -> None:
    """Raises MeasureRefused when the button was let go or the machine is gone."""
    if not moment.held:
        raise MeasureRefused(marked("Let go too early: hold the button until the bar is full."))
    must_answer(moment)


def must_answer(moment: Moment) -> None:
    """Raises MeasureRefused when the machine does not answer."""
    if not moment.is_connected:
        raise MeasureRefused(marked("The controller does not answer. Check its power and cable."))
