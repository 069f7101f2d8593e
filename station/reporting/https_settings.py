"""What a station has to know to send its rows over HTTPS; nothing here ever falls back to clear text."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from station.reporting.mqtt.settings import TlsFiles
from station.reporting.pace import ROWS_AT_ONCE, ROWS_PER_S

_PATH = "/v1/intervals"


class HttpsRefused(Exception):  # noqa: N818 - a fact
    """The settings cannot be used; the text says why and what to do. It never holds a secret."""


@dataclass(frozen=True, slots=True)
class HttpsSettings:
    """``url`` is the receiver's address without path. A token file or a certificate says who we are, or both.

    ``tls.ca`` None: the authorities of the operating system. ``poll_s`` is how often new rows are looked for,
    ``rows_per_s`` the pace of a backlog.
    """

    url: str
    station: str
    is_simulated: bool
    token_file: Path | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)
    most_rows: int = ROWS_AT_ONCE
    most_bytes: int = 512 * 1024
    timeout_s: float = 30.0
    rows_per_s: float = ROWS_PER_S
    poll_s: float = 5.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def target(self) -> str:
        return self.url.rstrip("/") + _PATH

    @property
    def is_clear_text(self) -> bool:
        return urlsplit(self.url).scheme != "https"


def check_https(settings: HttpsSettings) -> None:
    """Raises HttpsRefused when rows could travel unprotected, or nothing says who we are."""
    try:
        scheme, host = urlsplit(settings.url).scheme, settings.host
    except ValueError as error:
        raise HttpsRefused(f"{settings.url!r} is no address: https://HOST[:PORT].") from error
    if scheme not in {"http", "https"} or not host:
        raise HttpsRefused(f"{settings.url!r} is no address: https://HOST[:PORT].")
    if urlsplit(settings.url).username is not None:
        raise HttpsRefused("The address may not hold a password; put the token into a file.")
    if scheme == "http" and not (_is_loopback(host) and settings.is_simulated):
        raise HttpsRefused(
            f"{settings.url} is clear text: use https://. Only a simulated line may report so, to its own computer."
        )
    if (settings.tls.certificate is None) != (settings.tls.key is None):
        raise HttpsRefused("A client certificate and its key go together.")
    if settings.token_file is None and settings.tls.certificate is None:
        raise HttpsRefused("Name a token file or a client certificate: the programme has to know who sends.")


def read_token(path: Path) -> str:
    """Read at every try, so that a new token needs no restart. Raises HttpsRefused, never telling what is inside."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise HttpsRefused(f"The token file {path} cannot be read ({reason}).") from error
    if not token or not token.isprintable() or " " in token:
        raise HttpsRefused(f"The token file {path} has to hold the token alone, on one line.")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
