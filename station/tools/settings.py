"""The files a station runs with, as text: checked while they are written, changed whole, and never without a backup."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from station.complaints import complaints
from station.config import Config, ConfigError, load_config
from station.keys import every_key
from station.marked import marked
from station.safe_mode.backups import Backup, backups, keep, read_backup, write
from station.tools.niced import WorkRefused, ask

Restart = Callable[[], str | None]
_TITLES = (marked("Station"), marked("Calibration"), marked("Recipe"))
_KINDS = {
    "str": marked("text"),
    "int": marked("whole number"),
    "float": marked("number"),
    "bool": marked("true or false"),
    "NoneType": marked("nothing"),
}
_KIND = re.compile(rf"\b({'|'.join(_KINDS)})\b")
_SECTIONS = ("station file", "calibration", "recipe")


class SettingsRefused(Exception):  # noqa: N818 - refused things are named as facts
    """Nothing was changed; the text says why."""


class WrittenMeanwhile(SettingsRefused):
    """Somebody else has changed the file."""


class SettingsFile(NamedTuple):
    """``name`` is relative to the station file; ``sha256`` that of ``text``; ``is_newer`` than what runs."""

    name: str
    title: str
    text: str
    sha256: str
    is_newer: bool


class Fault(NamedTuple):
    """``here``: in the text that was asked about; ``line`` and ``column`` None where the whole file is meant."""

    file: str
    here: bool
    line: int | None
    column: int | None
    said: str


class Checked(NamedTuple):
    """``diff`` from the file to the text, as a unified diff."""

    faults: tuple[Fault, ...]
    diff: str


class KeyHelp(NamedTuple):
    """One key of one of the files, in words; ``kind`` in parts that may be translated, ``says`` may be empty."""

    title: str
    key: str
    kind: tuple[str, ...]
    is_needed: bool
    says: str


@dataclass(frozen=True, slots=True)
class SettingsDesk:
    """Of the station file ``path``. ``names`` of its three files where it cannot be read now; ``running`` holds the
    hash of each as it was when the station started. ``restart`` None: it was asked for, else why it cannot be.

    ``prove`` raises ConfigError for what the files alone cannot know; it has to be quick. Everything here touches
    files and is asked away from the event loop.
    """

    path: Path
    names: tuple[str, str, str]
    running: Mapping[str, str]
    restart: Restart
    prove: Callable[[Config], None]

    def files(self) -> tuple[SettingsFile, ...]:
        """Station file, calibration, recipe."""
        found = []
        for title, name in zip(_TITLES, self._names(), strict=True):
            text = self._read(name)
            sha256 = _hash(text)
            found.append(SettingsFile(name, title, text, sha256, self.running.get(name, sha256) != sha256))
        return tuple(found)

    def check(self, name: str, text: str) -> Checked:
        """What is wrong with ``text`` in the place of file ``name``, and what it changes. Raises SettingsRefused."""
        self._known(name)
        return Checked(tuple(self._faults(name, text)), self._diff(name, text))

    def apply(self, name: str, text: str, sha256: str, now: datetime) -> tuple[str, str]:
        """Check all that ``station check`` checks, keep the file, exchange it whole; short hashes before and after.

        ``sha256`` is that of the text it was made from. Raises SettingsRefused and OSError.
        """
        self._known(name)
        before = self._read(name)
        if _hash(before) != sha256:
            raise WrittenMeanwhile(marked("Somebody else has changed this file meanwhile. Load it again."))
        if before == text:
            raise SettingsRefused(marked("Nothing is changed."))
        faults = list(self._faults(name, text))
        if faults:
            raise SettingsRefused("; ".join(_in_words(fault) for fault in faults))
        drafts = {str(self._place(name)): text}
        try:
            ask("check", {"config": str(self.path), "drafts": drafts})
        except WorkRefused as refused:
            raise SettingsRefused(str(refused)) from refused
        keep(self.path, name, now)
        write(self._place(name), self._as_file(name, text))
        return sha256[:12], _hash(text)[:12]

    def backups(self, name: str) -> tuple[Backup, ...]:
        """The newest first. Raises SettingsRefused."""
        self._known(name)
        return backups(self.path, name)

    def backup(self, name: str, backup: str) -> str:
        """Its text; raises LookupError or SettingsRefused."""
        self._known(name)
        return _plain_ends(read_backup(self.path, name, backup))

    def _names(self) -> tuple[str, str, str]:
        """As the station file says now, else as it said when it could be read."""
        try:
            file = load_config(self.path).file
        except ConfigError:
            return self.names
        return self.path.name, file.calibration, file.recipe

    def _known(self, name: str) -> None:
        if name not in self._names():
            raise SettingsRefused(marked("This station does not run with a file of that name."))

    def _place(self, name: str) -> Path:
        return (self.path.parent / name).resolve()

    def _read(self, name: str) -> str:
        try:
            return _plain_ends(self._place(name).read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            return ""

    def _as_file(self, name: str, text: str) -> bytes:
        """With the ends of line that the file has."""
        place = self._place(name)
        has_carriage_returns = place.exists() and b"\r\n" in place.read_bytes()
        return (text.replace("\n", "\r\n") if has_carriage_returns else text).encode()

    def _faults(self, name: str, text: str) -> Iterator[Fault]:
        try:
            self.prove(load_config(self.path, {self._place(name): text}))
        except ConfigError as error:
            here = str(self.path.parent / name)
            for file, line, column, said in complaints(str(error)):
                at = (int(line) if line else None, int(column) if column else None)
                yield Fault(file.removeprefix(f"{self.path.parent}/"), file in ("", here), *at, said)

    def _diff(self, name: str, text: str) -> str:
        before, after = (part.splitlines(keepends=True) for part in (self._read(name), text))
        lines = difflib.unified_diff(before, after, f"{name} now", f"{name} changed")
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def key_help() -> Iterator[KeyHelp]:
    """Every key of the three files, explained as ``station check --keys`` does."""
    titles = dict(zip(_SECTIONS, _TITLES, strict=True))
    for key in every_key():
        if key.file in titles:
            kind = tuple(_KINDS.get(part, part) for part in _KIND.split(key.kind) if part)
            default = () if key.default is None else (f" = {key.default}",)
            yield KeyHelp(titles[key.file], key.path, (*kind, *default), key.default is None, key.says)


def hashes(path: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Of files as they are now, for ``running``."""
    found = {}
    for name in names:
        place = path.parent / name
        found[name] = _hash(_plain_ends(place.read_bytes().decode(errors="replace"))) if place.is_file() else ""
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


def _in_words(fault: Fault) -> str:
    place = "" if fault.line is None else f":{fault.line}:{fault.column}"
    return f"{fault.file}{place} {fault.said}"
