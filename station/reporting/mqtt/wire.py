"""One MQTT connection from CONNECT to its end, over paho-mqtt; the only module that knows it."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from paho.mqtt import MQTTException
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from station.marked import marked
from station.reporting.mqtt.certificates import open_context
from station.reporting.mqtt.settings import BrokerSettings
from station.reporting.mqtt.talk import Heard, Publish, Subscribe

_CONNECT_S = 10.0
_LARGEST_PACKET_BYTES = 1 << 20
_GARBLED = (MQTTException, LookupError, OSError, TypeError, ValueError, struct.error)
_REFUSALS = frozenset(
    {"Bad user name or password", "Not authorized", "Banned", "Administrative action", "Session taken over"}
)


class UserFileUnread(Exception):  # noqa: N818 - a fact
    """The file with name and password cannot be used; the text never holds what is in it."""


class Taken(NamedTuple):
    """The broker has taken the connection."""


class Refused(NamedTuple):
    """The broker does not let us do ``what``; asking again at once will not help."""

    what: str
    reason: str


class Lost(NamedTuple):
    reason: str


Event = Taken | Refused | Lost | Heard


class Wire:
    """Everything happens inside ``open``, ``pump``, ``say`` and ``close``, in the thread that calls them."""

    def __init__(self, settings: BrokerSettings, client_id: str, will: Publish | None) -> None:
        """Raises UserFileUnread or TlsFilesRefused."""
        self._settings = settings
        self._events: deque[Event] = deque()
        self._unsaid: dict[int, str] = {}
        self._asked: dict[int, tuple[str, ...]] = {}
        self._is_lost = False
        mqtt5 = settings.is_mqtt5
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if mqtt5 else True,
            protocol=MQTTv5 if mqtt5 else MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = _CONNECT_S
        if settings.user_file is not None:
            self._client.username_pw_set(*_read_user(settings))
        if settings.tls is not None:
            self._client.tls_set_context(open_context(settings.tls))
        if will is not None:
            self._client.will_set(will.topic, will.payload, will.qos, will.retain)
        self._listen()

    def open(self) -> None:
        """TCP, TLS and CONNECT with a clean session; raises OSError (ssl.SSLError among them)."""
        settings = self._settings
        if not settings.is_mqtt5:
            self._client.connect(settings.host, settings.port, settings.keep_alive_s)
            return
        make: Callable[[int], Properties] = Properties  # paho leaves its constructor untyped
        properties = make(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = _LARGEST_PACKET_BYTES
        self._client.connect(
            settings.host, settings.port, settings.keep_alive_s, clean_start=True, properties=properties
        )

    def pump(self, wait_s: float) -> list[Event]:
        """Send and receive for at most ``wait_s``; what has happened since the last call. Lost is the last event."""
        if not self._is_lost:
            try:
                code = self._client.loop(wait_s)
            except _GARBLED:
                self._lose("what came was not MQTT")
            else:
                if code is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self._lose("the connection broke")
        events, self._events = list(self._events), deque()
        return events

    def say(self, saying: Publish | Subscribe) -> None:
        if isinstance(saying, Subscribe):
            number = self._client.subscribe([(topic, 1) for topic in saying.topics])[1]
            if number is not None:
                self._asked[number] = saying.topics
            return
        sent = self._client.publish(saying.topic, saying.payload, saying.qos, saying.retain)
        if saying.qos:
            self._unsaid[sent.mid] = saying.topic

    @property
    def has_unsaid(self) -> bool:
        """True while the broker has not confirmed everything that was said at QoS 1."""
        return bool(self._unsaid)

    def close(self) -> None:
        """DISCONNECT: the broker forgets the will. A connection that was lost is cut, so that it does not."""
        if not self._is_lost:
            self._client.disconnect()
            self.pump(0.0)
            return
        socket = self._client.socket()
        if socket is not None:
            socket.close()

    def _listen(self) -> None:
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish

    def _on_connect(
        self, _client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        if not code.is_failure:
            self._events.append(Taken())
        elif code.getName() in _REFUSALS:
            self._events.append(Refused("connect", code.getName()))
        else:
            self._lose(f"the broker answered: {code.getName()}")

    def _on_disconnect(
        self, _client: Client, _userdata: object, flags: DisconnectFlags, code: ReasonCode, _p: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server and code.getName() in _REFUSALS:
            self._events.append(Refused("stay connected", code.getName()))
        self._lose("the broker ended the connection")

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._events.append(Heard(message.topic, bytes(message.payload), message.retain))

    def _on_subscribe(
        self, _client: Client, _userdata: object, mid: int, codes: list[ReasonCode], _p: Properties | None
    ) -> None:
        asked = self._asked.pop(mid, ())
        for topic, code in zip(asked, codes, strict=False):
            if code.is_failure:
                self._events.append(Refused(f"hear {topic}", code.getName()))

    def _on_publish(
        self, _client: Client, _userdata: object, mid: int, code: ReasonCode, _p: Properties | None
    ) -> None:
        topic = self._unsaid.pop(mid, "")
        if code.is_failure:
            self._events.append(Refused(f"publish {topic}", code.getName()))

    def _lose(self, reason: str) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._events.append(Lost(reason))


def _read_user(settings: BrokerSettings) -> tuple[str, str]:
    try:
        lines = settings.user_file.read_text().splitlines() if settings.user_file else []
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UserFileUnread(
            marked("The file {user_file} with user and password cannot be read: {why}.").format(
                user_file=settings.user_file, why=why
            )
        ) from None
    if len(lines) < 2 or not lines[0]:
        raise UserFileUnread(
            marked("The file {user_file} needs two lines: the user's name and the password.").format(
                user_file=settings.user_file
            )
        )
    return lines[0], lines[1]
