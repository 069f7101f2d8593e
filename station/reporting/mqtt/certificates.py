"""TLS towards a broker: the context, what its failures mean in plain words, and certificates that run out."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from station.marked import marked
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
        raise TlsFilesRefused(
            marked("The CA file {ca} cannot be used ({first}).").format(ca=files.ca, first=_first(error))
        ) from error
    context.sslsocket_class = _TidySocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except (OSError, ssl.SSLError) as error:
            raise TlsFilesRefused(
                marked("The certificate {certificate} with key {key} cannot be used ({first}).").format(
                    certificate=files.certificate, key=files.key, first=_first(error)
                )
            ) from error
    return context


def expiry_of(certificate: Path, now: datetime) -> Expiry:
    """How long our own certificate is valid; raises TlsFilesRefused when it cannot be read."""
    try:
        end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise TlsFilesRefused(
            marked("The certificate {certificate} cannot be read ({first}).").format(
                certificate=certificate, first=_first(error)
            )
        ) from error
    days = (end - now).total_seconds() / 86_400
    if days < 0:
        return Expiry(
            days,
            marked("This station's certificate ended on {end}. Put a new one in {certificate}.").format(
                end=f"{end:%Y-%m-%d}", certificate=certificate
            ),
        )
    limit = next((limit for limit in _WARN_DAYS if days <= limit), None)
    if limit is None:
        return Expiry(days, None)
    left = marked("less than a day") if limit == 1 else marked("{n} days").format(n=int(days))
    return Expiry(
        days,
        marked("This station's certificate ends in {left}, on {end}: ask the programme for a new one.").format(
            left=left, end=f"{end:%Y-%m-%d}"
        ),
    )


def in_plain_words(error: Exception, host: str, now: datetime) -> str:
    """Why a broker could not be reached, as one sentence; a wrong clock is named before certificates are blamed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, host, now)
    if isinstance(error, ssl.SSLError):
        return marked("No secure connection to {host} ({reason}); nothing is sent in clear text.").format(
            host=host, reason=error.reason or _first(error)
        )
    if isinstance(error, socket.gaierror):
        return marked("The name {host} is not known here: check the address and the network.").format(host=host)
    if isinstance(error, ConnectionRefusedError):
        return marked("Nothing listens at {host}: is the broker running?").format(host=host)
    if isinstance(error, TimeoutError):
        return marked("{host} does not answer: check the network.").format(host=host)
    return marked("No connection to {host} ({first}).").format(host=host, first=_first(error))


def _untrusted(error: ssl.SSLCertVerificationError, host: str, now: datetime) -> str:
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED) and now < _BUILT:
        return marked("The clock of this computer says {now}, so no certificate can be checked: set the clock.").format(
            now=f"{now:%Y-%m-%d}"
        )
    if error.verify_code == _NOT_YET_VALID:
        return marked(
            "The certificate of {host} is not valid yet: is the clock of this computer right ({now})?"
        ).format(host=host, now=f"{now:%Y-%m-%d %H:%M}")
    if error.verify_code == _EXPIRED:
        return marked("The certificate of {host} has run out: the broker needs a new one.").format(host=host)
    if error.verify_code == _WRONG_HOST or "match" in error.verify_message.lower():
        return marked("The broker's certificate is not one for {host}: check the address.").format(host=host)
    return marked(
        "The certificate of {host} comes from an authority that is not trusted here ({verify_message})."
    ).format(host=host, verify_message=error.verify_message)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
