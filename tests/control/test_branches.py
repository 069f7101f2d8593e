"""The guard's tests take every branch of it, and the tool that says so can say no."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.control.branches import ROOT, Arcs, missed

GUARD_TESTS = "tests/control/test_guard.py"
SOURCE = """
def judge(a, b):
    if a:
        b += 1
    while b:
        b -= 1
    for _ in range(a):
        b += 1
    return b
"""


def run(calls: list[tuple[int, int]], folder: Path) -> list[str]:
    """What these calls of ``judge`` leave out."""
    file = folder / "judged.py"
    file.write_text(SOURCE)
    names: dict[str, object] = {}
    exec(compile(SOURCE, str(file), "exec"), names)
    judge, arcs = names["judge"], Arcs(file)
    assert callable(judge)
    before = sys.gettrace()
    sys.settrace(arcs.trace)  # type: ignore[arg-type]
    try:
        for a, b in calls:
            judge(a, b)
    finally:
        sys.settrace(before)
    return missed(SOURCE, arcs.seen)


def test_a_branch_that_is_never_taken_is_named(tmp_path: Path) -> None:
    assert run([(1, 1), (0, 0)], tmp_path) == []
    assert run([(1, 1)], tmp_path) == ["line 3 never goes past its body"]
    assert run([(0, 0)], tmp_path) == [
        "line 3 never goes into its body",
        "line 5 never goes into its body",
        "line 7 never goes into its body",
    ]


@pytest.mark.timeout(300)
def test_every_branch_of_the_guard_is_taken_by_its_tests() -> None:
    command = [sys.executable, "-m", "tests.control.branches", "control/guard.py", GUARD_TESTS]
    command += ["-k", "not estop_wins"]  # by examples alone, without the law that tries a hundred shifts
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-2000:]
