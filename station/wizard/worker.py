"""The task that the measuring process has in hand, and the button that somebody holds meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from station.marked import marked
from station.wizard.moment import Moment, Steps, Wish
from station.wizard.words import Answered, Ask, Found, MeasureRefused, Progress, Task

_HOLD_NS = 1_500_000_000
_LONGEST_HOLD_NS = 30_000_000_000


class Hold:
    """Whether somebody is pressing: heard lately, and not for longer than half a minute."""

    def __init__(self) -> None:
        self._heard_ns: int | None = None
        self._since_ns = 0

    def hear(self, now_ns: int) -> None:
        if not self._is_fresh(now_ns):
            self._since_ns = now_ns
        self._heard_ns = now_ns

    def let_go(self) -> None:
        self._heard_ns = None

    def at(self, now_ns: int) -> bool:
        return self._is_fresh(now_ns) and now_ns - self._since_ns < _LONGEST_HOLD_NS

    def _is_fresh(self, now_ns: int) -> bool:
        return self._heard_ns is not None and now_ns - self._heard_ns < _HOLD_NS


class Worker:
    """The task in hand: asked for its next wish at every moment, answered for when it ends."""

    def __init__(self, begin: Callable[[Task], Steps[Found]]) -> None:
        self._begin = begin
        self._number = 0
        self._steps: Steps[Found] | None = None
        self._is_fresh = False
        self.unsent: deque[object] = deque()

    def ask(self, asked: Ask) -> None:
        self._number, self._steps, self._is_fresh = asked.number, self._begin(asked.task), True

    def give_up(self) -> None:
        """Whoever asked is told."""
        if self._steps is not None:
            self._answer(None, marked("Stopped."))

    def step(self, moment: Moment) -> Wish:
        """The next wish; rest without a task."""
        if self._steps is None:
            return Wish()
        try:
            wish = next(self._steps) if self._is_fresh else self._steps.send(moment)
        except StopIteration as end:
            self._answer(end.value, None)
            return Wish()
        except MeasureRefused as refused:
            self._answer(None, str(refused))
            return Wish()
        self._is_fresh = False
        self._tell(wish)
        return wish

    def _tell(self, wish: Wish) -> None:
        progress = Progress(self._number, round(wish.share, 2), wish.sentence)
        if not self.unsent or self.unsent[-1] != progress:
            self.unsent.append(progress)
        if wish.note is not None:
            self.unsent.append(wish.note)

    def _answer(self, found: Found | None, refusal: str | None) -> None:
        self.unsent.append(Answered(self._number, found, refusal))
        self._steps = None
