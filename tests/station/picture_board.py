"""The newest picture, shared by everyone who looks: one encoder, any number of viewers, none of whom holds it up."""

from __future__ import annotations

import asyncio

from station.web.view import Picture


class PictureBoard:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._newest: Picture | None = None
        self._waiting: set[asyncio.Future[Picture]] = set()

    def publish(self, picture: Picture) -> None:
        self._newest = picture
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(picture)
        self._waiting.clear()

    def newest(self) -> Picture | None:
        return self._newest

    async def next(self, after_seq: int) -> Picture:
        """The newest picture as soon as its ``seq`` is another than ``after_seq``."""
        if self._newest is not None and self._newest.seq != after_seq:
            return self._newest
        waiting: asyncio.Future[Picture] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            return await waiting
        finally:
            self._waiting.discard(waiting)
