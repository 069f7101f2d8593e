"""Tells the world what switched: events wait while its end of the link is full, and nobody there is no trouble."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hil.types import ValveEvent
from vision.types import Port


class Felt:
    """The emulated machine's end of the link to the world."""

    def __init__(self, port: Port) -> None:
        self._port: Port | None = port
        self._unsent: deque[ValveEvent] = deque()

    def tell(self, switched: Iterable[ValveEvent]) -> None:
        """Nobody there to feel the air is no reason to stop."""
        if self._port is None:
            return
        self._unsent.extend(switched)
        try:
            while self._unsent and self._port.send(self._unsent[0]):
                self._unsent.popleft()
        except ConnectionError:
            self._port = None
