"""A disk in memory that forgets at a power cut what nobody had synced, whole or in torn sectors."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import dataclass, field
from typing import NamedTuple

SECTOR = 512
_KEPT_SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)


class Written(NamedTuple):
    offset: int
    data: bytes


class Resized(NamedTuple):
    size: int


@dataclass(slots=True)
class Content:
    """One file: what programs see, what is safe, and what has been done in between, in order."""

    seen: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    unsafe: list[Written | Resized] = field(default_factory=list)


class Named(NamedTuple):
    """A name was given to a file, or taken away (None)."""

    name: str
    content: Content | None


class Platter:
    """Files by path. Writes are safe after ``sync`` of their file; names after a sync of anything."""

    def __init__(self) -> None:
        self._names: dict[str, Content] = {}
        self._safe_names: dict[str, Content] = {}
        self._unsafe_names: list[Named] = []

    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def has(self, name: str) -> bool:
        return name in self._names

    def make(self, name: str) -> None:
        """A new empty file, or the one that is there."""
        if name not in self._names:
            self._name(name, Content())

    def remove(self, name: str) -> None:
        self._find(name)
        self._name(name, None)

    def rename(self, old: str, new: str) -> None:
        content = self._find(old)
        self._name(new, content)
        self._name(old, None)

    def size(self, name: str) -> int:
        return len(self._find(name).seen)

    def read(self, name: str, size: int, offset: int) -> bytes:
        return bytes(self._find(name).seen[offset : offset + size])

    def write(self, name: str, data: bytes, offset: int) -> None:
        content = self._find(name)
        content.unsafe.append(Written(offset, data))
        _write(content.seen, data, offset)

    def resize(self, name: str, size: int) -> None:
        content = self._find(name)
        content.unsafe.append(Resized(size))
        _resize(content.seen, size)

    def sync(self, name: str | None = None) -> None:
        """Everything done to this file so far is safe, and so are all names (as on a journaling file system)."""
        if name is not None:
            content = self._find(name)
            for done in content.unsafe:
                _do(content.safe, done)
            content.unsafe.clear()
        self._safe_names = dict(self._names)
        self._unsafe_names.clear()

    def forget(self, name: str) -> None:
        """A sync that failed: what was not safe never will be, though programs still read it (as Linux does)."""
        self._find(name).unsafe.clear()

    def cut(self, seed: int) -> None:
        """The power goes. What was not safe survives by chance: names in their order, writes sector by sector."""
        chance = random.Random(seed)
        names = dict(self._safe_names)
        for done in self._unsafe_names[: chance.randint(0, len(self._unsafe_names))]:
            if done.content is None:
                names.pop(done.name, None)
            else:
                names[done.name] = done.content
        share = chance.choice(_KEPT_SHARES)
        for content in {id(found): found for found in names.values()}.values():
            _survive(content, chance, share)
        self._names, self._safe_names, self._unsafe_names = names, dict(names), []

    def _find(self, name: str) -> Content:
        if name not in self._names:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._names[name]

    def _name(self, name: str, content: Content | None) -> None:
        self._unsafe_names.append(Named(name, content))
        if content is None:
            del self._names[name]
        else:
            self._names[name] = content


def _survive(content: Content, chance: random.Random, share: float) -> None:
    for done in content.unsafe:
        if isinstance(done, Resized):
            if chance.random() < share:
                _resize(content.safe, done.size)
            continue
        begin = done.offset
        while begin < done.offset + len(done.data):
            end = min((begin // SECTOR + 1) * SECTOR, done.offset + len(done.data))
            if chance.random() < share:
                _write(content.safe, done.data[begin - done.offset : end - done.offset], begin)
            begin = end
    content.unsafe.clear()
    content.seen = bytearray(content.safe)


def _do(bytes_: bytearray, done: Written | Resized) -> None:
    if isinstance(done, Resized):
        _resize(bytes_, done.size)
    else:
        _write(bytes_, done.data, done.offset)


def _write(bytes_: bytearray, data: bytes, offset: int) -> None:
    if offset > len(bytes_):
        bytes_.extend(bytes(offset - len(bytes_)))
    bytes_[offset : offset + len(data)] = data


def _resize(bytes_: bytearray, size: int) -> None:
    if size < len(bytes_):
        del bytes_[size:]
    else:
        bytes_.extend(bytes(size - len(bytes_)))
