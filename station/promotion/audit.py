"""The audit of model changes, in a chained file."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from station.chain import ChainBroken, append_entry, read_chain

FILE = "model-audit.jsonl"


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
    """All changes, oldest first; raises ChainBroken when the chain does not hold."""
    return tuple(_change(path, entry) for entry in read_chain(path))


def append(path: Path, change: Change) -> None:
    """Add one line and see it to the disk; raises ChainBroken when the lines before do not hold."""
    append_entry(path, change._asdict())


def to_return(changes: Sequence[Change]) -> Change | None:
    """The newest promotion that was not taken back yet."""
    open_ones: list[Change] = []
    for change in changes:
        if change.act is Act.promoted:
            open_ones.append(change)
        elif open_ones:
            open_ones.pop()
    return open_ones[-1] if open_ones else None


def _change(path: Path, entry: dict[str, object]) -> Change:
    try:
        words = {name: str(entry[name]) for name in Change._fields if name != "act"}
        return Change(**words, act=Act(str(entry["act"])))
    except (ValueError, KeyError) as error:
        raise ChainBroken(f"{path}  holds a line that is no change of a model ({error!r})") from error
