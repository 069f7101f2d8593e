"""What a station has to know to talk to a broker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. ``ca`` None: the authorities of the operating system. Certificate and key go together."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """``tls`` None is clear text, which somebody has to ask for; there is no fall-back to it.

    ``user_file`` holds the user's name and password on two lines. ``is_mqtt5`` False speaks MQTT 3.1.1.
    """

    host: str
    port: int
    tls: TlsFiles | None
    user_file: Path | None = None
    is_mqtt5: bool = True
    keep_alive_s: int = 30
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """Ids of topics: ``group`` is the programme's, ``station`` ours."""

    group: str
    station: str

    @property
    def rows(self) -> str:
        return f"scrap/{self.group}/{self.station}/rows"

    @property
    def acknowledgements(self) -> str:
        return f"scrap/{self.group}/{self.station}/ack"

    def plain(self, name: str) -> str:
        """``name``: online, state or counters."""
        return f"scrap/{self.group}/{self.station}/{name}"
