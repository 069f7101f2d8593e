"""Opens the MQTT channel of a run: from the station's files to connections that are kept up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from station.config import Config
from station.plan import Plan
from station.programme_sections import MqttSection
from station.reporting.lifetime import Lifetime
from station.reporting.line_now import About, LineWatcher, View
from station.reporting.mqtt.connection import Connection
from station.reporting.mqtt.plain import PlainTalker
from station.reporting.mqtt.row_sender import RowSender
from station.reporting.mqtt.settings import BrokerSettings, TlsFiles, TopicSettings
from station.reporting.mqtt.talk import Talker
from station.reporting.mqtt.together import Together
from station.reporting.outbox import Outbox
from station.reporting.sparkplug.birth_number import BirthNumber
from station.reporting.sparkplug.edge_node import EdgeNode, NodeAddress
from station.reporting.sparkplug.history import History
from station.reporting.sparkplug.line_figures import snapshot_of
from station.reporting.sparkplug.talker import SparkplugTalker
from station.reporting.standing import ChannelStanding

_BIRTH_NUMBER = "sparkplug-bdseq"


class _Spoken(NamedTuple):
    """A connection, and what its talker has to complain of."""

    name: str
    connection: Connection
    trouble: Callable[[], str | None]


class MqttChannel:
    """Sparkplug has a connection of its own, since its will is its death; rows and plain JSON share another."""

    def __init__(self, spoken: Sequence[_Spoken], watchers: Sequence[LineWatcher]) -> None:
        """Takes over the watchers."""
        self._spoken = tuple(spoken)
        self._watchers = tuple(watchers)

    def start(self) -> None:
        for each in self._spoken:
            each.connection.start()

    def close(self) -> None:
        """Last words, then the end; before the store closes."""
        for each in self._spoken:
            each.connection.close()
        for watcher in self._watchers:
            watcher.close()

    def standings(self) -> tuple[ChannelStanding, ...]:
        return tuple(map(_standing, self._spoken))


def open_mqtt(plan: Plan, section: MqttSection, records: Path, outbox: Outbox, view: View) -> MqttChannel:
    """Not started yet. ``records`` is the database, which exists; ``view`` is asked from other threads."""
    topics = TopicSettings(plan.config.file.programme.group, plan.config.file.station.id)
    broker = broker_settings(plan.config, section)
    watchers: list[LineWatcher] = []

    def watch() -> LineWatcher:
        watchers.append(LineWatcher(view, Lifetime(records, plan.config.recipe.rest_outlet)))
        return watchers[-1]

    spoken = []
    if section.sparkplug:
        sparkplug = _sparkplug(plan, section, topics, watch(), records.parent)
        connection = Connection(broker, f"{topics.station}-sparkplug", sparkplug, Random())
        spoken.append(_Spoken("MQTT Sparkplug", connection, lambda: sparkplug.sentence))
    talkers: list[Talker] = []
    sender = RowSender(topics, outbox) if section.rows else None
    if section.plain_json:
        talkers.append(PlainTalker(topics, about(plan), watch().look, section.tell_every_s))
    if sender is not None:
        talkers.append(sender)
    if talkers:
        connection = Connection(broker, f"{topics.station}-rows", Together(*talkers), Random())
        name = "MQTT rows" if sender is not None else "MQTT plain JSON"
        spoken.append(_Spoken(name, connection, lambda: None if sender is None else sender.trouble))
    return MqttChannel(spoken, watchers)


def broker_settings(config: Config, section: MqttSection) -> BrokerSettings:
    """From the section, with paths resolved."""

    def path(name: str | None) -> Path | None:
        return None if name is None else config.resolve(name)

    tls = TlsFiles(path(section.ca_file), path(section.certificate_file), path(section.key_file))
    return BrokerSettings(
        section.host,
        section.port,
        None if section.clear_text else tls,
        path(section.user_file),
        section.protocol == "mqtt-5",
        section.keep_alive_s,
    )


def about(plan: Plan) -> About:
    """What does not change during the run."""
    config = plan.config
    outlets = tuple(dict.fromkeys((*(bank.outlet for bank in config.file.banks), config.recipe.rest_outlet)))
    return About(
        station=config.file.station.id,
        name=config.file.station.name,
        is_simulated=plan.run.is_simulated,
        software=plan.run.software,
        model=plan.card.id,
        calibration=f"{config.calibration.made} {config.calibration.by}",
        labels=plan.card.labels,
        outlets=outlets,
        outputs=tuple(bank.first_output + lane for bank in config.file.banks for lane in range(bank.lanes)),
    )


def _sparkplug(
    plan: Plan, section: MqttSection, topics: TopicSettings, watcher: LineWatcher, folder: Path
) -> SparkplugTalker:
    address = NodeAddress(topics.group, section.node or topics.station)
    node = EdgeNode(address, section.primary_host, History(section.history))
    known = about(plan)
    return SparkplugTalker(
        node, BirthNumber(folder / _BIRTH_NUMBER), lambda: snapshot_of(known, watcher.look()), section.tell_every_s
    )


def _standing(spoken: _Spoken) -> ChannelStanding:
    found = spoken.connection.standing
    alarm = found.sentence if found.is_alarm else None
    return ChannelStanding(spoken.name, found.sentence, found.since_ms, spoken.trouble(), alarm, found.warning)
