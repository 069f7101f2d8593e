"""A door for commands on the same computer: one line of JSON in, one out, over a socket in the data folder.

Whoever may write the record database may use it: the socket has the rights of the folder's owner only.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from station.reporting.batches import Intake
from station.reporting.office import Office, Told
from station.reporting.shape import Checked

NAME = "office.sock"
_LONGEST_LINE = 4096
_WAIT_S = 10.0


class NobodyThere(Exception):  # noqa: N818 - a fact
    """No station runs on these records."""


@asynccontextmanager
async def open_door(office: Office, folder: Path) -> AsyncIterator[None]:
    """Answer commands while the station runs. ``folder`` is where its records are."""
    with _short(folder) as name:
        with suppress(FileNotFoundError):
            os.unlink(name)  # of a station that was killed; the lock of the records says that it is gone
        server = await asyncio.start_unix_server(lambda r, w: _answer(office, r, w), name, limit=_LONGEST_LINE)
        os.chmod(name, 0o600)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        with suppress(OSError):
            (folder / NAME).unlink()


def ask(folder: Path, verb: str, by: str, **words: str | float | None) -> Told:
    """What the running station says; raises NobodyThere."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_WAIT_S)
        try:
            with _short(folder) as name:
                line.connect(name)
            line.sendall(json.dumps({"verb": verb, "by": by, **words}).encode() + b"\n")
            told = Checked(json.loads(line.makefile("rb").readline()))
        except (FileNotFoundError, ConnectionError, ValueError) as error:
            raise NobodyThere(str(folder)) from error
    return Told(told.text_or_none("refusal"), told.text("told"))


async def _answer(office: Office, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        told = await _told(office, await asyncio.wait_for(reader.readline(), _WAIT_S))
        writer.write(json.dumps(told._asdict()).encode() + b"\n")
        await writer.drain()
    except (TimeoutError, ConnectionError, ValueError):
        pass  # whoever asked is gone or sends no line
    finally:
        writer.close()


async def _told(office: Office, line: bytes) -> Told:
    try:
        asked = Checked(json.loads(line))
        verb, by = asked.text("verb"), asked.text("by")
        match verb:
            case "open":
                return await office.open_batch(_intake(asked), by)
            case "close":
                return await office.close_batch(by)
            case "weigh":
                mass_kg, sd_kg = asked.number("mass_kg"), asked.number("sd_kg")
                return await office.weigh(asked.text("batch"), asked.text("outlet"), mass_kg, sd_kg, by)
            case "shift":
                return await office.set_shift(asked.text_or_none("shift"))
            case "retry":
                return await office.retry()
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return Told("The running station does not understand this command: is it of another version?")


def _intake(asked: Checked) -> Intake:
    return Intake(
        asked.text("origin"),
        asked.text("supplier"),
        asked.text("material"),
        asked.number_or_none("weight_kg"),
        asked.number_or_none("weight_sd_kg"),
        asked.text_or_none("unu_key"),
        asked.text("id"),
    )


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name for the socket that fits into the 107 bytes of its address, however deep the folder lies."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}"
    finally:
        os.close(handle)
