"""What the desk of setting up needs of the running station, put together of what the station already has."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from station.config import Config
from station.crew import Member
from station.desk import Desk
from station.lines import Line
from station.reporting.standing import ChannelStanding
from station.types import Order
from station.wizard.hands import HandGiven


class Hooks(NamedTuple):
    """Verbs of the station: the settings that count, new ones, who measures or sees, who controls, and the change."""

    config: Callable[[], Config]
    use: Callable[[Config], None]
    eye: Callable[[], Member | None]
    control: Callable[[], Member | None]
    swap: Callable[[bool], Awaitable[None]]
    standings: Callable[[], tuple[ChannelStanding, ...]]


class StationCrew:
    """Implements ``Crew``."""

    def __init__(self, desk: Desk, line: Line, hooks: Hooks) -> None:
        self._desk = desk
        self._line = line
        self._hooks = hooks

    @property
    def config(self) -> Config:
        return self._hooks.config()

    async def order(self, order: Order, by: str) -> str | None:
        return await self._desk.give_order(order, by)

    async def swap(self, *, measuring: bool) -> None:
        await self._hooks.swap(measuring)

    def send(self, message: object) -> bool:
        member = self._hooks.eye()
        if member is None:
            return False
        with suppress(ConnectionError):
            return member.link.send(message)
        return False

    def use(self, config: Config) -> None:
        self._hooks.use(config)

    def empty(self, is_empty: bool) -> None:
        self._line.empty(is_empty)

    def handle(self, given: HandGiven) -> bool:
        if not self._line.has_mishaps:
            return False
        self._line.handle(given)
        return True

    def fallen(self, pieces: int) -> tuple[str, ...]:
        return self._line.fallen(pieces)

    def standings(self) -> tuple[ChannelStanding, ...]:
        return self._hooks.standings()

    async def stop_heart(self, seconds: float) -> None:
        """The control process is held still, so that nothing of it beats; whatever happens it goes on afterwards."""
        member = self._hooks.control()
        if member is None or member.process.pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(member.process.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(seconds)
            finally:
                os.kill(member.process.pid, signal.SIGCONT)
