"""Short words for tests of the edge node: what was said, by topic and as decoded payloads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from station.reporting.mqtt.talk import Heard, Publish, Saying
from station.reporting.sparkplug.edge_node import EdgeNode, Figure, NodeAddress, Snapshot
from station.reporting.sparkplug.history import History
from station.reporting.sparkplug.payload import Datatype, Metric, ReadMetric, decode, encode

ADDRESS = NodeAddress("yard", "line-1")
HOST = "programme"
T0 = 1_790_000_000_000


class Said(NamedTuple):
    """``kind`` is the type in the topic; ``metrics`` are by name."""

    kind: str
    device: str | None
    seq: int | None
    timestamp_ms: int | None
    metrics: Mapping[str, ReadMetric]
    message: Publish


def said(sayings: Iterable[Saying]) -> list[Said]:
    """Everything published, in order."""
    return [read(saying) for saying in sayings if isinstance(saying, Publish)]


def read(message: Publish) -> Said:
    parts = message.topic.split("/")
    payload = decode(message.payload)
    assert payload is not None
    metrics = {metric.name: metric for metric in payload.metrics}
    assert len(metrics) == len(payload.metrics), "a metric stands there twice"
    device = parts[4] if len(parts) == 5 else None
    return Said(parts[2], device, payload.seq, payload.timestamp_ms, metrics, message)


def snapshot(pieces: int = 0, speed: float = 1.5, device: bool = True, **more: int) -> Snapshot:
    figures = {
        "Pieces": Figure(Datatype.uint64, pieces),
        "Speed": Figure(Datatype.double, speed),
        **{name: Figure(Datatype.uint64, value) for name, value in more.items()},
    }
    return Snapshot({"Software": Figure(Datatype.string, "1.0")}, {"line": figures} if device else {})


def node(host: str | None = None, most: int = 100) -> EdgeNode:
    return EdgeNode(ADDRESS, host, History(most))


def born(pieces: int = 0) -> EdgeNode:
    """Connected, with number 7, and born at T0."""
    found = node()
    found.will(7)
    found.connected(T0)
    found.observe(snapshot(pieces), T0)
    assert found.is_born
    return found


def rebirth(value: bool = True) -> Heard:
    raw = encode((Metric("Node Control/Rebirth", Datatype.boolean, value, T0),), timestamp_ms=T0, seq=None)
    return Heard(ADDRESS.topic("CMD"), raw, retained=False)


def state(online: bool, timestamp: int) -> Heard:
    raw = json.dumps({"online": online, "timestamp": timestamp}).encode()
    return Heard(f"spBv1.0/STATE/{HOST}", raw, retained=True)
