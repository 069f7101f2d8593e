"""TLS towards a broker: the context, what its failures mean in plain words, and certificates that run out."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from station.reporting.clock import BUILT_NS
from station.reporting.mqtt.settings import TlsFiles

_WARN_DAYS = (1, 7, 30)
_BUILT = datetime.fromtimestamp(BUILT_NS / 1e9, UTC)
_NOT_YET_VALID = 9
_EXPIRED = 10
_WRONG_HOST = 62


class TlsFilesRefused(Exception):  # noqa: N818 - a fact
    """A certificate, key or CA file cannot be used; the text says which and why."""


class _TidySocket(ssl.SSLSocket):
    """Closes itself when there is no handshake; the MQTT library would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except (OSError, ValueError):
            self.close()
            raise


class Expiry(NamedTuple):
    """``days`` that the certificate is still valid, negative after its end; ``sentence`` is None while all is well."""

    days: float
    sentence: str | None


def open_context(files: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or newer, the host's name checked; raises TlsFilesRefused."""
    try:
        context = ssl.create_default_context(cafile=None if files.ca is None else str(files.ca))
    except (OSError, ssl.SSLError) as error:
        raise TlsFilesRefused(f"The CA file {files.ca} cannot be used ({_first(error)}).") from error
    context.sslsocket_class = _TidySocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            raise TlsFilesRefused(
                f"The certificate {files.certificate} with key {files.key} cannot be used ({_first(error)})."
            ) from error
    return context


def expiry_of(certificate: Path, now: datetime) -> Expiry:
    """How long our own certificate is valid; raises TlsFilesRefused when it cannot be read."""
    try:
        end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise TlsFilesRefused(f"The certificate {certificate} cannot be read ({_first(error)}).") from error
    days = (end - now).total_seconds() / 86_400
    if days < 0:
        return Expiry(days, f"This station's certificate ended on {end:%Y-%m-%d}. Put a new one in {certificate}.")
    limit = next((limit for limit in _WARN_DAYS if days <= limit), None)
    if limit is None:
        return Expiry(days, None)
    left = "less than a day" if limit == 1 else f"{int(days)} days"
    return Expiry(
        days, f"This station's certificate ends in {left}, on {end:%Y-%m-%d}: ask the programme for a new one."
    )


def in_plain_words(error: Exception, host: str, now: datetime) -> str:
    """Why a broker could not be reached, as one sentence; a wrong clock is named before certificates are blamed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, host, now)
    if isinstance(error, ssl.SSLError):
        return f"No secure connection to {host} ({error.reason or _first(error)}); nothing is sent in clear text."
    if isinstance(error, socket.gaierror):
        return f"The name {host} is not known here: check the address and the network."
    if isinstance(error, ConnectionRefusedError):
        return f"Nothing listens at {host}: is the broker running?"
    if isinstance(error, TimeoutError):
        return f"{host} does not answer: check the network."
    return f"No connection to {host} ({_first(error)})."


def _untrusted(error: ssl.SSLCertVerificationError, host: str, now: datetime) -> str:
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED) and now < _BUILT:
        return f"The clock of this computer says {now:%Y-%m-%d}, so no certificate can be checked: set the clock."
    if error.verify_code == _NOT_YET_VALID:
        return (
            f"The certificate of {host} is not valid yet: is the clock of this computer right ({now:%Y-%m-%d %H:%M})?"
        )
    if error.verify_code == _EXPIRED:
        return f"The certificate of {host} has run out: the broker needs a new one."
    if error.verify_code == _WRONG_HOST or "match" in error.verify_message.lower():
        return f"The broker's certificate is not one for {host}: check the address."
    return f"The certificate of {host} comes from an authority that is not trusted here ({error.verify_message})."


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
