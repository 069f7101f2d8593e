"""A file of lines that shows it when it was tampered with: every line is sealed with the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

_FIRST = "0" * 64


class ChainBroken(Exception):  # noqa: N818 - a fact
    """A line was changed, removed or cannot be read; the text says which."""


def read_chain(path: Path) -> tuple[dict[str, object], ...]:
    """All entries, oldest first, without their seals; raises ChainBroken when the chain does not hold."""
    return tuple(entry for entry, _seal in _lines(path))


def append_entry(path: Path, entry: Mapping[str, object]) -> None:
    """Add one line and see it to the disk; raises ChainBroken when the lines before do not hold."""
    lines = _lines(path)
    before = lines[-1][1] if lines else _FIRST
    line = json.dumps({**entry, "seal": _seal(entry, before)}, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as chain:
        chain.write(line + "\n")
        chain.flush()
        os.fsync(chain.fileno())


def _lines(path: Path) -> list[tuple[dict[str, object], str]]:
    found: list[tuple[dict[str, object], str]] = []
    before = _FIRST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), start=1):
        try:
            entry = json.loads(line)
            seal = str(entry.pop("seal"))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ChainBroken(f"{path}:{number}  cannot be read ({error!r}); restore it from a copy") from error
        if seal != _seal(entry, before):
            raise ChainBroken(f"{path}:{number}  was changed, or a line before it is missing; restore it from a copy")
        found.append((entry, seal))
        before = seal
    return found


def _seal(entry: Mapping[str, object], before: str) -> str:
    told = json.dumps(dict(entry), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{before}\n{told}".encode()).hexdigest()
