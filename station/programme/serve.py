"""Running the receiver: databases, the writer, the door with Granian behind it, and a broker where one is named."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from fastapi import FastAPI
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from station.programme.app import Parts, create_app
from station.programme.door import Door, TlsFiles, server_context
from station.programme.mqtt import RowListener
from station.programme.reading import LedgerReader
from station.programme.registry import Registry
from station.programme.tables import Databases, open_databases, shown
from station.programme.writer import LedgerWriter
from station.reporting.mqtt.connection import Connection
from station.reporting.mqtt.settings import BrokerSettings
from station.web.server import check_port_free

_log = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_HALF_SENT_HEADERS_MS = 5000
_LARGEST_HEADERS_BYTES = 32 * 1024
_OPENS_WITHIN_S = 10.0
_CLOSES_WITHIN_S = 5.0
_GRACE_S = 0.1  # Granian would leave requests hanging that are just ending


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """``tls`` None serves clear text, which is for this computer alone. ``broker`` None: no MQTT."""

    database: str
    host: str = _LOOPBACK
    port: int = 8440
    tls: TlsFiles | None = None
    broker: BrokerSettings | None = None
    group: str = "programme"


class ReceiverRefused(Exception):  # noqa: N818 - a fact
    """The receiver does not start; the text says why and what to do."""


def run_receiver(settings: ReceiverSettings, opened: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``opened`` is told the address. Raises what ``serve`` raises."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(settings, stop, opened)

    asyncio.run(run())


async def serve(settings: ReceiverSettings, stop: asyncio.Event, opened: Callable[[str], None]) -> None:
    """Serve until ``stop``. Raises DatabaseRefused, DoorClosed, PortTaken or ReceiverRefused, each a sentence."""
    _check_clear_text(settings)
    context = None if settings.tls is None else server_context(settings.tls)
    if settings.port:
        check_port_free(settings.host, settings.port)
    databases = open_databases(settings.database)
    try:
        with _writing(databases) as writer, _listening(settings, Registry(databases.registry), writer) as channels:
            inner = (_LOOPBACK, _free_port())
            door = Door(inner, context)
            registry = Registry(databases.registry)
            ways = (*_ways(settings), *channels)
            parts = Parts(registry, writer, LedgerReader(databases.reader, registry), door.visitor, lambda: ways)
            await _serve_app(create_app(parts), inner[1], door, settings, stop, opened)
    finally:
        databases.close()


def _check_clear_text(settings: ReceiverSettings) -> None:
    if settings.tls is None and settings.host not in {_LOOPBACK, "::1", "localhost"}:
        raise ReceiverRefused(
            f"Without --cert and --key the receiver serves this computer only ({_LOOPBACK}), not {settings.host}:"
            " tokens and counts do not travel in clear text."
        )


@contextlib.contextmanager
def _writing(databases: Databases) -> Iterator[LedgerWriter]:
    writer = LedgerWriter(databases.writer)
    writer.start()
    try:
        yield writer
    finally:
        writer.close()


@contextlib.contextmanager
def _listening(settings: ReceiverSettings, registry: Registry, writer: LedgerWriter) -> Iterator[Sequence[str]]:
    """The sentence on the broker, when there is one."""
    broker = settings.broker
    if broker is None:
        yield ()
        return
    listener = RowListener(settings.group, registry, writer)
    connection = Connection(broker, f"scrap-receiver-{settings.group}", listener, Random())
    connection.start()
    try:
        yield (f"MQTT: {broker.host}:{broker.port}, scrap/{settings.group}/+/rows",)
    finally:
        connection.close()


async def _serve_app(
    app: FastAPI,
    inner_port: int,
    door: Door,
    settings: ReceiverSettings,
    stop: asyncio.Event,
    opened: Callable[[str], None],
) -> None:
    server = Server(
        app,
        address=_LOOPBACK,
        port=inner_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HALF_SENT_HEADERS_MS, max_buffer_size=_LARGEST_HEADERS_BYTES),
        log_level=LogLevels.error,
        log_dictconfig=_log_settings(),
    )
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await _until_open(inner_port, serving)
        port = await door.open(settings.host, settings.port)
        scheme = "http" if settings.tls is None else "https"
        _log.info("rows go into %s", shown(settings.database))
        opened(f"{scheme}://{settings.host}:{port}")
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await door.close()
        await asyncio.sleep(_GRACE_S)
        server.stop()  # type: ignore[no-untyped-call]
        async with asyncio.timeout(_CLOSES_WITHIN_S):
            await serving


async def _until_open(port: int, serving: asyncio.Future[None]) -> None:
    """The door opens only when somebody is behind it."""
    async with asyncio.timeout(_OPENS_WITHIN_S):
        while not serving.done():
            try:
                _, writer = await asyncio.open_connection(_LOOPBACK, port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return


def _ways(settings: ReceiverSettings) -> tuple[str, ...]:
    how = "HTTP, this computer only" if settings.tls is None else "HTTPS, bearer token"
    if settings.tls is not None and settings.tls.client_ca is not None:
        how += " or client certificate"
    return (f"{how}: POST /v1/intervals, described in /v1/openapi.json",)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _log_settings() -> dict[str, object]:
    """Granian would set up logging for the whole process; like this its lines go where our own go."""
    return {
        "version": 1,
        "incremental": True,
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {}, "granian.access": {}},
    }
