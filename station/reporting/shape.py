"""Shapes of JSON values: one table says what is allowed, and both the check and the published schema come from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

Tree = dict[str, object]
Kept = TypeVar("Kept")


class RowError(Exception):
    """A row cannot be believed; the text says where and what is wrong."""


class Shape(Protocol):
    """One kind of value."""

    def check(self, value: object, where: str) -> None:
        """Raises RowError that names ``where``."""

    def schema(self) -> Tree:
        """The same as JSON Schema (draft 2020-12)."""


@dataclass(frozen=True, slots=True)
class Text:
    """``pattern`` has to match all of it; characters that control terminals are never allowed."""

    longest: int = 200
    pattern: str = r"[^\x00-\x1f\x7f]*"

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, str) or len(value) > self.longest or not re.fullmatch(self.pattern, value):
            raise RowError(f"{where} is {_shown(value)}, expected text of {self.longest} characters, {self.pattern}")
        if not value.isprintable() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
            raise RowError(f"{where} holds half a character")

    def schema(self) -> Tree:
        return {"type": "string", "maxLength": self.longest, "pattern": f"^{self.pattern}$"}


@dataclass(frozen=True, slots=True)
class Whole:
    least: int = 0
    most: int = 2**53 - 1

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            raise RowError(f"{where} is {_shown(value)}, expected a whole number from {self.least} to {self.most}")

    def schema(self) -> Tree:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """Rounded to thousandths by whoever sends it."""

    least: float = 0.0
    most: float = 1e12

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise RowError(f"{where} is {_shown(value)}, expected a number")
        if not self.least <= value <= self.most or round(value, 3) != value:
            raise RowError(f"{where} is {_shown(value)}, expected {self.least:g} to {self.most:g} in thousandths")

    def schema(self) -> Tree:
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Flag:
    def check(self, value: object, where: str) -> None:
        if not isinstance(value, bool):
            raise RowError(f"{where} is {_shown(value)}, expected true or false")

    def schema(self) -> Tree:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class OneOf:
    words: tuple[str, ...]

    def check(self, value: object, where: str) -> None:
        if value not in self.words or not isinstance(value, str):
            raise RowError(f"{where} is {_shown(value)}, expected one of {', '.join(self.words)}")

    def schema(self) -> Tree:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Maybe:
    """The shape, or null where nothing is known."""

    inner: Shape

    def check(self, value: object, where: str) -> None:
        if value is not None:
            self.inner.check(value, where)

    def schema(self) -> Tree:
        return {"anyOf": [self.inner.schema(), {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class ListOf:
    inner: Shape
    most: int

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, list) or len(value) > self.most:
            raise RowError(f"{where} is {_shown(value)}, expected a list of at most {self.most}")
        for number, item in enumerate(value):
            self.inner.check(item, f"{where}[{number}]")

    def schema(self) -> Tree:
        return {"type": "array", "maxItems": self.most, "items": self.inner.schema()}


@dataclass(frozen=True, slots=True)
class Record:
    """Every name has to be there and no other."""

    fields: Mapping[str, Shape]

    def check(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise RowError(f"{where} is {_shown(value)}, expected an object")
        missing, foreign = sorted(self.fields.keys() - value.keys()), sorted(value.keys() - self.fields.keys())
        if missing or foreign:
            raise RowError(f"{where}: missing {missing or 'nothing'}, unknown {foreign or 'nothing'}")
        for name, shape in self.fields.items():
            shape.check(value[name], f"{where}.{name}")

    def schema(self) -> Tree:
        return {
            "type": "object",
            "additionalProperties": False,
            "required": sorted(self.fields),
            "properties": {name: shape.schema() for name, shape in sorted(self.fields.items())},
        }


class Checked:
    """Reads an object whose shape was checked; a value of another kind is a defect of the shape (TypeError)."""

    def __init__(self, tree: object) -> None:
        if not isinstance(tree, dict):
            raise TypeError(f"{tree!r} is no object")
        self._tree = tree

    def names(self) -> tuple[str, ...]:
        return tuple(self._tree)

    def text(self, name: str) -> str:
        return _kept(self._tree[name], str)

    def text_or_none(self, name: str) -> str | None:
        return None if self._tree[name] is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(_kept(item, str) for item in _kept(self._tree[name], list))

    def whole(self, name: str) -> int:
        return _kept(self._tree[name], int)

    def flag(self, name: str) -> bool:
        return _kept(self._tree[name], bool)

    def number(self, name: str) -> float:
        value = self._tree[name]
        return float(value) if isinstance(value, int) else _kept(value, float)

    def number_or_none(self, name: str) -> float | None:
        return None if self._tree[name] is None else self.number(name)

    def part(self, name: str) -> Checked | None:
        return None if self._tree[name] is None else Checked(self._tree[name])

    def parts(self, name: str) -> list[Checked]:
        return [Checked(item) for item in _kept(self._tree[name], list)]


def _kept(value: object, kind: type[Kept]) -> Kept:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
