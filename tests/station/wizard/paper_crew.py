"""A crew that starts nothing: it takes every order and remembers what it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from station.config import Config
from station.reporting.standing import ChannelStanding
from station.types import Order
from station.wizard.hands import HandGiven


@dataclass
class PaperCrew:
    """Implements ``Crew``; ``refusal`` is what it says to the next order."""

    config: Config
    refusal: str | None = None
    sent: list[object] = field(default_factory=list)
    swaps: list[bool] = field(default_factory=list)

    async def order(self, order: Order, by: str) -> str | None:
        return self.refusal

    async def swap(self, *, measuring: bool) -> None:
        self.swaps.append(measuring)

    def send(self, message: object) -> bool:
        self.sent.append(message)
        return True

    def use(self, config: Config) -> None:
        self.config = config

    def empty(self, is_empty: bool) -> None:
        """There is no belt."""

    def handle(self, given: HandGiven) -> bool:
        self.sent.append(given)
        return True

    def fallen(self, pieces: int) -> tuple[str, ...]:
        return ()

    def standings(self) -> tuple[ChannelStanding, ...]:
        return ()

    async def stop_heart(self, seconds: float) -> None:
        """It has no heart."""
