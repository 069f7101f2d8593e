"""The door to the receiver: TLS ends here, and every connection is known by its address and its certificate.

Granian verifies client certificates but does not tell the application whose they are. So TLS ends in this process, and
bytes go on to Granian on the loopback; the application asks here who stands behind a loopback connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import NamedTuple

_CHUNK_BYTES = 64 * 1024
_HANDSHAKE_S = 10.0
_SHUTDOWN_S = 2.0
_SILENT_S = 75.0
_LONGEST_CONNECTION_S = 900.0
_MOST_CONNECTIONS = 1000


class DoorClosed(Exception):  # noqa: N818 - a fact
    """The receiver's certificate, key or client CA cannot be used; the text says which and why."""


class TlsFiles(NamedTuple):
    """PEM files. With ``client_ca`` stations may show a certificate instead of a token; its common name is their id."""

    cert: Path
    key: Path
    client_ca: Path | None = None


class Visitor(NamedTuple):
    """Who stands behind a connection; ``name`` is the common name of a verified client certificate, or None."""

    address: str
    name: str | None


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 and newer; raises DoorClosed with a sentence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.cert, files.key)
    except (OSError, ssl.SSLError) as error:
        raise DoorClosed(f"The certificate {files.cert} with key {files.key} cannot be used: {error}.") from error
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise DoorClosed(f"The client CA {files.client_ca} cannot be used: {error}.") from error
    return context


class Door:
    """Listens at one address, with TLS when a context is given, and hands bytes to ``inner`` (host, port)."""

    def __init__(self, inner: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self._inner = inner
        self._context = context
        self._visitors: dict[int, Visitor] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def visitor(self, inner_port: int) -> Visitor | None:
        """Who came through this door on that loopback port; None: nobody, the connection was made past the door."""
        return self._visitors.get(inner_port)

    async def open(self, host: str, port: int) -> int:
        """Begin to listen; returns the port (0 chooses one). Raises OSError."""
        shutdown = {} if self._context is None else {"ssl_shutdown_timeout": _SHUTDOWN_S}
        handshake = {} if self._context is None else {"ssl_handshake_timeout": _HANDSHAKE_S}
        self._server = await asyncio.start_server(
            self._let_in, host, port, ssl=self._context, limit=_CHUNK_BYTES, **handshake, **shutdown
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Known from the first moment on: a connection that ends before its task has begun is closed as well."""
        if len(self._connections) >= _MOST_CONNECTIONS:
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LONGEST_CONNECTION_S):
                await self._accompany(reader, writer)

    async def _accompany(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inward, outward = await asyncio.open_connection(*self._inner, limit=_CHUNK_BYTES)
        port = int(outward.get_extra_info("sockname")[1])
        self._visitors[port] = _visitor(writer)
        ways = [asyncio.create_task(_pump(reader, outward)), asyncio.create_task(_pump(inward, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            outward.close()
            del self._visitors[port]
            await asyncio.wait(ways)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until the source ends, nothing comes for too long, or either side is gone."""
    with contextlib.suppress(OSError, TimeoutError):
        while True:
            async with asyncio.timeout(_SILENT_S):
                chunk = await source.read(_CHUNK_BYTES)
                if not chunk:
                    return
                sink.write(chunk)
                await sink.drain()


def _visitor(writer: asyncio.StreamWriter) -> Visitor:
    address = str(writer.get_extra_info("peername")[0])
    certificate = writer.get_extra_info("peercert")
    if not certificate:
        return Visitor(address, None)
    names = [value for part in certificate["subject"] for key, value in part if key == "commonName"]
    return Visitor(address, names[0] if len(names) == 1 else None)
