"""Serving the page with Granian inside the station's own event loop."""

from __future__ import annotations

import asyncio
import socket

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from station.web.live import LiveFeed

_HALF_SENT_HEADERS_MS = 3000
_GRACE_S = 0.1  # pages that were just connecting are sent away too; Granian would leave them hanging


class PortTaken(Exception):  # noqa: N818 - a fact
    """Nobody can be served there; the text says why and what to do."""


def check_port_free(host: str, port: int) -> None:
    """Raise PortTaken with a sentence when the page could not be served at this address.

    Granian listens with SO_REUSEPORT and would silently share the port with another station, so this is asked first.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise PortTaken(f"The page cannot be served at {host}: no such address on this computer.") from error
    family, kind, protocol, _name, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise PortTaken(
                f"The page cannot be served at {host}:{port} ({error.strerror}). Is another station running?"
                " Stop it, or set another port."
            ) from error


async def serve(app: FastAPI, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve an app of ``open_shell`` until ``stop`` is set, then send the viewers away and free the port.

    Raises PortTaken before anything is started.
    """
    check_port_free(host, port)
    live: LiveFeed | None = getattr(app.state, "live", None)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http1_settings=HTTP1Settings(header_read_timeout=_HALF_SENT_HEADERS_MS),
        log_level=LogLevels.error,
        log_dictconfig=_log_settings(),
    )
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        if live is not None:
            await live.close()
        await asyncio.sleep(_GRACE_S)
        server.stop()  # type: ignore[no-untyped-call]
        await serving


def _log_settings() -> dict[str, object]:
    """Granian would set up logging for the whole process; like this its lines go where the station's own go."""
    return {
        "version": 1,
        "incremental": True,
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {}, "granian.access": {}},
    }
