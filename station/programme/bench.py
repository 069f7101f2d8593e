"""How many stations' minute reports this computer keeps up with: the real receiver, real sockets, one request a row."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx
import psutil

from station.codebook import load_codebook
from station.programme.reading import LedgerReader
from station.programme.registry import Registry
from station.programme.tables import open_databases, open_registry
from station.reporting.row import NO_PREVIOUS, Count, IntervalRow, RowKind, StateTime, encode, seal

_EPOCH = "b" * 32
_LEAST_COUNTS, _MOST_COUNTS = 20, 40
_AT_ONCE = 32
_TRIES = 5
_START = datetime(2027, 1, 15, 8, tzinfo=UTC)


class Figures(NamedTuple):
    """``rows_s`` were kept up in wall time; ``cpu_ms`` is what a row cost the receiver, all its threads; ``pieces``
    were sent and ``counted`` found in the ledger afterwards."""

    stations: int
    rows: int
    rows_s: float
    cpu_ms: float
    p99_ms: float
    bytes_per_row: float
    pieces: int
    counted: int

    @property
    def stations_kept_up(self) -> int:
        """Stations whose minute reports arrive at that rate."""
        return int(self.rows_s * 60)


class Member(NamedTuple):
    station: str
    token: str
    bodies: tuple[bytes, ...]
    pieces: int


def measure(stations: int, minutes: int, database: str | None = None) -> Figures:
    """Every station sends ``minutes`` rows, as fast as the receiver takes them. ``database`` None: SQLite in a folder
    that goes away."""
    with tempfile.TemporaryDirectory(prefix="programme-bench-") as folder:
        url = database or f"sqlite:///{folder}/programme.db"
        members = _members(url, stations, minutes)
        with _receiver(url) as (address, process):
            begun = process.cpu_times()
            begun_s = time.perf_counter()  # noqa: TID251 - this is a measurement
            waits_ms = asyncio.run(_send(address, members, minutes))
            took_s = time.perf_counter() - begun_s  # noqa: TID251 - the same
            ended = process.cpu_times()
        counted = _counted(url)
    rows = stations * minutes
    cpu_s = ended.user + ended.system - begun.user - begun.system
    size = statistics.fmean(len(body) for member in members for body in member.bodies)
    return Figures(
        stations, rows, rows / took_s, 1000 * cpu_s / rows, statistics.quantiles(waits_ms, n=100)[98],
        size, sum(member.pieces for member in members), counted,
    )  # fmt: skip


def _members(url: str, stations: int, minutes: int) -> list[Member]:
    names = [f"bench-{number:05d}" for number in range(stations)]
    engine = open_registry(url)
    tokens = Registry(engine).add_many(names, 0, is_simulated=True)
    engine.dispose()
    chance, classes = random.Random(7), tuple(load_codebook())
    return [_member(name, token, minutes, chance, classes) for name, token in zip(names, tokens, strict=True)]


def _member(name: str, token: str, minutes: int, chance: random.Random, classes: tuple[str, ...]) -> Member:
    bodies, pieces, previous = [], 0, NO_PREVIOUS
    for sequence in range(1, minutes + 1):
        row = _row(name, sequence, previous, chance, classes)
        previous = row.hash
        pieces += sum(count.pieces for count in row.counts)
        told = {"schema": "batch/1", "station": name, "epoch": _EPOCH, "rows": [json.loads(encode(row))]}
        bodies.append(gzip.compress(json.dumps(told).encode()))
    return Member(name, token, tuple(bodies), pieces)


def _row(name: str, sequence: int, previous: str, chance: random.Random, classes: tuple[str, ...]) -> IntervalRow:
    begin = _START + timedelta(minutes=sequence)
    places = chance.sample([(label, outlet) for label in classes for outlet in ("copper", "brass", "rest")],
                           chance.randint(_LEAST_COUNTS, _MOST_COUNTS))  # fmt: skip
    counts = tuple(
        Count(label, outlet, "passed" if outlet == "rest" else "ejected", chance.randint(1, 90),
              round(chance.uniform(1, 9e3), 3), 120.5, 60.25)
        for label, outlet in places
    )  # fmt: skip
    told = IntervalRow(
        station=name, epoch=_EPOCH, sequence=sequence, is_simulated=True, kind=RowKind.interval,
        from_utc=_moment(begin), to_utc=_moment(begin + timedelta(minutes=1)), seconds=60.0, clock_trusted=True,
        batch=None, shift="early", recipe="three metals 1.0", model="bench", calibration="2027-01-02",
        codebook="2026.1", software="bench", degraded=False, states=(StateTime("running", 60.0),), counts=counts,
    )  # fmt: skip
    return seal(told, previous)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@contextmanager
def _receiver(url: str) -> Iterator[tuple[str, psutil.Process]]:
    """The command itself, in a process of its own."""
    command = [sys.executable, "-m", "station", "programme", "serve", "--database", url, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = "" if process.stdout is None else process.stdout.readline()
        yield line.split()[2], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


async def _send(address: str, members: list[Member], minutes: int) -> list[float]:
    """All rows of one minute before those of the next; returns what each answer took, milliseconds."""
    waits_ms: list[float] = []
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        for minute in range(minutes):
            waiting = iter(members)

            async def work(minute: int = minute, waiting: Iterator[Member] = waiting) -> None:
                for member in waiting:
                    waits_ms.append(await _post(client, member, minute))

            await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return waits_ms


async def _post(client: httpx.AsyncClient, member: Member, minute: int) -> float:
    headers = {
        "authorization": f"Bearer {member.token}",
        "content-type": "application/json",
        "content-encoding": "gzip",
    }
    begun_s = time.perf_counter()  # noqa: TID251 - this is a measurement
    answer = await _until_answered(client, member.bodies[minute], headers)
    took_ms = 1000 * (time.perf_counter() - begun_s)  # noqa: TID251 - the same
    if answer.status_code != 200 or answer.json()["acknowledged_through"] != minute + 1:
        raise RuntimeError(f"{member.station}: {answer.status_code} {answer.text[:200]}")
    return took_ms


async def _until_answered(client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """As a station does: a connection that broke off is tried again."""
    for _ in range(_TRIES - 1):
        try:
            return await client.post("/v1/intervals", content=body, headers=headers)
        except httpx.TransportError:
            continue
    return await client.post("/v1/intervals", content=body, headers=headers)


def _counted(url: str) -> int:
    databases = open_databases(url)
    try:
        reader = LedgerReader(databases.reader, Registry(databases.registry))
        return sum(line.pieces for line in reader.classes(is_simulated=True))
    finally:
        databases.close()
