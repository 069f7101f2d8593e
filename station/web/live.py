"""The live feed: status, counts and pictures to every open page, at the pace each of them can take."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine

from starlette.websockets import WebSocket, WebSocketDisconnect

from station.web.messages import counts_message, facts_message, picture_message, status_message
from station.web.view import StationView

_STATUS_EVERY_S = 0.2
_COUNTS_EVERY = 5
_MOST_VIEWERS = 50
_SILENT_FOR_S = 10.0
_LONGEST_ANSWER = 200
_GOODBYE_S = 1.0


class LiveFeed:
    """Everyone who looks. What is told to all is put into JSON once; who does not follow misses the old."""

    def __init__(self, view: StationView) -> None:
        self._view = view
        self._viewers: set[_Viewer] = set()
        self._teller: asyncio.Task[None] | None = None
        self._closing = False

    async def attend(self, socket: WebSocket) -> None:
        """Serve one page until it goes away."""
        await socket.accept()
        if self._closing or len(self._viewers) >= _MOST_VIEWERS:
            await socket.close(1013, "too many viewers")
            return
        viewer = _Viewer(socket, self._view)
        self._viewers.add(viewer)
        self._greet(viewer)
        try:
            await viewer.stay()
        finally:
            self._viewers.discard(viewer)

    async def close(self) -> None:
        """Send every page away; they try again by themselves."""
        self._closing = True
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.wait({self._teller})
        viewers = tuple(self._viewers)
        for viewer in viewers:
            viewer.dismiss()
        await asyncio.gather(*(viewer.gone.wait() for viewer in viewers))

    def _greet(self, viewer: _Viewer) -> None:
        for message in (facts_message(self._view), status_message(self._view), counts_message(self._view)):
            viewer.tell(str(message["kind"]), json.dumps(message))
        if self._teller is None or self._teller.done():
            self._teller = asyncio.get_running_loop().create_task(self._tell_on())

    async def _tell_on(self) -> None:
        turn = 0
        while self._viewers:
            await asyncio.sleep(_STATUS_EVERY_S)
            turn += 1
            self._tell_all("status", json.dumps(status_message(self._view)))
            if turn % _COUNTS_EVERY == 0:
                self._tell_all("counts", json.dumps(counts_message(self._view)))

    def _tell_all(self, kind: str, text: str) -> None:
        for viewer in self._viewers:
            viewer.tell(kind, text)


class _Viewer:
    """One open page. Of every kind of message it is only ever sent the newest."""

    def __init__(self, socket: WebSocket, view: StationView) -> None:
        self._socket = socket
        self._view = view
        self._news: dict[str, str] = {}
        self._has_news = asyncio.Event()
        self._seen_seq = 0
        self._has_seen = asyncio.Event()
        self._dismissed = asyncio.Event()
        self.gone = asyncio.Event()

    def tell(self, kind: str, text: str) -> None:
        self._news[kind] = text
        self._has_news.set()

    def dismiss(self) -> None:
        self._dismissed.set()

    async def stay(self) -> None:
        """Until the page closes, says nothing for too long, says nonsense, or is dismissed."""
        parts: tuple[Coroutine[None, None, object], ...] = (
            self._send_news(),
            self._show(),
            self._listen(),
            self._dismissed.wait(),
        )
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await _stop(tasks)
            _raise_unexpected(done)
            await _close_politely(self._socket)
        finally:
            for task in tasks:
                task.cancel()
            self.gone.set()

    async def _send_news(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            news, self._news = self._news, {}
            for text in news.values():
                async with asyncio.timeout(_SILENT_FOR_S):
                    await self._socket.send_text(text)

    async def _show(self) -> None:
        """The next picture leaves only when the page has drawn the one before."""
        seq = 0
        while True:
            picture = await self._view.next_picture(seq)
            seq = picture.seq
            now_ns = time.monotonic_ns()  # noqa: TID251 - the age of a picture is known only when it leaves
            async with asyncio.timeout(_SILENT_FOR_S):
                await self._socket.send_bytes(picture_message(picture, now_ns))
            while self._seen_seq != seq:
                self._has_seen.clear()
                await self._has_seen.wait()

    async def _listen(self) -> None:
        """A page answers every picture with its number and every count with a sign of life."""
        while True:
            async with asyncio.timeout(_SILENT_FOR_S):
                text = await self._socket.receive_text()
            answer = json.loads(text) if len(text) <= _LONGEST_ANSWER else None
            if not isinstance(answer, dict):
                raise ValueError("a page answers with a short JSON object")
            drawn = answer.get("drawn")
            if isinstance(drawn, int):
                self._seen_seq = drawn
                self._has_seen.set()


async def _stop(tasks: list[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _raise_unexpected(done: set[asyncio.Task[object]]) -> None:
    """Pages come and go as they like; anything else is our own mistake and is to be seen."""
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect | TimeoutError | ValueError | KeyError):
            raise error


async def _close_politely(socket: WebSocket) -> None:
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await socket.close(1001)
    except (RuntimeError, TimeoutError, WebSocketDisconnect):
        return
