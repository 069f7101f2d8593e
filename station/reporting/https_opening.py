"""Opens the HTTPS channel of a run: from the station's file to a sender in its own thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from station.config import Config
from station.programme_sections import HttpsSection
from station.reporting.clock import Clock, is_synchronised
from station.reporting.https_line import Now
from station.reporting.https_sender import HttpsSender, HttpsStanding
from station.reporting.https_settings import HttpsRefused, HttpsSettings
from station.reporting.mqtt.settings import TlsFiles
from station.reporting.outbox import Outbox
from station.reporting.standing import ChannelStanding

_NAME = "HTTPS rows"


class HttpsChannel:
    """One sender."""

    def __init__(self, sender: HttpsSender) -> None:
        self._sender = sender

    def start(self) -> None:
        self._sender.start()

    def close(self) -> None:
        self._sender.close()

    def standings(self) -> tuple[ChannelStanding, ...]:
        return (_standing(self._sender.standing),)


class RefusedChannel:
    """Settings that allow nothing safe: nothing is sent, and the page says why."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def start(self) -> None:
        return

    def close(self) -> None:
        return

    def standings(self) -> tuple[ChannelStanding, ...]:
        return (ChannelStanding(_NAME, self._sentence, None, alarm=self._sentence),)


def open_https(settings: HttpsSettings, outbox: Outbox) -> HttpsChannel | RefusedChannel:
    """Not started yet."""
    try:
        return HttpsChannel(HttpsSender(settings, outbox, Random(), doubting_clock()))
    except HttpsRefused as refused:
        return RefusedChannel(str(refused))


def https_settings(config: Config, section: HttpsSection, *, is_simulated: bool) -> HttpsSettings:
    """From the section, with paths resolved."""

    def path(name: str | None) -> Path | None:
        return None if name is None else config.resolve(name)

    return HttpsSettings(
        url=section.url,
        station=config.file.station.id,
        is_simulated=is_simulated,
        token_file=path(section.token_file),
        tls=TlsFiles(path(section.ca_file), path(section.certificate_file), path(section.key_file)),
        most_rows=section.rows_at_once,
        timeout_s=section.timeout_s,
    )


def doubting_clock() -> Callable[[], Now]:
    """Now, with what is to be made of the wall clock."""
    clock = Clock()

    def now() -> Now:
        mono_ns, wall_ns = time.monotonic_ns(), time.time_ns()  # noqa: TID251 - the process loop of the sender
        state = clock.read(mono_ns, wall_ns, is_synchronised()).state
        return Now(datetime.fromtimestamp(wall_ns / 1e9, UTC), mono_ns / 1e9, state)

    return now


def _standing(found: HttpsStanding) -> ChannelStanding:
    alarm = found.sentence if found.is_alarm else None
    trouble = found.sentence if found.since_ms is None and not found.is_alarm else None
    return ChannelStanding(_NAME, found.sentence, found.since_ms, trouble, alarm, found.warning)
