"""The channels to the programme of a running station: opened together, closed before the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from station.plan import Plan
from station.reporting.line_now import View
from station.reporting.outbox import Outbox
from station.reporting.standing import ChannelStanding


class Channel(Protocol):
    """One way to the programme, with threads of its own."""

    def start(self) -> None: ...

    def close(self) -> None: ...

    def standings(self) -> tuple[ChannelStanding, ...]: ...


class Service:
    """Everything that sends."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = tuple(channels)

    def standings(self) -> tuple[ChannelStanding, ...]:
        """Of every channel; nothing where the station has none."""
        return tuple(standing for channel in self._channels for standing in channel.standings())

    @property
    def alarm(self) -> str | None:
        """What a person has to settle now, or None."""
        return next((standing.alarm for standing in self.standings() if standing.alarm), None)

    @property
    def warning(self) -> str | None:
        """What will need a person soon, or None."""
        return next((standing.warning for standing in self.standings() if standing.warning), None)


@contextmanager
def serving(plan: Plan, records: Path, outbox: Outbox, view: View) -> Iterator[Service]:
    """All channels of the station's file, while the run lasts. ``view`` is asked from other threads."""
    channels = tuple(_open(plan, records, outbox, view))
    try:
        for channel in channels:
            channel.start()
        yield Service(channels)
    finally:
        for channel in channels:
            channel.close()


def _open(plan: Plan, records: Path, outbox: Outbox, view: View) -> Iterator[Channel]:
    mqtt = plan.config.file.programme.mqtt
    if mqtt is not None:
        from station.reporting.mqtt.opening import open_mqtt

        yield open_mqtt(plan, mqtt, records, outbox, view)
    https = plan.config.file.programme.https
    if https is not None:
        from station.reporting.https_opening import https_settings, open_https

        yield open_https(https_settings(plan.config, https, is_simulated=plan.run.is_simulated), outbox)
