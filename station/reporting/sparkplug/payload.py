"""Sparkplug B payloads: protobuf messages built from the field numbers of the specification (3.0, chapter 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from functools import cache
from typing import NamedTuple, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

Value = bool | int | float | str | None

_PACKAGE = "sparkplug"
_UINT64_END = 1 << 64
_INT64_END = 1 << 63


class Datatype(IntEnum):
    """The kinds of value we send; DateTime is in UTC milliseconds."""

    int64 = 4
    uint64 = 8
    double = 10
    boolean = 11
    string = 12
    datetime = 13


class Metric(NamedTuple):
    """``value`` None is sent as is_null; ``timestamp_ms`` (UTC) is when it was measured, None only in a will."""

    name: str
    datatype: Datatype
    value: Value
    timestamp_ms: int | None
    is_historical: bool = False


class ReadMetric(NamedTuple):
    """A metric as it arrived. ``datatype`` None: not told; a negative Int64 is then a large number."""

    name: str
    datatype: int | None
    value: Value
    timestamp_ms: int | None
    is_historical: bool
    is_null: bool


class ReadPayload(NamedTuple):
    """A payload as it arrived; None where a field was not sent."""

    timestamp_ms: int | None
    seq: int | None
    metrics: tuple[ReadMetric, ...]


def encode(
    metrics: Iterable[Metric], *, timestamp_ms: int | None, seq: int | None, with_datatypes: bool = False
) -> bytes:
    """One payload. Births and wills tell datatypes, data do not repeat them."""
    payload = _payload_class()()
    if timestamp_ms is not None:
        payload.timestamp = timestamp_ms
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        _fill(payload.metrics.add(), metric, with_datatypes)
    return payload.SerializeToString()


def decode(raw: bytes) -> ReadPayload | None:
    """None when the bytes are no Sparkplug B payload."""
    payload = _payload_class()()
    try:
        payload.ParseFromString(raw)
    except DecodeError:
        return None
    return ReadPayload(
        payload.timestamp if payload.HasField("timestamp") else None,
        payload.seq if payload.HasField("seq") else None,
        tuple(map(_read, payload.metrics)),
    )


class _MetricMessage(Protocol):
    name: str
    timestamp: int
    datatype: int
    is_historical: bool
    is_null: bool
    int_value: int
    long_value: int
    float_value: float
    double_value: float
    boolean_value: bool
    string_value: str

    def HasField(self, field_name: str) -> bool: ...  # noqa: N802 - protobuf's own name

    def WhichOneof(self, oneof_group: str) -> str | None: ...  # noqa: N802


class _Metrics(Protocol):
    def __iter__(self) -> Iterator[_MetricMessage]: ...

    def add(self) -> _MetricMessage: ...


class _PayloadMessage(Protocol):
    timestamp: int
    seq: int

    @property
    def metrics(self) -> _Metrics: ...

    def HasField(self, field_name: str) -> bool: ...  # noqa: N802

    def SerializeToString(self) -> bytes: ...  # noqa: N802

    def ParseFromString(self, serialized: bytes) -> int: ...  # noqa: N802


_Field = descriptor_pb2.FieldDescriptorProto
_METRIC_FIELDS = (
    ("name", 1, _Field.TYPE_STRING),
    ("alias", 2, _Field.TYPE_UINT64),
    ("timestamp", 3, _Field.TYPE_UINT64),
    ("datatype", 4, _Field.TYPE_UINT32),
    ("is_historical", 5, _Field.TYPE_BOOL),
    ("is_transient", 6, _Field.TYPE_BOOL),
    ("is_null", 7, _Field.TYPE_BOOL),
)
_VALUE_FIELDS = (
    ("int_value", 10, _Field.TYPE_UINT32),
    ("long_value", 11, _Field.TYPE_UINT64),
    ("float_value", 12, _Field.TYPE_FLOAT),
    ("double_value", 13, _Field.TYPE_DOUBLE),
    ("boolean_value", 14, _Field.TYPE_BOOL),
    ("string_value", 15, _Field.TYPE_STRING),
    ("bytes_value", 16, _Field.TYPE_BYTES),
)


@cache
def _payload_class() -> type[_PayloadMessage]:
    """The message class, made once per process. Fields that are not in the tables are skipped when reading."""
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for name, number, kind in _METRIC_FIELDS:
        metric.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL)
    for name, number, kind in _VALUE_FIELDS:
        metric.field.add(name=name, number=number, type=kind, label=_Field.LABEL_OPTIONAL, oneof_index=0)
    payload.field.add(name="timestamp", number=1, type=_Field.TYPE_UINT64, label=_Field.LABEL_OPTIONAL)
    kind_name = f".{_PACKAGE}.Payload.Metric"
    payload.field.add(
        name="metrics", number=2, type=_Field.TYPE_MESSAGE, type_name=kind_name, label=_Field.LABEL_REPEATED
    )
    payload.field.add(name="seq", number=3, type=_Field.TYPE_UINT64, label=_Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
    return cast("type[_PayloadMessage]", found)


def _fill(message: _MetricMessage, metric: Metric, with_datatype: bool) -> None:
    message.name = metric.name
    if metric.timestamp_ms is not None:
        message.timestamp = metric.timestamp_ms
    if with_datatype:
        message.datatype = metric.datatype
    if metric.is_historical:
        message.is_historical = True
    if metric.value is None:
        message.is_null = True
        return
    match metric.datatype:
        case Datatype.boolean:
            message.boolean_value = bool(metric.value)
        case Datatype.string:
            message.string_value = str(metric.value)
        case Datatype.double:
            message.double_value = float(metric.value)
        case Datatype.int64 | Datatype.uint64 | Datatype.datetime:
            message.long_value = int(metric.value) % _UINT64_END


def _read(message: _MetricMessage) -> ReadMetric:
    datatype = message.datatype if message.HasField("datatype") else None
    timestamp = message.timestamp if message.HasField("timestamp") else None
    return ReadMetric(message.name, datatype, _value(message), timestamp, message.is_historical, message.is_null)


_READERS: Mapping[str, Callable[[_MetricMessage], Value]] = {
    "int_value": lambda message: message.int_value,
    "long_value": lambda message: _signed(message.long_value, message.datatype),
    "float_value": lambda message: message.float_value,
    "double_value": lambda message: message.double_value,
    "boolean_value": lambda message: message.boolean_value,
    "string_value": lambda message: message.string_value,
}


def _value(message: _MetricMessage) -> Value:
    """None also for kinds of value that we never use."""
    reader = _READERS.get(message.WhichOneof("value") or "")
    return None if reader is None else reader(message)


def _signed(number: int, datatype: int) -> int:
    return number - _UINT64_END if datatype == Datatype.int64 and number >= _INT64_END else number
