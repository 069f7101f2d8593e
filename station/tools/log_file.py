"""The log of the station, kept in its data folder in a few files of bounded size, and read back newest first."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import NamedTuple

FILE = "station.log"
LEVELS = ("debug", "info", "warning", "error", "critical")
CONSOLE_ONLY = {"console_only": True}
_BYTES = 1_000_000
_KEPT = 4
_LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<level>[A-Z]+) (?P<who>\S+): (?P<said>.*)$")


class Entry(NamedTuple):
    """``said`` may have several lines."""

    at_utc: str
    level: str
    who: str
    said: str


class _Patient(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in the standard library
        """The disk is full or gone: this line is lost."""


@contextmanager
def kept_log(folder: Path) -> Iterator[None]:
    """What the program logs goes into the folder, too, while the block runs. A full disk loses lines, nothing else.

    What is for the console alone is logged with ``extra=CONSOLE_ONLY``.
    """
    handler = _Patient(folder / FILE, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8", delay=True)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: not set(CONSOLE_ONLY) & set(vars(record)))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def newest(folder: Path, least: str, limit: int) -> tuple[Entry, ...]:
    """The newest entries of level ``least`` and above, the newest first."""
    wanted = {level.upper() for level in LEVELS[LEVELS.index(least) :]}
    found: list[Entry] = []
    for path in _files(folder):
        entries = [entry for entry in _entries(path) if entry.level in wanted]
        found.extend(reversed(entries))
        if len(found) >= limit:
            break
    return tuple(found[:limit])


def tail(folder: Path, most_bytes: int) -> str:
    """The end of the log as text, its first line perhaps cut."""
    parts: list[bytes] = []
    left = most_bytes
    for path in _files(folder):
        if left <= 0:
            break
        part = path.read_bytes()[-left:]
        parts.append(part)
        left -= len(part)
    return b"".join(reversed(parts)).decode(errors="replace")


def _files(folder: Path) -> Iterator[Path]:
    """The newest first; one that is being renamed may be missed for once."""
    for path in (folder / FILE, *(folder / f"{FILE}.{n}" for n in range(1, _KEPT + 1))):
        if path.is_file():
            yield path


def _entries(path: Path) -> Iterator[Entry]:
    """Lines that begin no entry belong to the one before."""
    entry: Entry | None = None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        told = _LINE.match(line)
        if told is not None:
            if entry is not None:
                yield entry
            entry = Entry(told["at"], told["level"], told["who"], told["said"])
        elif entry is not None:
            entry = entry._replace(said=f"{entry.said}\n{line}")
    if entry is not None:
        yield entry
