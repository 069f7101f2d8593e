"""Backups: what a file of the station held before it was changed, dated, in the folder ``history`` beside it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HISTORY = "history"
_STAMP = "%Y%m%dT%H%M%S"
_NAME = re.compile(r"^(?P<stamp>\d{8}T\d{6})(?:\.\d+)?-(?P<flat>.+)$")


class Backup(NamedTuple):
    """``id`` names it; ``at_utc`` is when the file was changed to something else."""

    id: str
    at_utc: str
    bytes: int


def keep(path: Path, name: str, now: datetime) -> Path | None:
    """Copy file ``name`` of the station file ``path`` aside; None when there is no such file. Raises OSError."""
    here = path.parent.resolve()
    present, folder = here / name, here / HISTORY
    if not present.exists():
        return None
    folder.mkdir(exist_ok=True)
    stamp = now.astimezone(UTC).strftime(_STAMP)
    tails = (f"{'' if n == 0 else f'.{n}'}-{flat(name)}" for n in range(10_000))
    aside = next(place for tail in tails if not (place := folder / f"{stamp}{tail}").exists())
    copy(present, aside)
    return aside


def backups(path: Path, name: str) -> tuple[Backup, ...]:
    """Those of one file, the newest first."""
    found = []
    for place in (path.parent.resolve() / HISTORY).glob(f"*-{flat(name)}"):
        told = _NAME.match(place.name)
        if told is not None and told["flat"] == flat(name):
            at_utc = datetime.strptime(told["stamp"], _STAMP).replace(tzinfo=UTC).isoformat()
            found.append((at_utc, place.stat().st_mtime_ns, Backup(place.name, at_utc, place.stat().st_size)))
    return tuple(backup for *_, backup in sorted(found, reverse=True))


def read_backup(path: Path, name: str, backup: str) -> str:
    """What it holds; raises LookupError when there is none of that ``id``."""
    if backup not in {each.id for each in backups(path, name)}:
        raise LookupError(backup)
    return (path.parent.resolve() / HISTORY / backup).read_text(encoding="utf-8")


def flat(name: str) -> str:
    """One name without folders; the hash keeps apart what would be called alike."""
    return f"{hashlib.sha256(name.encode()).hexdigest()[:12]}-{Path(name).name}"


def digest(path: Path) -> bytes | None:
    """None where there is no file."""
    return hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None


def copy(source: Path, target: Path) -> None:
    """``target`` is the old or the new one, never half; one that is the same already is left alone."""
    if digest(source) != digest(target):
        fresh = target.with_name(target.name + ".new")
        shutil.copyfile(source, fresh)
        _settle(fresh, target)


def write(target: Path, content: bytes) -> None:
    """The same for a content."""
    fresh = target.with_name(target.name + ".new")
    fresh.write_bytes(content)
    _settle(fresh, target)


def _settle(fresh: Path, target: Path) -> None:
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a rename is on the disk only when its folder is
    finally:
        os.close(folder)
