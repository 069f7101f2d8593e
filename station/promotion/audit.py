"""The audit of model changes: one line each, every line sealed with the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

FILE = "model-audit.jsonl"
_FIRST = "0" * 64


class AuditBroken(Exception):  # noqa: N818 - a fact
    """A line of the audit was changed, removed or cannot be read; the text says which."""


class Act(StrEnum):
    promoted = "promoted"
    returned = "returned"


class Change(NamedTuple):
    """One change of the model. Paths are as in the station file; ids are name, version and hash of the model."""

    at_utc: str
    by: str
    act: Act
    station: str
    from_path: str
    from_id: str
    to_path: str
    to_id: str
    why: str


def read_audit(path: Path) -> tuple[Change, ...]:
    """All changes, oldest first; raises AuditBroken when the chain does not hold."""
    if not path.exists():
        return ()
    found = []
    before = _FIRST
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = json.loads(line)
            seal = str(told.pop("seal"))
            change = Change(**{**told, "act": Act(told["act"])})
        except (ValueError, KeyError, TypeError) as error:
            raise AuditBroken(
                f"{path}:{number}  is no line of the audit ({error!r}); restore it from a copy"
            ) from error
        if seal != _seal(change, before):
            raise AuditBroken(f"{path}:{number}  was changed, or a line before it is missing; restore it from a copy")
        found.append(change)
        before = seal
    return tuple(found)


def append(path: Path, change: Change) -> None:
    """Add one line and see it to the disk; raises AuditBroken when the lines before do not hold."""
    before = _last_seal(path, read_audit(path))
    line = json.dumps({**change._asdict(), "seal": _seal(change, before)}, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as audit:
        audit.write(line + "\n")
        audit.flush()
        os.fsync(audit.fileno())


def to_return(changes: Sequence[Change]) -> Change | None:
    """The newest promotion that was not taken back yet."""
    open_ones: list[Change] = []
    for change in changes:
        if change.act is Act.promoted:
            open_ones.append(change)
        elif open_ones:
            open_ones.pop()
    return open_ones[-1] if open_ones else None


def _last_seal(path: Path, changes: Sequence[Change]) -> str:
    if not changes:
        return _FIRST
    return str(json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["seal"])


def _seal(change: Change, before: str) -> str:
    told = json.dumps(change._asdict(), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{before}\n{told}".encode()).hexdigest()
