"""Nothing reaches a driver except through the guard: read from the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("vision", "control", "station")
LOOP = "control/loop.py"
BY_HAND = ("control/single_shot.py", "control/latency_bench.py")
PAPER = "station/offline.py"  # plays a recorded machine, which fires nothing
AT_REST = "machine.beat(run=False, armed=False)"
VERBS = {"arm", "beat"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in found if isinstance(call.func, ast.Attribute) and call.func.attr in names]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def strays(name: str, source: str) -> list[str]:
    """Calls of a machine's firing verbs that a module has no right to."""
    if name in {LOOP, PAPER, *BY_HAND, "control/types.py"}:
        return []
    return [said for call in calls(ast.parse(source), VERBS) if (said := ast.unparse(call)) != AT_REST]


def test_only_the_control_loop_speaks_the_firing_verbs() -> None:
    found = {name: strays(name, ast.unparse(tree)) for name, tree in modules()}

    assert {name: some for name, some in found.items() if some} == {}
    assert strays("station/desk.py", "machine.arm(jobs)") == ["machine.arm(jobs)"]


def test_the_control_loop_passes_on_only_what_the_guard_admitted() -> None:
    tree = ast.parse((ROOT / LOOP).read_text(encoding="utf-8"))

    spoken = [ast.unparse(call) for call in calls(tree, VERBS)]
    writers = [function for function in functions(tree) if calls(function, VERBS)]

    assert spoken == [
        "self._machine.beat(run=admission.run, armed=admission.armed)",
        "self._machine.arm(admission.jobs)",
    ]
    assert [function.name for function in writers] == ["_request"]
    assert [ast.unparse(a.annotation) for a in writers[0].args.args[1:] if a.annotation] == ["Admission"]


@pytest.mark.parametrize("name", BY_HAND)
def test_who_fires_by_hand_passes_on_only_what_the_guard_admitted(name: str) -> None:
    spoken = {ast.unparse(call) for call in calls(ast.parse((ROOT / name).read_text(encoding="utf-8")), VERBS)}

    assert spoken == {
        "self._machine.beat(run=admission.run, armed=admission.armed)",
        "self._machine.arm(admission.jobs)",
    }


def test_an_admission_is_made_by_the_guard_alone() -> None:
    makers = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Admission"
    }

    assert makers == {"control/guard.py"}


def test_machines_are_opened_for_the_control_process_for_shots_by_hand_and_for_recorded_ones_alone() -> None:
    openers = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_machine"
    }

    assert openers == {
        "station/children.py",
        "station/machine_commands.py",
        "station/offline.py",
        "station/wiring.py",
    }
