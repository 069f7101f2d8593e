"""A real broker (mosquitto) with a configuration of its own in a folder of the test, and a plain client to look on."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from station.reporting.mqtt.settings import BrokerSettings, TlsFiles
from station.reporting.mqtt.talk import Heard
from tests.station.ports import free_port

MOSQUITTO = "/usr/sbin/mosquitto"


class Broker:
    """``more`` are further lines of its configuration. It keeps its port over restarts."""

    def __init__(self, folder: Path, more: str = "allow_anonymous true") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / "log.txt"
        self._file = folder / "mosquitto.conf"
        self._file.write_text(f"user root\nlistener {self.port} 127.0.0.1\npersistence false\nlog_type all\n{more}\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stdout=log, stderr=log)
        eventually(self._answers, "the broker listens")

    def kill(self) -> None:
        """As a power cut would end it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Read the lists of users and rights anew."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def settings(
        self, *, tls: TlsFiles | None = None, user_file: Path | None = None, mqtt5: bool = True
    ) -> BrokerSettings:
        return BrokerSettings("localhost", self.port, tls, user_file, mqtt5, first_wait_s=0.05, longest_wait_s=0.2)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGKILL)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


class Onlooker:
    """Somebody else on the broker, with a library's ordinary client: hears ``topics`` and can publish."""

    def __init__(self, broker: Broker, *topics: str) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, "", protocol=MQTTv5)
        self._lock = threading.Lock()
        self._heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client.on_message = self._take
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._subscribed.wait(10)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(10)

    def heard(self) -> list[Heard]:
        with self._lock:
            return list(self._heard)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        with self._lock:
            self._heard.append(Heard(message.topic, bytes(message.payload), message.retain))


@contextmanager
def onlooker(broker: Broker, *topics: str) -> Iterator[Onlooker]:
    found = Onlooker(broker, *topics)
    try:
        yield found
    finally:
        found.close()


def eventually(holds: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    until_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until_s, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)
