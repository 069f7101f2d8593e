"""The one canonical text of a value: JSON with the fields in their declared order and numbers that round-trip.

Works on what the glossaries are made of: NamedTuples, dataclasses, enums, tuples, mappings with text keys, unions,
bytes (as base64) and plain values. Floats are written as Python's ``repr`` does, the shortest text that reads back as
the same number; those that JSON has no words for become the texts "nan", "inf" and "-inf". Of a union of classes each
value carries its class in ``is``.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable, Hashable, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = object
Schema = dict[str, object]
_Way = Callable[[object], object]

_KIND = "is"


class NotReadable(Exception):  # noqa: N818 - refused things are named as facts
    """A text is not the value it should be; the message says what was expected."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Codec:
    """How one type is written, read and described."""

    write: _Way
    read: _Way
    schema: Schema


def encode(kind: type[T], value: T) -> bytes:
    """The canonical text of ``value``, UTF-8; equal texts are equal values, byte for byte."""
    return json.dumps(
        _codec(cast(Hashable, kind)).write(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


def decode(kind: type[T], text: bytes) -> T:
    """The value of a text. Fields that the text lacks take their defaults; raises NotReadable."""
    try:
        return cast(T, _codec(cast(Hashable, kind)).read(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotReadable(f"no {kind.__name__}: {error!r}") from error


def schema(kind: type[object]) -> Schema:
    """JSON schema of the texts of a type."""
    return _codec(cast(Hashable, kind)).schema


@cache
def _codec(kind: Hashable) -> _Codec:
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple:
        return _tuple(inside)
    if origin in (Union, UnionType):
        return _union(inside)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(inside[1])
    if isinstance(kind, type):
        return _enum(kind) if issubclass(kind, Enum) else _record(kind)
    raise TypeError(f"{kind} has no canonical text")


def _same(value: object) -> object:
    return value


def _write_float(value: object) -> object:
    number = float(cast(float, value))
    return number if math.isfinite(number) else repr(number)


def _read_float(plain: object) -> object:
    return float(cast(float, plain))


def _write_bytes(value: object) -> object:
    return base64.b64encode(cast(bytes, value)).decode()


def _read_bytes(plain: object) -> object:
    return base64.b64decode(cast(str, plain))


_PLAIN: Mapping[object, _Codec] = {
    int: _Codec(_same, _same, {"type": "integer"}),
    bool: _Codec(_same, _same, {"type": "boolean"}),
    str: _Codec(_same, _same, {"type": "string"}),
    float: _Codec(_write_float, _read_float, {"type": "number"}),
    bytes: _Codec(_write_bytes, _read_bytes, {"type": "string", "contentEncoding": "base64"}),
}


def _enum(kind: type[Enum]) -> _Codec:
    words = {member: member.value for member in kind}
    return _Codec(lambda value: words[cast(Enum, value)], kind, {"type": "string", "enum": list(words.values())})


def _tuple(inside: tuple[Hashable, ...]) -> _Codec:
    if len(inside) == 2 and inside[1] is Ellipsis:
        each = _codec(inside[0])
        write, read = each.write, each.read
        return _Codec(
            lambda value: [write(item) for item in cast(tuple[object, ...], value)],
            lambda plain: tuple([read(item) for item in cast(list[object], plain)]),
            {"type": "array", "items": each.schema},
        )
    parts = [_codec(part) for part in inside]
    return _Codec(
        lambda value: [part.write(item) for part, item in zip(parts, cast(tuple[object, ...], value), strict=True)],
        lambda plain: tuple([part.read(item) for part, item in zip(parts, cast(list[object], plain), strict=True)]),
        {"type": "array", "items": {}},
    )


def _mapping(inside: Hashable) -> _Codec:
    each = _codec(inside)
    return _Codec(
        lambda value: {key: each.write(item) for key, item in cast(Mapping[str, object], value).items()},
        lambda plain: {key: each.read(item) for key, item in cast(Mapping[str, object], plain).items()},
        {"type": "object"},
    )


def _union(inside: tuple[object, ...]) -> _Codec:
    kinds = [kind for kind in inside if kind is not NoneType]
    if len(kinds) == 1:
        return _optional(_codec(kinds[0]))
    classes = {kind.__name__: (kind, _codec(kind)) for kind in kinds if isinstance(kind, type)}

    def write(value: object) -> object:
        if value is None:
            return None
        name = type(value).__name__
        return {_KIND: name} | cast(dict[str, object], classes[name][1].write(value))

    def read(plain: object) -> object:
        return None if plain is None else classes[cast(dict[str, str], plain)[_KIND]][1].read(plain)

    return _Codec(write, read, {"type": "object", "properties": {_KIND: {"type": "string", "enum": list(classes)}}})


def _optional(inner: _Codec) -> _Codec:
    """JSON viewers want one type: a field that may be null is described by what it is when it is there."""
    write, read = inner.write, inner.read
    return _Codec(
        lambda value: None if value is None else write(value),
        lambda plain: None if plain is None else read(plain),
        inner.schema,
    )


def _record(kind: type[object]) -> _Codec:
    """A NamedTuple or dataclass: its fields by name."""
    hints = get_type_hints(kind)
    names = (
        [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else list(_fields(kind))
    )
    ways = [(name, _codec(hints[name])) for name in names]
    writers = [(name, way.write) for name, way in ways]
    readers = [(name, way.read) for name, way in ways]

    def write(value: object) -> object:
        return {name: way(getattr(value, name)) for name, way in writers}

    def read(plain: object) -> object:
        values = cast(dict[str, object], plain)
        return kind(**{name: way(values[name]) for name, way in readers if name in values})

    return _Codec(write, read, {"type": "object", "properties": {name: way.schema for name, way in ways}})


def _fields(kind: type[object]) -> tuple[str, ...]:
    names = getattr(kind, "_fields", None)
    if not isinstance(names, tuple):
        raise TypeError(f"{kind} has no named fields")
    return names
