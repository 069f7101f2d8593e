"""One request to the receiver: packed, sent over TLS that is checked, the answer read with bounds and judged."""

from __future__ import annotations

import gzip
import json
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from station.reporting.context import ClockState
from station.reporting.https_answers import Answer, Later, Sent, TooLarge, judge, why_unreachable
from station.reporting.https_settings import HttpsSettings, read_token
from station.reporting.mqtt.certificates import open_context
from station.reporting.outbox import Waiting

_LARGEST_ANSWER_BYTES = 1 << 20
_LONGEST_ANSWER_S = 120.0


@dataclass(frozen=True, slots=True)
class Now:
    """``utc`` is the label the wall clock shows, ``clock`` whether to believe it; ``mono_s`` measures durations."""

    utc: datetime
    mono_s: float
    clock: ClockState = ClockState.good


def believing_clock() -> Now:
    """Now, by a wall clock that is believed."""
    return Now(datetime.now(UTC), time.monotonic())  # noqa: TID251 - the process loop of the sender


class HttpsLine:
    """Keeps the connection between requests; belongs to one thread."""

    def __init__(self, settings: HttpsSettings, now: Callable[[], Now]) -> None:
        self._settings = settings
        self._now = now
        self._client: httpx.Client | None = None
        self._files: tuple[int, ...] = ()

    def post(self, rows: Sequence[Waiting], withheld: Sequence[int]) -> Answer:
        """Rows of one epoch. What cannot be reached is an answer, too; raises HttpsRefused or TlsFilesRefused."""
        settings, epoch = self._settings, rows[0].epoch
        packed = _packed(settings.station, epoch, rows, withheld)
        try:
            with self._open().stream("POST", settings.target, content=packed, headers=self._headers()) as answer:
                body = self._read(answer)
                sent = Sent(settings.station, epoch, len(rows))
                return judge(answer.status_code, answer.headers, body, sent, self._now().utc)
        except (httpx.WriteTimeout, httpx.ReadTimeout):
            self.close()
            return TooLarge(f"{settings.host} did not answer in time; fewer rows are sent at once.", is_ours=False)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, _TooMuch) as error:
            self.close()
            now = self._now()
            return Later(why_unreachable(error, settings.host, now.clock, now.utc))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> httpx.Client:
        """Certificates that were renewed meanwhile are read again."""
        tls = self._settings.tls
        files = tuple(_changed_ns(path) for path in (tls.ca, tls.certificate, tls.key) if path is not None)
        if self._client is not None and files == self._files:
            return self._client
        self.close()
        verify = False if self._settings.is_clear_text else open_context(tls)
        self._client = httpx.Client(verify=verify, timeout=self._settings.timeout_s, trust_env=False)
        self._files = files
        return self._client

    def _headers(self) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "accept": "application/json",
            "accept-encoding": "identity",
        }
        if self._settings.token_file is not None:
            headers["authorization"] = f"Bearer {read_token(self._settings.token_file)}"
        return headers

    def _read(self, answer: httpx.Response) -> bytes:
        """Bounded in size and time, whatever comes; never unpacked."""
        until_s = self._now().mono_s + _LONGEST_ANSWER_S
        body = b""
        for part in answer.iter_raw():
            body += part
            if len(body) > _LARGEST_ANSWER_BYTES or self._now().mono_s > until_s:
                raise _TooMuch("the answer does not end")
        return body


class _TooMuch(Exception):  # noqa: N818 - a fact
    """The answer is too large or takes too long."""


def _packed(station: str, epoch: str, rows: Sequence[Waiting], withheld: Sequence[int]) -> bytes:
    """A batch; rows are put in as they were sealed, byte for byte."""
    head = json.dumps({"schema": "batch/1", "station": station, "epoch": epoch, "withheld": list(withheld)})
    told = head[:-1].encode() + b',"rows":[' + b",".join(row.data for row in rows) + b"]}"
    return gzip.compress(told, mtime=0)


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
