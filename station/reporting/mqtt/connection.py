"""A connection to a broker that is kept up by a thread of its own, for whoever talks on it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from station.marked import marked
from station.reporting.backoff import Backoff
from station.reporting.mqtt.certificates import TlsFilesRefused, expiry_of, in_plain_words
from station.reporting.mqtt.settings import BrokerSettings
from station.reporting.mqtt.talk import Heard, Leave, Moment, Saying, Talker
from station.reporting.mqtt.wire import Lost, Refused, Taken, UserFileUnread, Wire
from station.reporting.pace import come_last

_log = logging.getLogger(__name__)
_TURN_S = 0.1
_ANSWER_S = 10.0
_FAREWELL_S = 2.0
_CERTIFICATE_EVERY_S = 3600.0


class Standing(NamedTuple):
    """For the page. ``is_alarm``: a person has to do something; ``since_ms`` None: not connected (UTC)."""

    sentence: str
    since_ms: int | None = None
    is_alarm: bool = False
    warning: str | None = None


def clock() -> Moment:
    """Now."""
    return Moment(time.time_ns() // 1_000_000, time.monotonic())  # noqa: TID251 - the process loop of the sender


class Connection:
    """``start`` it once; it comes back after every loss until ``close``."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        talker: Talker,
        random: Random,
        now: Callable[[], Moment] = clock,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._talker = talker
        self._now = now
        self._backoff = Backoff(random, settings.first_wait_s, settings.longest_wait_s)
        self._ending = threading.Event()
        self._standing = Standing(marked("Not connected to {host} yet.").format(host=settings.host))
        self._warning: str | None = None
        self._certificate_read_s: float | None = None
        self._thread = threading.Thread(target=self._keep_up, name=f"mqtt {client_id}", daemon=True)

    @property
    def standing(self) -> Standing:
        if self._thread.ident is not None and not self._thread.is_alive() and not self._ending.is_set():
            return Standing(marked("The sender has stopped. Restart the station; the log says why."), is_alarm=True)
        return self._standing._replace(warning=self._warning)

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Last words, then the end."""
        self._ending.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.warning("the connection to %s does not end", self._settings.host)

    def _keep_up(self) -> None:
        come_last()
        while not self._ending.is_set():
            wait_s = self._attend()
            until_s = self._now().monotonic_s + wait_s
            while not self._ending.is_set() and self._now().monotonic_s < until_s:
                self._talker.turn(self._now())
                self._ending.wait(min(_TURN_S, wait_s))

    def _attend(self) -> float:
        """One connection, from the first byte to the last; seconds to wait before the next."""
        self._mind_certificate()
        try:
            wire = Wire(self._settings, self._client_id, self._talker.will())
            wire.open()
        except (TlsFilesRefused, UserFileUnread) as error:
            self._stand(Standing(str(error), is_alarm=True))
            return self._backoff.failed()
        except (OSError, ValueError) as error:
            self._stand(Standing(in_plain_words(error, self._settings.host, self._utc())))
            return self._backoff.failed()
        self._talker.sent_connect()
        try:
            return self._converse(wire)
        finally:
            wire.close()
            self._talker.lost()

    def _converse(self, wire: Wire) -> float:
        asked_s = self._now().monotonic_s
        is_taken = False
        while not self._ending.is_set():
            for event in wire.pump(_TURN_S):
                match event:
                    case Taken():
                        is_taken = True
                        self._welcome()
                        ends = self._say(wire, self._talker.connected(self._now()))
                    case Heard():
                        ends = self._say(wire, self._talker.heard(event, self._now()))
                    case Refused():
                        return self._be_refused(wire, event)
                    case Lost():
                        return self._be_lost(event, is_taken)
                if ends:
                    return self._part(wire, ends)
            if is_taken:
                ends = self._say(wire, self._talker.turn(self._now()))
                if ends:
                    return self._part(wire, ends)
                self._mind_certificate()
            elif self._now().monotonic_s - asked_s > _ANSWER_S:
                return self._be_lost(Lost(marked("the broker does not answer")), is_taken)
        self._say(wire, self._talker.leave(self._now()))
        self._finish(wire)
        return 0.0

    def _welcome(self) -> None:
        self._backoff.succeeded()
        secure, clear = marked("Connected to {host}."), marked("Connected to {host}, in clear text.")
        sentence = clear if self._settings.tls is None else secure
        self._stand(Standing(sentence.format(host=self._settings.host), self._now().utc_ms))

    def _say(self, wire: Wire, sayings: Sequence[Saying]) -> str:
        """Why the connection has to end now, or nothing."""
        for saying in sayings:
            if isinstance(saying, Leave):
                return saying.why
            wire.say(saying)
        return ""

    def _part(self, wire: Wire, why: str) -> float:
        self._finish(wire)
        self._stand(Standing(marked("Not connected to {host}: {reason}.").format(host=self._settings.host, reason=why)))
        return self._backoff.failed()

    def _be_refused(self, wire: Wire, refused: Refused) -> float:
        self._say(wire, self._talker.leave(self._now()))
        self._finish(wire)
        host = self._settings.host
        sentence = marked("The broker {host} does not let this station {what} ({reason}): ask who runs it.").format(
            host=host, what=refused.what, reason=refused.reason
        )
        self._stand(Standing(sentence, is_alarm=True))
        return self._backoff.refused()

    def _be_lost(self, lost: Lost, was_taken: bool) -> float:
        sentence = marked("Not connected to {host}: {reason}.")
        if not was_taken and self._settings.tls is not None:
            sentence = marked("Not connected to {host}: {reason}; it may not accept this station's certificate.")
        self._stand(Standing(sentence.format(host=self._settings.host, reason=lost.reason)))
        return self._backoff.failed()

    def _finish(self, wire: Wire) -> None:
        """Wait until the broker has confirmed what was said, for a while."""
        until_s = self._now().monotonic_s + _FAREWELL_S
        while wire.has_unsaid and self._now().monotonic_s < until_s:
            if any(isinstance(event, Lost) for event in wire.pump(_TURN_S)):
                return

    def _stand(self, standing: Standing) -> None:
        if standing.sentence != self._standing.sentence:
            level = logging.INFO if standing.since_ms is not None else logging.WARNING
            _log.log(level, "%s: %s", self._client_id, standing.sentence)
        self._standing = standing

    def _mind_certificate(self) -> None:
        """Hourly: does our own certificate end soon."""
        files = self._settings.tls
        if files is None or files.certificate is None:
            return
        now_s = self._now().monotonic_s
        if self._certificate_read_s is not None and now_s - self._certificate_read_s < _CERTIFICATE_EVERY_S:
            return
        self._certificate_read_s = now_s
        try:
            self._warning = expiry_of(files.certificate, self._utc()).sentence
        except TlsFilesRefused as error:
            self._warning = str(error)

    def _utc(self) -> datetime:
        return datetime.fromtimestamp(self._now().utc_ms / 1000, UTC)
