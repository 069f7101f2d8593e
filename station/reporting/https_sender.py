"""Sends the outbox over HTTPS in batches, from a thread of its own that nobody waits for.

A row leaves the outbox only when the receiver has acknowledged it by number, in an answer that is surely its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from random import Random
from typing import NamedTuple, Protocol

from station.marked import marked
from station.reporting.backoff import Backoff
from station.reporting.https_answers import Acked, Answer, Denied, Later, NotUnderstood, TooLarge
from station.reporting.https_line import HttpsLine, Now, believing_clock
from station.reporting.https_settings import HttpsRefused, HttpsSettings, check_https
from station.reporting.mqtt.certificates import TlsFilesRefused, expiry_of
from station.reporting.outbox import Forecast, Quarantined, Waiting
from station.reporting.pace import come_last

_log = logging.getLogger(__name__)
_QUICK_S = 2.0
_SLOW_S = 8.0
_BETWEEN_BATCHES_S = 0.2
_LOOK_EVERY_S = 300.0
_CERTIFICATE_EVERY_S = 3600.0
_MOST_SET_ASIDE = 5


class RowBox(Protocol):
    """What the sender needs of the outbox."""

    @property
    def held(self) -> str | None: ...

    def pending(self, limit: int = 100, after: tuple[str, int] | None = None) -> tuple[Waiting, ...]: ...

    def acknowledge(self, epoch: str, *, up_to: int | None = None, sequences: Iterable[int] = ()) -> int: ...

    def refused(self, epoch: str, sequence: int, reason: str) -> bool: ...

    def quarantined(self) -> tuple[Quarantined, ...]: ...

    def withheld(self, epoch: str) -> list[int]: ...

    def forecast(self) -> Forecast: ...


class HttpsStanding(NamedTuple):
    """For the page. ``is_alarm``: a person has to do something. ``since_ms`` (UTC): since when rows get through, None
    while they do not. ``forecast`` None: not looked yet."""

    sentence: str
    is_alarm: bool = False
    since_ms: int | None = None
    warning: str | None = None
    acknowledged: int = 0
    set_aside: int = 0
    forecast: Forecast | None = None


class HttpsSender:
    """``start`` it once, or call ``turn`` oneself. Raises HttpsRefused when the settings allow nothing safe."""

    def __init__(
        self, settings: HttpsSettings, outbox: RowBox, random: Random, now: Callable[[], Now] = believing_clock
    ) -> None:
        check_https(settings)
        self._settings = settings
        self._outbox = outbox
        self._now = now
        self._backoff = Backoff(random, settings.first_wait_s, settings.longest_wait_s, least=0.0)
        self._line = HttpsLine(settings, now)
        self._most_rows = settings.most_rows
        self._set_aside_in_a_row = 0
        self._standing = HttpsStanding(marked("Nothing has been sent to {host} yet.").format(host=settings.host))
        self._looked_s: float | None = None
        self._minded_s: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send_on, name="https sender", daemon=True)

    @property
    def standing(self) -> HttpsStanding:
        return self._standing

    def start(self) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """What is under way may be acknowledged or not; it is sent again after the next start."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._line.close()

    def turn(self) -> float:
        """One look at the outbox and at most one request; returns the seconds to wait before the next."""
        self._look()
        held = self._outbox.held
        if held is not None:
            self._stand(held, is_alarm=True)
            return self._settings.poll_s
        rows = self._next_rows()
        if not rows:
            self._rest()
            return self._settings.poll_s
        begun_s = self._now().mono_s
        try:
            answer = self._line.post(rows, self._outbox.withheld(rows[0].epoch))
        except (HttpsRefused, TlsFilesRefused) as error:
            self._stand(str(error), is_alarm=True)
            return self._backoff.refused()
        wait_s = self._hear(answer, rows)
        self._adapt(answer, self._now().mono_s - begun_s)
        return wait_s

    def _send_on(self) -> None:
        come_last()
        while not self._ending.is_set():
            try:
                wait_s = self.turn()
            except Exception as error:  # a defect or a full disk stops no reporting for good
                _log.exception("sending to %s failed", self._settings.host)
                self._stand(
                    marked("Sending failed for a reason of our own ({name}).").format(name=type(error).__name__),
                    is_alarm=True,
                )
                wait_s = self._backoff.failed()
            self._ending.wait(wait_s)

    def _next_rows(self) -> tuple[Waiting, ...]:
        """The oldest rows of one epoch, as many as the link bears."""
        found = self._outbox.pending(self._most_rows)
        taken: list[Waiting] = []
        size = 0
        for row in found:
            size += len(row.data)
            if row.epoch != found[0].epoch or (taken and size > self._settings.most_bytes):
                break
            taken.append(row)
        return tuple(taken)

    def _hear(self, answer: Answer, rows: Sequence[Waiting]) -> float:
        """Do what the answer asks for; seconds until the next try."""
        wait_s = _BETWEEN_BATCHES_S
        match answer:
            case Acked():
                wait_s = self._hear_ack(answer, rows)
            case Denied():
                wait_s = self._alarm(answer.sentence)
            case TooLarge() | NotUnderstood() if len(rows) > 1:
                self._most_rows = max(1, len(rows) // 2)
                self._stand(answer.sentence)
            case NotUnderstood():
                wait_s = self._refuse(rows[0].epoch, rows[0].sequence, answer.sentence)
            case TooLarge() if answer.is_ours:
                wait_s = self._refuse(rows[0].epoch, rows[0].sequence, answer.sentence)
            case Later() | TooLarge():
                asked_s = answer.wait_s if isinstance(answer, Later) else None
                self._stand(answer.sentence)
                wait_s = max(self._backoff.failed(), asked_s or 0.0)
        return wait_s

    def _hear_ack(self, ack: Acked, rows: Sequence[Waiting]) -> float:
        epoch = rows[0].epoch
        refused = {refusal.sequence for refusal in ack.refused}
        agreed = [row for row in rows if row.sequence <= ack.through and row.sequence not in refused]
        if not _same_history(ack, agreed):
            return self._alarm(
                marked("The programme acknowledges rows that are not ours: is another station using this name?")
            )
        done = self._outbox.acknowledge(epoch, sequences=[row.sequence for row in agreed])
        self._standing = self._standing._replace(acknowledged=self._standing.acknowledged + done)
        if len(ack.refused) < len(rows):
            self._set_aside_in_a_row = 0
        people = [refusal for refusal in ack.refused if refusal.code not in {"schema", "ahead"}]
        if people:
            sentence = marked("The programme does not take our rows ({code}): {reason}")
            return self._alarm(sentence.format(code=people[0].code, reason=people[0].reason))
        poison = [refusal for refusal in ack.refused if refusal.code == "schema" and refusal.sequence is not None]
        for refusal in poison:
            wait_s = self._refuse(epoch, refusal.sequence or 0, refusal.reason)
        if poison:
            return wait_s
        if not agreed:
            return self._stuck(ack, rows)
        self._backoff.succeeded()
        self._stand(marked("Connected to {host}; sending.").format(host=self._settings.host), is_well=True)
        return max(_BETWEEN_BATCHES_S, len(rows) / self._settings.rows_per_s)

    def _refuse(self, epoch: str, sequence: int, reason: str) -> float:
        """One row the receiver cannot take. If everything is refused, the rows are hardly to blame."""
        if self._set_aside_in_a_row >= _MOST_SET_ASIDE:
            return self._alarm(
                marked("The programme refuses every row ({reason}): station and programme do not fit together.").format(
                    reason=reason
                )
            )
        if self._outbox.refused(epoch, sequence, reason):
            self._set_aside_in_a_row += 1
            self._standing = self._standing._replace(set_aside=self._standing.set_aside + 1)
            _log.error("row %d of epoch %s was set aside: %s", sequence, epoch, reason)
        self._stand(marked("Row {row} is refused: {reason}").format(row=sequence, reason=reason), is_alarm=True)
        return self._backoff.failed()

    def _stuck(self, ack: Acked, rows: Sequence[Waiting]) -> float:
        """Kept but not acknowledged: the receiver lacks rows before these."""
        if ack.missing and ack.missing[0][0] < rows[0].sequence:
            first, last = ack.missing[0]
            return self._alarm(
                marked(
                    "The programme lacks rows {first} to {last}, which it had acknowledged: its records were set back."
                ).format(first=first, last=last)
            )
        self._stand(marked("The programme keeps our rows but does not acknowledge them yet."))
        return self._backoff.failed()

    def _alarm(self, sentence: str) -> float:
        self._stand(sentence, is_alarm=True)
        return self._backoff.refused()

    def _adapt(self, answer: Answer, took_s: float) -> None:
        """Small batches on a slow link, so that acknowledgements keep coming; large ones where it is quick."""
        if not isinstance(answer, Acked):
            return
        if took_s > _SLOW_S:
            self._most_rows = max(1, self._most_rows // 2)
        elif took_s < _QUICK_S:
            self._most_rows = min(self._settings.most_rows, self._most_rows * 2)

    def _rest(self) -> None:
        """Nothing waits."""
        aside = len(self._outbox.quarantined())
        if aside:
            self._stand(
                marked("{aside} rows that the programme refused are set aside: retry or export them.").format(
                    aside=aside
                ),
                is_alarm=True,
            )
        elif self._standing.acknowledged:
            self._stand(marked("Everything is acknowledged by {host}.").format(host=self._settings.host), is_well=True)
        else:
            self._stand(marked("There is nothing to send to {host}.").format(host=self._settings.host), is_well=True)

    def _stand(self, sentence: str, *, is_alarm: bool = False, is_well: bool = False) -> None:
        is_news = not is_well or self._standing.since_ms is None
        if is_news and sentence != self._standing.sentence:
            _log.log(logging.ERROR if is_alarm else logging.INFO, "%s", sentence)
        since_ms = (self._standing.since_ms or _ms(self._now().utc)) if is_well else None
        self._standing = self._standing._replace(sentence=sentence, is_alarm=is_alarm, since_ms=since_ms)

    def _look(self) -> None:
        """Now and then: how much waits, and how long our own certificate lasts."""
        now = self._now()
        if self._looked_s is None or now.mono_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now.mono_s
            self._standing = self._standing._replace(forecast=self._outbox.forecast())
        own = self._settings.tls.certificate
        if own is not None and (self._minded_s is None or now.mono_s - self._minded_s >= _CERTIFICATE_EVERY_S):
            self._minded_s = now.mono_s
            try:
                warning = expiry_of(own, now.utc).sentence
            except TlsFilesRefused as error:
                warning = str(error)
            self._standing = self._standing._replace(warning=warning)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _same_history(ack: Acked, agreed: Sequence[Waiting]) -> bool:
    """The hash beside the acknowledged number is that of our own row, where we have just sent it."""
    last = [row for row in agreed if row.sequence == ack.through]
    return not last or last[0].row.hash == ack.through_hash
