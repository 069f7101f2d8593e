"""``station footage label``: proposes pieces, and serves the page on which a person confirms them."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from station.codebook import load_codebook
from station.footage.label_page import classes_of, create_label_app
from station.footage.missed import belt_of
from station.footage.proposals import Labelling, propose
from station.recording.reader import Recording
from station.web.server import check_port_free, serve
from vision.labels import read_labels

_HOST = "127.0.0.1"


def serve_labelling(recording: Recording, table: Path, name: str, who: str, port: int) -> None:
    """Serve until Ctrl-C; labels go to ``table``, those already in it are shown. Raises PortTaken, FootageError."""
    check_port_free(_HOST, port)
    known = read_labels(table) if table.is_file() else ()
    settings = recording.settings()
    with tempfile.TemporaryDirectory(prefix="station-") as folder:
        work = Labelling(propose(recording, Path(folder)), known, table, settings.ticks_per_mm)
        classes, belt = classes_of(settings.labels, load_codebook()), belt_of(recording, Path(folder))
        app = create_label_app(work, classes, name, who, now_utc, belt)
        asyncio.run(_serve(app, port))


async def _serve(app: FastAPI, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(app, _HOST, port, stop)


def now_utc() -> str:
    """This moment, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: TID251 - a person answers at a moment
