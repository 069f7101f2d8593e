"""What a receiver's answer means. Only a whole acknowledgement in our own words ever counts as one."""

from __future__ import annotations

import json
import math
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

from station.marked import marked
from station.reporting.clock import explain_tls
from station.reporting.context import ClockState

_ACK_SCHEMA = "ack/1"
_LONGEST_WAIT_S = 3600.0
_LONGEST_SAID = 300
_NOT_YET_VALID = 9
_EXPIRED = 10
_WRONG_HOST = 62
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_TOO_LARGE = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT})
_ASKS_TO_WAIT = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_NOT_UNDERSTOOD = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY}
)


class RowRefusal(NamedTuple):
    """``code`` schema: the row is at fault; any other code needs people. ``sequence`` None: it could not be told."""

    sequence: int | None
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Acked:
    """The receiver's acknowledgement, checked against what was sent."""

    through: int
    through_hash: str | None
    waiting: int
    missing: tuple[tuple[int, int], ...]
    refused: tuple[RowRefusal, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """We are not let in: a person has to act."""

    sentence: str


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Worth another try with fewer rows; ``is_ours``: the receiver itself said so, not a proxy."""

    sentence: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """The receiver itself says that the batch as a whole is none."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. ``wait_s`` is what the other side asked for, None where it did not."""

    sentence: str
    wait_s: float | None = None


Answer = Acked | Denied | TooLarge | NotUnderstood | Later


class Sent(NamedTuple):
    """What the answer has to speak of."""

    station: str
    epoch: str
    rows: int


def judge(status: int, headers: Mapping[str, str], body: bytes, sent: Sent, now: datetime) -> Answer:
    """The meaning of an HTTP answer; anything that is not surely ours means that nothing was acknowledged."""
    told = _object(headers, body)
    said = str(told["refusal"])[:_LONGEST_SAID] if isinstance(told.get("refusal"), str) else None
    if status == HTTPStatus.OK:
        acked = _acked(told, sent)
        return acked or Later(
            marked("Something answers in the programme's place (a log-in page of the network, a proxy?).")
        )
    if status in _DENIED:
        return Denied(
            marked("The programme does not let this station in ({said}): ask it for a new token.").format(
                said=said or status
            )
        )
    if status in _TOO_LARGE:
        return TooLarge(
            said or marked("Somebody on the way finds the batch too large ({status}).").format(status=status),
            said is not None,
        )
    if status in _NOT_UNDERSTOOD and said is not None:
        return NotUnderstood(f"The programme does not understand what was sent: {said}")
    return Later(_why_later(status, said), _retry_after_s(headers.get("retry-after", ""), now))


def _why_later(status: int, said: str | None) -> str:
    if status in _ASKS_TO_WAIT:
        return marked("The programme asks to wait ({said}).").format(said=said or status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return marked(
            "The address leads elsewhere ({status}); rows are not sent there. Does the network ask to log in?"
        ).format(status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return marked("The programme has a fault of its own ({status}).").format(status=status)
    return marked("What answers is not the programme's receiver ({status}): check the address.").format(status=status)


def why_unreachable(error: BaseException, host: str, clock: ClockState, now: datetime) -> str:
    """A failed connection in one sentence; a wrong clock is named before certificates are blamed."""
    found = _cause(error)
    if isinstance(found, ssl.SSLCertVerificationError):
        return _untrusted(found, host, clock, now)
    if isinstance(found, ssl.SSLError):
        return marked("No secure connection to {host} ({reason}); nothing is sent in clear text.").format(
            host=host, reason=found.reason or "TLS"
        )
    if isinstance(found, socket.gaierror):
        return marked("The name {host} is not known here: check the address and the network.").format(host=host)
    if isinstance(found, ConnectionRefusedError):
        return marked("Nothing listens at {host}.").format(host=host)
    return marked("{host} cannot be reached or broke off ({name}): check the network.").format(
        host=host, name=type(error).__name__
    )


def _untrusted(error: ssl.SSLCertVerificationError, host: str, clock: ClockState, now: datetime) -> str:
    if error.verify_code in {_NOT_YET_VALID, _EXPIRED}:
        if clock is not ClockState.good or error.verify_code == _NOT_YET_VALID:
            return explain_tls(error.verify_message, clock, f"{now:%Y-%m-%d %H:%M} UTC")
        return marked(
            "The certificate of {host} has run out: the programme needs a new one. Nothing is sent meanwhile."
        ).format(host=host)
    if error.verify_code == _WRONG_HOST or "mismatch" in error.verify_message.lower():
        return marked("The certificate shown is not one for {host}: check the address. Nothing is sent.").format(
            host=host
        )
    return marked(
        "The certificate of {host} comes from an authority that is not trusted here "
        "({verify_message}). Nothing is sent."
    ).format(host=host, verify_message=error.verify_message)


def _cause(error: BaseException) -> BaseException:
    """The first system error behind what a library raised."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return found or error


def _object(headers: Mapping[str, str], body: bytes) -> dict[str, object]:
    if not headers.get("content-type", "").lower().startswith("application/json") or "content-encoding" in headers:
        return {}
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _acked(told: dict[str, object], sent: Sent) -> Acked | None:
    """None unless every part of it is there and speaks of what was sent."""
    numbers = [_whole(told.get(name)) for name in ("acknowledged_through", "accepted", "duplicates", "waiting")]
    ours = (told.get("schema"), told.get("station"), told.get("epoch")) == (_ACK_SCHEMA, sent.station, sent.epoch)
    through, accepted, duplicates, waiting = numbers
    last_hash, refused, missing = told.get("acknowledged_hash"), _refusals(told), _gaps(told)
    if not ours or through is None or accepted is None or duplicates is None or waiting is None:
        return None
    if refused is None or missing is None or not (last_hash is None or isinstance(last_hash, str)):
        return None
    if accepted + duplicates + len(refused) < sent.rows:
        return None
    return Acked(through, last_hash, waiting, missing, refused)


def _refusals(told: dict[str, object]) -> tuple[RowRefusal, ...] | None:
    found = told.get("refused")
    if not isinstance(found, list):
        return None
    refused: list[RowRefusal] = []
    for item in found:
        if not isinstance(item, dict):
            return None
        reason, code = item.get("reason"), item.get("code", "schema")
        if not isinstance(reason, str) or not isinstance(code, str):
            return None
        refused.append(RowRefusal(_whole(item.get("sequence")), code, reason[:_LONGEST_SAID]))
    return tuple(refused)


def _gaps(told: dict[str, object]) -> tuple[tuple[int, int], ...] | None:
    found = told.get("missing")
    if not isinstance(found, list):
        return None
    gaps: list[tuple[int, int]] = []
    for item in found:
        if not isinstance(item, list) or len(item) != 2:
            return None
        first, last = _whole(item[0]), _whole(item[1])
        if first is None or last is None:
            return None
        gaps.append((first, last))
    return tuple(gaps)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _retry_after_s(told: str, now: datetime) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3); at most an hour."""
    try:
        wait_s = float(told) if told.strip().isdecimal() else (_moment(told) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, wait_s), _LONGEST_WAIT_S) if math.isfinite(wait_s) else None


def _moment(told: str) -> datetime:
    moment = parsedate_to_datetime(told)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
