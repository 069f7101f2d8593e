"""A real receiver in a thread, with real sockets and real TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station.programme.door import TlsFiles
from station.programme.registry import Registry
from station.programme.serve import ReceiverSettings, serve
from station.programme.tables import open_registry
from station.reporting.mqtt.settings import BrokerSettings

NOW_MS = 1_800_000_000_000


@contextmanager
def running_receiver(database: str, tls: TlsFiles | None = None, broker: BrokerSettings | None = None) -> Iterator[str]:
    """Its address."""
    opened = threading.Event()
    address: list[str] = []
    failed: list[BaseException] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def tell(at: str) -> None:
        address.append(at)
        opened.set()

    async def run() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        await serve(ReceiverSettings(database, port=0, tls=tls, broker=broker, group="test"), stop, tell)

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failed.append(error)
            opened.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert opened.wait(30)
        assert not failed, failed
        yield address[0]
    finally:
        loop, stop = loops[0]
        if not failed:
            loop.call_soon_threadsafe(stop.set)
        thread.join(30)
    assert not failed, failed


def register(database: str, station: str, folder: Path, *, is_simulated: bool = True) -> Path:
    """The file with its token."""
    engine = open_registry(database)
    registry = Registry(engine)
    registry.add(station, f"Line of {station}", NOW_MS, is_simulated=is_simulated)
    file = folder / f"{station}.token"
    file.write_text(registry.new_token(station, NOW_MS) + "\n")
    engine.dispose()
    return file


def revoke(database: str, station: str) -> None:
    engine = open_registry(database)
    Registry(engine).revoke(station, NOW_MS)
    engine.dispose()
