"""The book of setting up: what each step found, when, by whom, and what it replaced; sealed line by line."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from station.chain import append_entry, read_chain
from station.wizard.words import Step

FILE = "setup.jsonl"


class Deed(StrEnum):
    accepted = "accepted"
    undone = "undone"


class Entry(NamedTuple):
    """``figures`` are what was measured; ``before`` and ``after`` the calibration values it replaced and gave, empty
    where the step only proves something."""

    at_utc: str
    by: str
    step: Step
    deed: Deed
    figures: dict[str, object]
    before: dict[str, object]
    after: dict[str, object]


class SetupBook:
    """One file in the data folder; raises ChainBroken when somebody wrote into it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def note(self, entry: Entry) -> None:
        """Seen to the disk when this returns."""
        append_entry(self._path, entry._asdict())

    def history(self) -> tuple[Entry, ...]:
        """Oldest first."""
        return tuple(_entry(line) for line in read_chain(self._path))

    def standing(self) -> dict[Step, Entry]:
        """What counts now: of each step what was accepted last and not undone."""
        stacks: dict[Step, list[Entry]] = {}
        for entry in self.history():
            stack = stacks.setdefault(entry.step, [])
            if entry.deed is Deed.accepted:
                stack.append(entry)
            elif stack:
                stack.pop()
        return {step: stack[-1] for step, stack in stacks.items() if stack}


def _entry(line: Mapping[str, object]) -> Entry:
    return Entry(
        str(line["at_utc"]),
        str(line["by"]),
        Step(str(line["step"])),
        Deed(str(line["deed"])),
        _values(line["figures"]),
        _values(line["before"]),
        _values(line["after"]),
    )


def _values(found: object) -> dict[str, object]:
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}
