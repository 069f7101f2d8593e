"""Keeps the pair of a run: the one that sorts or, while the station is set up, the one that measures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from station import setup
from station.children import Readers, vision_main
from station.company import Company
from station.crew import RestartLimit
from station.desk import Desk
from station.lines import Line
from station.pair import Eye, Pair
from station.plan import Plan
from station.types import Finish, Finished, Order
from station.wiring import RingCameraChoice
from station.wizard.opening import measuring_setup
from station.wizard.process import measuring_main

_log = logging.getLogger(__name__)
_FINISH_S = 3.0
_PIECE_NUMBERS_SKIPPED = 1000


class Needs(NamedTuple):
    """What decides which pair is started and who hears it: ``plan`` and ``is_measuring`` as they are at that moment,
    ``view`` the pictures for the page, ``lost`` told after a process has died."""

    plan: Callable[[], Plan]
    is_measuring: Callable[[], bool]
    view: RingCameraChoice
    hear_vision: Callable[[object], None]
    hear_control: Callable[[object], None]
    lost: Callable[[], None]


class PairKeeper:
    """Starts, swaps, restarts and ends the pair, always with the desk connected to the one that stands."""

    def __init__(self, needs: Needs, desk: Desk, line: Line, company: Company) -> None:
        self._needs = needs
        self._desk = desk
        self._line = line
        self._company = company
        self.pair = Pair(self._hear_vision, needs.hear_control)
        self._restarts = RestartLimit()
        self._finished = asyncio.Event()
        self._is_swapping = False

    def start(self, latched: tuple[tuple[str, str], ...] = ()) -> None:
        """Connected with the desk; ``latched`` are faults (code, detail) that the new pair begins with."""
        eye = self._measuring() if self._needs.is_measuring() else self._sorting(latched)
        machine = setup.control_setup(self._needs.plan().config, self._line.machine)
        self._desk.connect(self.pair.start(eye, machine))

    def end(self) -> None:
        """At once."""
        self._desk.connect(None)
        self.pair.end()

    async def swap(self, _measuring: bool) -> None:
        """The pair that stands is ended in good order, and the one that belongs to the wizard's state is started."""
        self._is_swapping = True
        try:
            await self.finish()
            self.end()
            self._desk.tally.end(died=False)
            self.start()
        finally:
            self._is_swapping = False

    async def finish(self) -> None:
        """Outputs off first, then every piece gets its record; a vision process that has already left has sent them."""
        vision = self.pair.vision
        if vision is None:
            return
        self._finished.clear()
        await self._desk.give_order(Order.stop, "end of run")
        with suppress(ConnectionError, TimeoutError):
            vision.link.send(Finish())
            await asyncio.wait_for(self._finished.wait(), _FINISH_S)
        self.pair.read_vision()

    def mind(self) -> None:
        """Whoever died: both start anew, with the death as a latched fault."""
        first = None if self._is_swapping else self.pair.dead()
        if first is None:
            return
        code, detail = f"{first.name}-died", f"exit code {first.process.exitcode}"
        _log.error("the %s process ended (%s)", first.name, detail)
        self.end()
        self._desk.tally.end()
        self._needs.lost()
        if self._restarts.allows(time.monotonic_ns()):  # noqa: TID251
            self.start(((code, detail),))
        else:
            self._desk.give_up(code, detail)

    def _hear_vision(self, message: object) -> None:
        if isinstance(message, Finished):
            self._finished.set()
        else:
            self._needs.hear_vision(message)

    def _sorting(self, latched: tuple[tuple[str, str], ...]) -> Eye:
        post = self._company.post
        keep, steps = (None, None) if post is None else (post.pictures, post.steps)
        first_piece = self._newest_piece() + _PIECE_NUMBERS_SKIPPED if self._desk.status() else 1
        plan, camera = self._needs.plan(), self._line.camera
        chosen = setup.vision_setup(plan, camera, self._needs.view, latched, first_piece, keep)
        return Eye(vision_main, chosen, (Readers(steps, self._company.kept.looks),))

    def _measuring(self) -> Eye:
        plan, camera = self._needs.plan(), self._line.camera
        return Eye(measuring_main, measuring_setup(plan, camera, self._needs.view, self._newest_piece()))

    def _newest_piece(self) -> int:
        """Piece numbers go on after a restart, far enough that none is used twice in a run."""
        status = self._desk.status()
        return 0 if status is None else status.newest_piece
