"""The page on its real server: live pictures at each viewer's pace, and a clean end."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import httpx
import pytest
from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from station.types import State
from station.web.server import PortTaken, check_port_free
from tests.station.paper_station import PaperStation, served
from tests.station.ports import free_port


def live(address: str, origin: str | None = None) -> connect:
    return connect(f"ws{address.removeprefix('http')}/ws/live", origin=Origin(origin or address), compression=None)


async def next_seq(page: ClientConnection) -> int:
    """The number of the next picture; words in between are skipped."""
    while True:
        message = await page.recv()
        if isinstance(message, bytes):
            length = struct.unpack_from(">I", message)[0]
            return int(json.loads(message[4 : 4 + length])["seq"])


async def hear_out(page: ClientConnection) -> None:
    """Everything until the station closes; raises ConnectionClosed."""
    while True:
        await page.recv()


def test_a_taken_port_is_told_before_anything_starts() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken, match="Is another station running"):
            check_port_free("127.0.0.1", other.getsockname()[1])
    check_port_free("127.0.0.1", free_port())
    with pytest.raises(PortTaken, match="no such address"):
        check_port_free("no.such.host.invalid", 8080)


def test_facts_status_and_counts_come_first_and_status_goes_on() -> None:
    async def go() -> list[str]:
        async with served(PaperStation(), free_port()) as address, live(address) as page:
            return [json.loads(await page.recv())["kind"] for _ in range(6)]

    assert asyncio.run(go()) == ["facts", "status", "counts", "status", "status", "status"]


def test_the_next_picture_waits_for_the_answer_and_is_then_the_newest() -> None:
    async def go() -> tuple[int, bool, int]:
        paper = PaperStation(state=State.running)
        async with served(paper, free_port(), pictures_per_s=100) as address, live(address) as page:
            first = await next_seq(page)
            try:
                await asyncio.wait_for(next_seq(page), 0.5)
                sent_unasked = True
            except TimeoutError:
                sent_unasked = False
            await page.send(json.dumps({"drawn": first}))
            newest = paper.seq
            return first, sent_unasked, await next_seq(page) - newest

    first, sent_unasked, ahead = asyncio.run(go())
    assert first >= 1
    assert not sent_unasked
    assert ahead >= 0


def test_a_viewer_who_never_answers_holds_up_no_other() -> None:
    async def go() -> int:
        paper = PaperStation(state=State.running)
        async with (
            served(paper, free_port(), pictures_per_s=50) as address,
            live(address) as idle,
            live(address) as page,
        ):
            await next_seq(idle)
            for _ in range(20):
                await page.send(json.dumps({"drawn": await next_seq(page)}))
            return paper.seq

    assert asyncio.run(asyncio.wait_for(go(), 10)) >= 20


def test_a_foreign_page_may_not_watch() -> None:
    async def go() -> int:
        async with served(PaperStation(), free_port()) as address:
            with pytest.raises(InvalidStatus) as refused:
                async with live(address, "http://evil.example"):
                    pass
            return refused.value.response.status_code

    assert asyncio.run(go()) == 403


@pytest.mark.parametrize("nonsense", ["{", "[]", "x" * 300])
def test_a_page_that_talks_nonsense_is_sent_away_and_the_others_stay(nonsense: str) -> None:
    async def go() -> None:
        async with served(PaperStation(), free_port()) as address, live(address) as good:
            async with live(address) as bad:
                await bad.send(nonsense)
                with pytest.raises(ConnectionClosed):
                    await hear_out(bad)
            assert json.loads(await good.recv())["kind"] == "facts"

    asyncio.run(asyncio.wait_for(go(), 10))


def test_stopping_sends_viewers_away_and_frees_the_port() -> None:
    async def go() -> None:
        port, stop = free_port(), asyncio.Event()
        async with served(PaperStation(), port, stop=stop) as address, live(address) as page:
            await page.recv()
            stop.set()
            with pytest.raises(ConnectionClosed):
                await hear_out(page)
        check_port_free("127.0.0.1", port)
        async with served(PaperStation(), port) as address, httpx.AsyncClient() as browser:
            assert (await browser.get(f"{address}/readyz")).json() == {"ready": True}

    asyncio.run(asyncio.wait_for(go(), 5))


def test_half_sent_headers_are_closed_while_others_are_served() -> None:
    async def go() -> bytes:
        async with served(PaperStation(), free_port()) as address:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
            writer.write(b"GET / HTTP/1.1\r\nHost: 127")
            async with httpx.AsyncClient() as browser:
                assert (await browser.get(f"{address}/livez")).status_code == 200
            rest = await reader.read()
            writer.close()
            await writer.wait_closed()
            return rest

    asyncio.run(asyncio.wait_for(go(), 10))
