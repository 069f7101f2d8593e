"""Sections of a station file about the programme: which group this station reports to, and over which channels."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from station.marked import marked
from station.section import Section

_ID = r"^[^+/#\x00-\x1f]{1,60}$"


class MqttSection(Section):
    """A broker: Sparkplug B 3.0 messages, plain JSON topics, and report rows with their acknowledgements."""

    host: str = Field(min_length=1, max_length=253, description="address of the broker, as its certificate says it")
    port: int = Field(8883, ge=1, le=65535, description="TCP port of the broker")
    protocol: Literal["mqtt-5", "mqtt-3.1.1"] = Field("mqtt-5", description="what the broker speaks")
    clear_text: bool = Field(False, description="true: without TLS, which is for a closed network only")
    ca_file: str | None = Field(None, description="PEM of the broker's CA; those of the operating system if left out")
    certificate_file: str | None = Field(None, description="PEM certificate of this station, with key_file")
    key_file: str | None = Field(None, description="PEM key of that certificate")
    user_file: str | None = Field(None, description="file with user name and password, two lines")
    keep_alive_s: int = Field(30, ge=5, le=3600, description="a silence of one and a half of this is a loss")
    rows: bool = Field(True, description="send report rows and wait for the programme's acknowledgements")
    sparkplug: bool = Field(True, description="tell the live line in Sparkplug B 3.0 messages")
    plain_json: bool = Field(True, description="tell state and counters as plain JSON, too")
    node: str | None = Field(None, pattern=_ID, description="Sparkplug id of this edge node; station.id if left out")
    primary_host: str | None = Field(
        None, pattern=_ID, description="Sparkplug host to wait for before telling anything"
    )
    tell_every_s: float = Field(5.0, ge=0.2, le=3600, description="how often live figures are told when they change")
    history: int = Field(2000, ge=10, le=100_000, description="most changes kept while nobody can be told")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError(marked("certificate_file and key_file go together: give both or none"))
        if self.clear_text and (self.ca_file or self.certificate_file):
            raise ValueError(marked("clear_text and certificates exclude each other: set clear_text to false"))
        return self


class HttpsSection(Section):
    """The programme's receiver over HTTPS: report rows in batches, with its acknowledgements."""

    url: str = Field(pattern=r"^https?://[^/@\s]+/?$", max_length=200, description="address of the receiver, no path")
    token_file: str | None = Field(None, description="file that holds this station's token, one line")
    ca_file: str | None = Field(None, description="PEM of the receiver's CA; those of the operating system if left out")
    certificate_file: str | None = Field(None, description="PEM certificate of this station, with key_file")
    key_file: str | None = Field(None, description="PEM key of that certificate")
    rows_at_once: int = Field(50, ge=1, le=500, description="most rows in one request")
    timeout_s: float = Field(30.0, ge=2, le=300, description="longest silence of the receiver within a request")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError(marked("certificate_file and key_file go together: give both or none"))
        if self.token_file is None and self.certificate_file is None:
            raise ValueError(marked("token_file or certificate_file is missing: the programme has to know who sends"))
        return self


class ProgrammeSection(Section):
    """Where reports go; without a channel they wait in the outbox."""

    group: str = Field(
        "recycling", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", description="group within the programme"
    )
    mqtt: MqttSection | None = None
    https: HttpsSection | None = None
