"""The last good version: copies of the files and the model a station last ran with, kept beside its station file."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from station.config import Config
from station.marked import marked
from station.safe_mode.backups import copy, digest, flat, keep, write

FOLDER = ".last-good"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Good:
    """``files`` are paths relative to the station file's folder, the files of the model among them; ``data`` is the
    station's data folder."""

    name: str
    is_simulated: bool
    host: str
    port: int
    viewers: bool
    data: str
    at_utc: str
    files: tuple[str, ...]


def remember(config: Config, *, is_simulated: bool, now: datetime) -> None:
    """What the station runs with is good: keep it. Files that are kept already are not written again."""
    here, folder = config.path.parent.resolve(), _folder(config.path)
    files = tuple(os.path.relpath(path, here) for path in _files(config))
    folder.mkdir(parents=True, exist_ok=True)
    for name in files:
        copy(here / name, folder / flat(name))
    good = Good(
        config.file.station.name,
        is_simulated,
        config.file.web.host,
        config.file.web.port,
        config.file.web.viewers,
        str(config.resolve(config.file.station.data_folder)),
        now.astimezone(UTC).isoformat(timespec="seconds"),
        files,
    )
    write(folder / _MANIFEST, json.dumps(asdict(good), indent=1).encode())


def last_good(path: Path) -> Good | None:
    """What station file ``path`` last ran with; None when it never did, or nobody can read it any more."""
    try:
        told = json.loads((_folder(path) / _MANIFEST).read_text(encoding="utf-8"))
        return Good(**{**told, "files": tuple(told["files"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def changed(path: Path, good: Good) -> tuple[str, ...]:
    """Names of the files that are not as they were."""
    here, folder = path.parent.resolve(), _folder(path)
    return tuple(name for name in good.files if digest(here / name) != digest(folder / flat(name)))


def difference(path: Path, name: str) -> str:
    """What going back would change in a text file, as a unified diff; a sentence for others."""
    try:
        now = _text(path.parent / name)
        then = _text(_folder(path) / flat(name))
    except UnicodeDecodeError:
        return marked("This file is no text; it would be replaced whole.")
    return "".join(difflib.unified_diff(now, then, f"{name} now", f"{name} last good"))


def go_back(path: Path, good: Good, now: datetime) -> tuple[Path, ...]:
    """Put every changed file back; what is there now is kept in the folder ``history`` beside the station file.

    Gives where it is kept. Raises OSError; each file is the old or the new one, never half.
    """
    here, folder = path.parent.resolve(), _folder(path)
    kept = []
    for name in changed(path, good):
        present = here / name
        aside = keep(path, name, now)
        if aside is not None:
            kept.append(aside)
        present.parent.mkdir(parents=True, exist_ok=True)
        copy(folder / flat(name), present)
    return tuple(kept)


def _files(config: Config) -> Iterator[Path]:
    file = config.file
    yield config.path.resolve()
    yield config.resolve(file.calibration)
    yield config.resolve(file.recipe)
    yield from sorted(path for path in config.resolve(file.model).rglob("*") if path.is_file())


def _folder(path: Path) -> Path:
    return path.parent.resolve() / FOLDER / path.stem


def _text(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
