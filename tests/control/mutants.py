"""Breaks a module in one small way after the other and tells which breaks no test notices.

``python -m tests.control.mutants control/guard.py tests/control/test_guard.py`` from the repository's root; with
``--part 1/3`` before them only every third. The broken module lives in a forked process only; no file is touched.
"""

from __future__ import annotations

import ast
import copy
import os
import signal
import sys
import time
import types
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

_PATIENCE_S = 60
ROOT = Path(__file__).resolve().parents[2]
COMPARES: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.Mod: ast.Mult,
}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """The node broken in each way that belongs to its kind."""
    match node:
        case ast.Compare(ops=[*ops]):
            for n, op in enumerate(ops):
                for other in COMPARES[type(op)]:
                    broken = copy.deepcopy(node)
                    broken.ops[n] = other()
                    yield broken
        case ast.BinOp(op=op) if type(op) in SUMS:
            yield ast.BinOp(node.left, SUMS[type(op)](), node.right)
        case ast.BoolOp(op=op):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
            yield from node.values
        case ast.UnaryOp(op=ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.If():
            yield ast.If(ast.Constant(True), node.body, node.orelse)
            yield ast.If(ast.Constant(False), node.body, node.orelse)
        case ast.Expr(value=ast.Call()) | ast.Assign() | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what was changed, the whole module) for every break."""
    tree = ast.parse(source)
    places = list(ast.walk(tree))
    said = {inner for node in places for note in _annotations(node) for inner in ast.walk(note)}
    for number, node in enumerate(places):
        if node in said:
            continue
        for broken in variants(node):
            twin = copy.deepcopy(tree)
            old = list(ast.walk(twin))[number]
            changed = _Swap(old, broken).visit(twin)
            line = getattr(node, "lineno", 0)
            text = f"line {line}: {ast.unparse(node)[:60]!r} -> {ast.unparse(ast.fix_missing_locations(broken))[:60]!r}"
            yield text, ast.unparse(ast.fix_missing_locations(changed))


def _annotations(node: ast.AST) -> list[ast.AST]:
    """Types are for mypy: no test can notice them."""
    match node:
        case ast.arg(annotation=ast.expr() as note) | ast.AnnAssign(annotation=note):
            return [note]
        case ast.FunctionDef(returns=ast.expr() as note):
            return [note]
    return []


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().generic_visit(node)


def survives(module: Path, source: str, tests: list[str]) -> bool:
    """True when all tests pass with the broken module; tried in a fork, where pytest is loaded already."""
    pid = os.fork()
    if pid == 0:
        _try_in_child(module, source, tests)
    for _ in range(_PATIENCE_S * 20):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def _try_in_child(module: Path, source: str, tests: list[str]) -> NoReturn:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    name = module.with_suffix("").as_posix().replace("/", ".")
    broken = types.ModuleType(name)
    sys.modules[name] = broken
    try:
        exec(compile(source, str(module), "exec"), broken.__dict__)
    except Exception:
        os._exit(1)
    os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))


def main(arguments: list[str]) -> int:
    part, parts = 0, 1
    if arguments[0] == "--part":
        part, parts = (int(text) for text in arguments[1].split("/"))
        part, arguments = part - 1, arguments[2:]
    module, tests = Path(arguments[0]), arguments[1:]
    source = (ROOT / module).read_text(encoding="utf-8")
    assert survives(module, source, tests), "the tests fail on the whole module"
    killed, alive = 0, []
    for text, broken in islice(mutants(source), part, None, parts):
        if survives(module, broken, tests):
            alive.append(text)
            sys.stdout.write(f"alive   {text}\n")
        else:
            killed += 1
        sys.stdout.flush()
    sys.stdout.write(f"{killed} of {killed + len(alive)} killed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
