"""Tells which branches of a module its tests never take: ``python -m tests.control.branches MODULE TESTS...``.

A branch is what coverage tools mean by it: from the line of an ``if``, ``while`` or ``for`` into its body, and past it.
What stands inside one line is for ``tests.control.mutants``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Fork(NamedTuple):
    """A statement at ``line`` (its condition ends on ``last``) that goes on in its body at ``body`` or elsewhere."""

    line: int
    last: int
    body: int


class Arcs:
    """A trace function that notes from which line to which a file was run; 0 is the way out of a function."""

    def __init__(self, file: Path) -> None:
        self._file = str(file)
        self._at: dict[FrameType, int] = {}
        self.seen: set[tuple[int, int]] = set()

    def trace(self, frame: FrameType, _event: str, _argument: object) -> object:
        """For ``sys.settrace``: frames of other files are left alone."""
        return self._follow if frame.f_code.co_filename == self._file else None

    def _follow(self, frame: FrameType, event: str, _argument: object) -> object:
        if event == "line":
            if frame in self._at:
                self.seen.add((self._at[frame], frame.f_lineno))
            self._at[frame] = frame.f_lineno
        elif event == "return" and frame in self._at:
            self.seen.add((self._at.pop(frame), 0))
        return self._follow


def forks(source: str) -> Iterator[Fork]:
    """Every statement that may go two ways."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If | ast.While | ast.For):
            head = node.iter if isinstance(node, ast.For) else node.test
            yield Fork(node.lineno, head.end_lineno or node.lineno, node.body[0].lineno)


def missed(source: str, seen: set[tuple[int, int]]) -> list[str]:
    """What was never taken, in words."""
    found = []
    for fork in forks(source):
        ways = {to for at, to in seen if fork.line <= at <= fork.last and not fork.line <= to <= fork.last}
        if fork.body not in ways:
            found.append(f"line {fork.line} never goes into its body")
        if not ways - {fork.body}:
            found.append(f"line {fork.line} never goes past its body")
    return found


def main(arguments: list[str]) -> int:
    module = ROOT / arguments[0]
    arcs = Arcs(module)
    sys.settrace(arcs.trace)  # type: ignore[arg-type]
    try:
        code = int(pytest.main(["-q", "-p", "no:cacheprovider", *arguments[1:]]))
    finally:
        sys.settrace(None)
    source = module.read_text(encoding="utf-8")
    found, count = missed(source, arcs.seen), 2 * len(list(forks(source)))
    sys.stdout.write("\n".join([*found, f"{count - len(found)} of {count} branches taken\n"]))
    return 1 if code or found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
