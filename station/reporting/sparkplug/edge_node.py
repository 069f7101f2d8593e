"""The edge node: what has to be published when, as Sparkplug B 3.0 asks, with no clock and no socket inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from station.marked import marked
from station.reporting.mqtt.talk import Heard, Leave, Publish, Saying, Subscribe
from station.reporting.sparkplug.history import History
from station.reporting.sparkplug.host_state import HostState
from station.reporting.sparkplug.payload import Datatype, Metric, Value, decode, encode

REBIRTH = "Node Control/Rebirth"
BIRTH_NUMBER = "bdSeq"
_NAMESPACE = "spBv1.0"
_SEQ_NUMBERS = 256
_LARGEST_COMMAND_BYTES = 1 << 16


class Figure(NamedTuple):
    """``value`` None: not known now."""

    datatype: Datatype
    value: Value


Figures = Mapping[str, Figure]


class Snapshot(NamedTuple):
    """Everything that can be told at one moment. A device that is not among ``devices`` is not there."""

    node: Figures
    devices: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Ids of a group and of the node in it: not empty, without ``+``, ``/`` and ``#``. Raises ValueError."""

    group: str
    node: str

    def __post_init__(self) -> None:
        for name in (self.group, self.node):
            check_id(name)

    def topic(self, kind: str, device: str | None = None) -> str:
        """``kind`` as the specification names it, for a device with D instead of N."""
        whole = f"{_NAMESPACE}/{self.group}/{'N' if device is None else 'D'}{kind}/{self.node}"
        return whole if device is None else f"{whole}/{device}"


def check_id(name: str) -> None:
    """Raises ValueError when this cannot be one level of a topic."""
    if not name or any(letter in name for letter in "+/#\0"):
        raise ValueError(f"{name!r} cannot be an id: it must not be empty or hold + / #")


