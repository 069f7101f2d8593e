"""What is wrong with a settings file, in words: file, line, column, key, and what to do."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic_core import ErrorDetails
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from station.marked import marked

_KINDS = ("simulated", "folder", "opencv", "modbus-tcp", "serial-board", "coils", "memory")
_MOST_VALUES = 20_000
_NOT_YAML = marked("is not valid YAML: {problem}")
_PLACE = re.compile(r"^(?P<file>[^:\n]+\.ya?ml)(?::(?P<line>\d+):(?P<column>\d+))?  (?P<said>.+)$")


class Complaint(NamedTuple):
    """One error; ``line`` and ``column`` are empty where the whole file is meant, ``file`` for a model."""

    file: str
    line: str
    column: str
    said: str


def complaints(text: str) -> tuple[Complaint, ...]:
    """The lines of a refusal."""
    found = []
    for line in text.splitlines():
        place = _PLACE.match(line)
        found.append(
            Complaint("", "", "", line) if place is None else Complaint(*(part or "" for part in place.groups()))
        )
    return tuple(found)


def reason(error: Exception) -> str:
    """Why a file could not be read."""
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)


def yaml_complaint(path: Path, error: YAMLError) -> str:
    """``file:line:column  is not valid YAML: ...``."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f"{path}  {_NOT_YAML.format(problem=str(error).splitlines()[0])}"
    mark = error.problem_mark
    return f"{path}:{mark.line + 1}:{mark.column + 1}  {_NOT_YAML.format(problem=error.problem)}"


def plain(tree: object) -> object:
    """Round-trip YAML nodes as plain dicts, lists and scalars (strict models take nothing else).

    Raises ValueError when references in the file would blow it up beyond any settings file.
    """
    return _plain(tree, itertools.count(1))


def _plain(tree: object, counted: Iterator[int]) -> object:
    if next(counted) > _MOST_VALUES:
        raise ValueError("its references unfold to too many values")
    if isinstance(tree, Mapping):
        return {str(key): _plain(value, counted) for key, value in tree.items()}
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return [_plain(value, counted) for value in tree]
    for kind in (bool, int, float, str):
        if isinstance(tree, kind):
            return kind(tree)
    return tree


def complaint(path: Path, tree: object, item: ErrorDetails, known: Iterable[str]) -> str:
    """``file:line:column  key  what is wrong``; ``known`` are the keys that could have been meant."""
    loc = tuple(part for part in item["loc"] if part not in _KINDS)
    line, column = _position(tree, loc)
    key = ".".join(map(str, loc)) or "the whole file"
    message = f"{item['msg']}, found {item['input']!r}"
    if item["type"] == "extra_forbidden":
        message = _unknown(str(loc[-1]), known)
    elif item["type"] == "missing":
        message = marked("is missing; add it")
    elif item["type"] == "value_error":
        message = str(item["ctx"]["error"])
    return f"{path}:{line}:{column}  {key}  {message}"


def _position(tree: object, loc: tuple[object, ...]) -> tuple[int, int]:
    """One-based line and column of the deepest part of ``loc`` that exists in the file."""
    line, column = 1, 1
    for part in loc:
        if isinstance(tree, CommentedMap) and part in tree:
            line, column = (n + 1 for n in tree.lc.key(part))
            tree = tree[part]
        elif isinstance(tree, CommentedSeq) and isinstance(part, int) and part < len(tree):
            line, column = (n + 1 for n in tree.lc.item(part))
            tree = tree[part]
        else:
            break
    return line, column


def _unknown(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, sorted(known), n=1)
    if not near:
        return marked("unknown key; remove it")
    return marked("unknown key; did you mean '{key}'?").format(key=near[0])
