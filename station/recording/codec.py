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
from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Plain = object
Schema = dict[str, object]
_Way = Callable[[object], object]

_KIND = "is"
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


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
    return _JSON.encode(_codec(cast(Hashable, kind)).write(value)).encode()


def decode(kind: type[T], text: bytes) -> T:
    """The value of a text. Fields that the text lacks take their defaults; raises NotReadable."""
    try:
        return cast(T, _codec(cast(Hashable, kind)).read(json.loads(text.decode())))
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
    if type(value) is float and math.isfinite(value):
        return value
    number = float(cast(float, value))
    return number if math.isfinite(number) else repr(number)


def _read_float(plain: object) -> object:
    if type(plain) is float:
        return plain
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
        return _Codec(_each(each.write, list), _each(each.read, tuple), {"type": "array", "items": each.schema})
    parts = [_codec(part) for part in inside]
    return _Codec(
        lambda value: [part.write(item) for part, item in zip(parts, cast(tuple[object, ...], value), strict=True)],
        lambda plain: tuple([part.read(item) for part, item in zip(parts, cast(list[object], plain), strict=True)]),
        {"type": "array", "items": {}},
    )


def _each(way: _Way, made: Callable[[Iterable[object]], object]) -> _Way:
    """One way for every item; what stays as it is costs nothing."""
    if way is _same:
        return lambda items: made(cast(Iterable[object], items))
    return lambda items: made([way(item) for item in cast(Iterable[object], items)])


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
    names = _fields(kind)
    ways = {name: _codec(hints[name]) for name in names}
    properties = {name: way.schema for name, way in ways.items()}
    return _Codec(_writing(names, ways), _reading(kind, names, ways), {"type": "object", "properties": properties})


def _writing(names: tuple[str, ...], ways: Mapping[str, _Codec]) -> _Way:
    """Most fields stay as they are: only the others cost a call."""
    special = [(name, way.write) for name, way in ways.items() if way.write is not _same]

    def write(value: object) -> object:
        plain = {name: getattr(value, name) for name in names}
        for name, way in special:
            plain[name] = way(plain[name])
        return plain

    return write


def _reading(kind: type[object], names: tuple[str, ...], ways: Mapping[str, _Codec]) -> _Way:
    """Fields that are all there and in their order are taken by their places."""
    places = [(place, way.read) for place, way in enumerate(ways.values()) if way.read is not _same]

    def read(plain: object) -> object:
        values = cast(dict[str, object], plain)
        if tuple(values) != names:
            return kind(**{name: way.read(values[name]) for name, way in ways.items() if name in values})
        parts = list(values.values())
        for place, way in places:
            parts[place] = way(parts[place])
        return kind(*parts)

    return read


def _fields(kind: type[object]) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    names = getattr(kind, "_fields", None)
    if not isinstance(names, tuple):
        raise TypeError(f"{kind} has no named fields")
    return names