class EdgeNode:
    """Feed it what happens; it answers with what has to be said, in order.

    Until there is a birth (no connection, or no primary host), changes go into ``history``.
    """

    def __init__(self, address: NodeAddress, primary_host: str | None, history: History) -> None:
        self._address = address
        self._host = None if primary_host is None else HostState(primary_host)
        self._history = history
        self._known: dict[str | None, dict[str, Metric]] = {None: {}}
        self._here: set[str] = set()
        self._alive: set[str] = set()
        self._is_connected = False
        self._is_observed = False
        self._seq: int | None = None
        self._birth_number = 0

    @property
    def is_born(self) -> bool:
        return self._seq is not None

    @property
    def waits_for(self) -> str | None:
        """The primary host that has to come online before there can be a birth."""
        return None if self._host is None or self._host.is_online else self._host.name

    @property
    def backlog(self) -> int:
        return len(self._history)

    def will(self, birth_number: int) -> Publish:
        """The will of the connection to come, whose births carry the same number."""
        self._birth_number = birth_number
        return self._death()

    def connected(self, now_ms: int) -> list[Saying]:
        self._is_connected = True
        commands = self._address.topic("CMD")
        topics = (commands,) if self._host is None else (commands, self._host.topic)
        return [Subscribe(topics), *self._try_birth(now_ms)]

    def lost(self) -> None:
        self._is_connected = False
        self._seq = None
        self._alive.clear()
        if self._host is not None:
            self._host.forget()

    def heard(self, message: Heard, now_ms: int) -> list[Saying]:
        """A command, or a word of the primary host; everything else and everything garbled is passed over."""
        if len(message.payload) > _LARGEST_COMMAND_BYTES:
            return []
        if self._host is not None and message.topic == self._host.topic:
            return self._hear_host(self._host, message.payload, now_ms)
        if message.topic == self._address.topic("CMD") and self.is_born and _asks_for_rebirth(message.payload):
            return list(self._births(now_ms))
        return []

    def observe(self, snapshot: Snapshot, at_ms: int) -> list[Saying]:
        """What is so at ``at_ms``, UTC milliseconds."""
        figures: dict[str | None, Figures] = {None: snapshot.node}
        figures.update(snapshot.devices.items())
        changes = {who: self._changes(who, figures[who], at_ms) for who in figures}
        fresh = {who for who, changed in changes.items() if self._learn(who, changed)}
        self._here = set(snapshot.devices)
        self._is_observed = True
        if self.is_born:
            return list(self._tell(changes, fresh, at_ms))
        if self._is_connected and self.waits_for is None:
            return list(self._births(at_ms))
        for who, changed in changes.items():
            if changed:
                self._history.keep(who, changed)
        return []

    def tell_past(self, now_ms: int, most: int) -> list[Saying]:
        """The oldest entries of the history, ``most`` of each device that is there."""
        if not self.is_born:
            return []
        return [
            self._data(who, [metric._replace(is_historical=True) for metric in past.metrics.values()], now_ms)
            for who in (None, *sorted(self._alive))
            for past in self._history.take(who, most)
        ]

    def leave(self) -> list[Saying]:
        """A planned stop: the death is told before the connection ends."""
        if not self.is_born:
            return []
        self._seq = None
        return [self._death()]

    def _hear_host(self, host: HostState, payload: bytes, now_ms: int) -> list[Saying]:
        was_online = host.is_online
        host.hear(payload)
        if host.is_online and not self.is_born:
            return self._try_birth(now_ms)
        if was_online and not host.is_online and self.is_born:
            return [*self.leave(), Leave(marked("the primary host {host} is offline").format(host=host.name))]
        return []

    def _try_birth(self, now_ms: int) -> list[Saying]:
        may = self._is_connected and self._is_observed and self.waits_for is None
        return list(self._births(now_ms)) if may else []

    def _births(self, now_ms: int) -> Iterator[Saying]:
        """Node and all devices; numbers begin again at 0."""
        self._seq = -1
        own = (
            Metric(BIRTH_NUMBER, Datatype.int64, self._birth_number, now_ms),
            Metric(REBIRTH, Datatype.boolean, False, now_ms),
        )
        yield self._birth(None, own, now_ms)
        self._alive.clear()
        for device in sorted(self._here):
            yield self._device_birth(device, now_ms)

    def _device_birth(self, device: str, now_ms: int) -> Publish:
        self._alive.add(device)
        return self._birth(device, (), now_ms)

    def _tell(
        self, changes: Mapping[str | None, Mapping[str, Metric]], fresh: set[str | None], at_ms: int
    ) -> Iterator[Saying]:
        """Changes while born; a metric that no birth has told yet asks for another birth."""
        if None in fresh:
            yield from self._deaths(at_ms)
            yield from self._births(at_ms)
            return
        if changes[None]:
            yield self._data(None, list(changes[None].values()), at_ms)
        yield from self._deaths(at_ms)
        for device in sorted(self._here):
            if device not in self._alive or device in fresh:
                yield self._device_birth(device, at_ms)
            elif changes[device]:
                yield self._data(device, list(changes[device].values()), at_ms)

    def _deaths(self, at_ms: int) -> Iterator[Saying]:
        for device in sorted(self._alive - self._here):
            self._alive.remove(device)
            yield Publish(self._address.topic("DEATH", device), encode((), timestamp_ms=at_ms, seq=self._next_seq()))

    def _changes(self, who: str | None, figures: Figures, at_ms: int) -> dict[str, Metric]:
        """What is new or has changed; what is no longer told becomes unknown."""
        known = self._known.get(who, {})
        gone = {name: Figure(metric.datatype, None) for name, metric in known.items() if name not in figures}
        return {
            name: Metric(name, figure.datatype, figure.value, at_ms)
            for name, figure in {**figures, **gone}.items()
            if name not in known or (known[name].datatype, known[name].value) != figure
        }

    def _learn(self, who: str | None, changed: Mapping[str, Metric]) -> bool:
        """True when there is a metric, or a datatype of one, that no birth can have told yet."""
        known = self._known.setdefault(who, {})
        is_fresh = any(name not in known or known[name].datatype != metric.datatype for name, metric in changed.items())
        known.update(changed)
        return is_fresh

    def _birth(self, who: str | None, own: tuple[Metric, ...], now_ms: int) -> Publish:
        metrics = (*own, *self._known[who].values())
        raw = encode(metrics, timestamp_ms=now_ms, seq=self._next_seq(), with_datatypes=True)
        return Publish(self._address.topic("BIRTH", who), raw)

    def _data(self, who: str | None, metrics: list[Metric], now_ms: int) -> Publish:
        return Publish(self._address.topic("DATA", who), encode(metrics, timestamp_ms=now_ms, seq=self._next_seq()))

    def _death(self) -> Publish:
        number = Metric(BIRTH_NUMBER, Datatype.int64, self._birth_number, None)
        raw = encode((number,), timestamp_ms=None, seq=None, with_datatypes=True)
        return Publish(self._address.topic("DEATH"), raw, qos=1)

    def _next_seq(self) -> int:
        self._seq = 0 if self._seq is None else (self._seq + 1) % _SEQ_NUMBERS
        return self._seq


def _asks_for_rebirth(payload: bytes) -> bool:
    told = decode(payload)
    return told is not None and any(metric.name == REBIRTH and metric.value is True for metric in told.metrics)
