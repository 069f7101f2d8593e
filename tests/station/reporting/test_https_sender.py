"""Whatever answers, lies, breaks off or asks to wait: a row leaves the outbox by the receiver's own word alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from station.config import load_config
from station.programme_sections import HttpsSection
from station.reporting.context import ClockState
from station.reporting.https_line import Now
from station.reporting.https_opening import https_settings, open_https
from station.reporting.https_sender import HttpsSender
from station.reporting.https_settings import HttpsRefused, HttpsSettings, check_https
from station.reporting.mqtt.settings import TlsFiles
from station.reporting.outbox import Outbox
from tests.station.programme.certificates import Authority
from tests.station.reporting.broker import eventually
from tests.station.reporting.scripted import Request, Say, acknowledgement, http, scripted, take
from tests.station.reporting.yard import Yard

SIM = Path(__file__).resolve().parents[3] / "configs" / "sim.yaml"
TOKEN = "scs_a-secret-that-is-never-told"


@dataclass
class Desk:
    """A station's outbox with its sender and a clock in hand."""

    yard: Yard
    folder: Path
    now: Now = field(default_factory=lambda: Now(datetime.now(UTC), 1000.0))
    senders: list[HttpsSender] = field(default_factory=list)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.yard.store)

    def waiting(self) -> list[int]:
        return [row.sequence for row in self.outbox.pending(10_000)]

    def settings(self, url: str, tls: TlsFiles | None = None, **changes: object) -> HttpsSettings:
        file = self.folder / "token"
        file.write_text(TOKEN + "\n")
        told = HttpsSettings(url, "demo-line", True, file, tls or TlsFiles(), timeout_s=10.0)
        return replace(told, **changes)  # type: ignore[arg-type]

    def sender(self, settings: HttpsSettings) -> HttpsSender:
        sender = HttpsSender(settings, self.outbox, Random(1), lambda: self.now)
        self.senders.append(sender)
        return sender


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Yard(tmp_path) as yard:
        found = Desk(yard, tmp_path)
        yield found
        for sender in found.senders:
            sender.close()


def test_rows_are_sent_in_batches_as_they_were_sealed_and_leave_by_the_acknowledgement(desk: Desk) -> None:
    desk.yard.fill(5)
    with scripted() as server:
        sender = desk.sender(desk.settings(server.url, most_rows=2))
        waits = [sender.turn() for _ in range(4)]
    assert [[row["sequence"] for row in request.rows] for request in server.requests] == [[1, 2], [3, 4], [5]]
    assert f"authorization: Bearer {TOKEN}" in server.requests[0].head
    assert desk.waiting() == []
    assert waits[:3] == [0.2, 0.2, 0.2]
    assert waits[3] == 5.0
    desk.yard.fill(20, pieces=1)
    with scripted() as server:
        backlog = desk.sender(desk.settings(server.url))
        assert backlog.turn() == pytest.approx(2.0)  # twenty rows at ten a second
    assert sender.standing.acknowledged == 5
    assert not sender.standing.is_alarm


NOT_OURS: dict[str, Say] = {
    "log-in page": lambda _: http("200 OK", "<html>Log in</html>", "text/html"),
    "html called json": lambda _: http("200 OK", "<html>Log in</html>"),
    "empty": lambda _: http("200 OK"),
    "no content": lambda _: http("204 No Content"),
    "redirect": lambda _: http("302 Found", location="http://127.0.0.1:1/login"),
    "other json": lambda _: http("200 OK", '{"ok": true}'),
    "a list": lambda _: http("200 OK", "[]"),
    "deep json": lambda _: http("200 OK", "[" * 100_000),
    "of another station": lambda request: http("200 OK", acknowledgement(request, station="other")),
    "of another epoch": lambda request: http("200 OK", acknowledgement(request, epoch="f" * 32)),
    "of fewer rows": lambda request: http("200 OK", acknowledgement(request, accepted=1)),
    "numbers as text": lambda request: http("200 OK", acknowledgement(request, acknowledged_through="2")),
    "yes for a number": lambda request: http("200 OK", acknowledgement(request, accepted=True, duplicates=2)),
    "refused as text": lambda request: http("200 OK", acknowledgement(request, refused="none")),
    "acknowledgement as html": lambda request: http("200 OK", acknowledgement(request), "text/html"),
    "acknowledgement with 500": lambda request: http("500 Oops", acknowledgement(request)),
    "truncated": lambda request: take(request)[:-20],
    "cut headers": lambda request: take(request)[:40],
    "nothing": lambda _: b"",
    "no http": lambda _: b"SSH-2.0-OpenSSH_9\r\n",
    "endless": lambda _: b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + b" " * (3 << 20),
    "not found": lambda _: http("404 Not Found", "{}"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_nothing_but_our_own_acknowledgement_counts_as_one(desk: Desk, name: str) -> None:
    desk.yard.fill(2)
    with scripted(NOT_OURS[name]) as server:
        sender = desk.sender(desk.settings(server.url))
        sender.turn()
        assert desk.waiting() == [1, 2]
        assert desk.outbox.quarantined() == ()
        server.says = take
        sender.turn()
    assert desk.waiting() == []


def test_an_acknowledgement_of_another_history_is_not_believed_and_told(desk: Desk) -> None:
    desk.yard.fill(2)
    with scripted(lambda request: http("200 OK", acknowledgement(request, acknowledged_hash="a" * 64))) as server:
        sender = desk.sender(desk.settings(server.url))
        assert sender.turn() >= 300
    assert desk.waiting() == [1, 2]
    assert sender.standing.is_alarm


def test_a_conflict_calls_people_and_sets_nothing_aside(desk: Desk) -> None:
    desk.yard.fill(3)

    def conflict(request: Request) -> bytes:
        refused = [{"sequence": 2, "code": "conflict", "reason": "another row 2"}]
        first = request.rows[0]
        told = {"acknowledged_through": 1, "acknowledged_hash": first["hash"], "accepted": 2, "refused": refused}
        return http("200 OK", acknowledgement(request, **told))

    with scripted(conflict) as server:
        sender = desk.sender(desk.settings(server.url))
        assert sender.turn() >= 300
    assert desk.waiting() == [2, 3]
    assert desk.outbox.quarantined() == ()
    assert "conflict" in sender.standing.sentence


def test_back_off_grows_with_full_jitter_and_never_beyond_five_minutes(desk: Desk) -> None:
    desk.yard.fill(1)
    with scripted(lambda _: http("503 Busy")) as server:
        sender = desk.sender(desk.settings(server.url))
        waits = [sender.turn() for _ in range(60)]
    assert all(0 <= wait <= 300 for wait in waits)
    assert max(waits[:3]) <= 4
    assert max(waits[12:]) > 150
    assert min(waits[12:]) < 75


def asking_to_wait(status: str, said: str, _: Request) -> bytes:
    return http(status, retry_after=said)


@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy"])
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(desk: Desk, status: str) -> None:
    desk.yard.fill(1)
    later = (desk.now.utc + timedelta(seconds=700)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    for said, least, most in (("40", 40, 41), (later, 698, 701), ("999999", 3600, 3600), ("soon", 0, 64)):
        with scripted(partial(asking_to_wait, status, said)) as server:
            assert least <= desk.sender(desk.settings(server.url)).turn() <= most


def test_revoked_credentials_give_one_alarm_and_at_most_one_try_in_five_minutes(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.yard.fill(1)
    with scripted(lambda _: http("401 No", '{"refusal": "The token is not known."}')) as server:
        sender = desk.sender(desk.settings(server.url))
        assert [wait >= 300 for wait in (sender.turn(), sender.turn(), sender.turn())] == [True] * 3
    assert sender.standing.is_alarm
    assert "ask it for a new token" in sender.standing.sentence
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert TOKEN not in caplog.text
    assert desk.waiting() == [1]


def test_a_row_refused_three_times_is_set_aside_told_and_the_rest_goes_on(desk: Desk) -> None:
    desk.yard.fill(4)

    def refuse_two(request: Request) -> bytes:
        if request.told["withheld"] == [2]:
            return take(request)
        refused = [{"sequence": 2, "code": "schema", "reason": "no such class"}]
        first = request.rows[0]
        through = {"acknowledged_through": 1, "acknowledged_hash": first["hash"]} if first["sequence"] == 1 else {
            "acknowledged_through": 1, "acknowledged_hash": "b" * 64}  # fmt: skip
        others = len([row for row in request.rows if row["sequence"] != 2])
        return http("200 OK", acknowledgement(request, accepted=others, refused=refused, **through))

    with scripted(refuse_two) as server:
        sender = desk.sender(desk.settings(server.url))
        for _ in range(3):
            sender.turn()
        assert [(row.sequence, row.reason) for row in desk.outbox.quarantined()] == [(2, "no such class")]
        assert sender.standing.is_alarm
        assert sender.standing.set_aside == 1
        sender.turn()
    assert desk.waiting() == []
    assert [row.sequence for row in desk.outbox.quarantined()] == [2]


def test_a_batch_that_is_not_understood_is_halved_until_the_row_at_fault_is_alone(desk: Desk) -> None:
    desk.yard.fill(8)

    def refuse_five(request: Request) -> bytes:
        is_bad = any(row["sequence"] == 5 for row in request.rows)
        return http("422 No", '{"refusal": "row 5"}') if is_bad else take(request)

    with scripted(refuse_five) as server:
        sender = desk.sender(desk.settings(server.url))
        for _ in range(30):
            sender.turn()
    assert [row.sequence for row in desk.outbox.quarantined()] == [5]
    assert desk.waiting() == []


def test_a_receiver_that_refuses_everything_does_not_empty_the_outbox_into_quarantine(desk: Desk) -> None:
    desk.yard.fill(20)

    def refuse_all(request: Request) -> bytes:
        refused = [{"sequence": row["sequence"], "code": "schema", "reason": "interval/2"} for row in request.rows]
        none = {"acknowledged_through": 0, "acknowledged_hash": None, "accepted": 0}
        return http("200 OK", acknowledgement(request, refused=refused, **none))

    with scripted(refuse_all) as server:
        sender = desk.sender(desk.settings(server.url))
        waits = [sender.turn() for _ in range(10)]
    assert len(desk.outbox.quarantined()) == 5
    assert len(desk.waiting()) == 15
    assert waits[-1] >= 300
    assert "do not fit together" in sender.standing.sentence


def test_too_large_a_batch_is_halved(desk: Desk) -> None:
    desk.yard.fill(6)
    with scripted(lambda request: http("413 Large", "{}") if len(request.rows) > 2 else take(request)) as server:
        sender = desk.sender(desk.settings(server.url))
        for _ in range(9):
            sender.turn()
        sizes = [len(request.rows) for request in server.requests]
    assert sizes[:3] == [6, 3, 1]
    assert desk.waiting() == []


def test_a_slow_link_makes_batches_small_and_a_quick_one_large_again(desk: Desk) -> None:
    desk.yard.fill(60)
    took_s = 9.0

    def slowly(request: Request) -> bytes:
        desk.now = replace(desk.now, mono_s=desk.now.mono_s + took_s)
        return take(request)

    with scripted(slowly) as server:
        sender = desk.sender(desk.settings(server.url, most_rows=16))
        sender.turn()
        sender.turn()
        took_s = 0.1
        for _ in range(4):
            sender.turn()
    assert [len(request.rows) for request in server.requests] == [16, 8, 4, 8, 16, 8]


def tls(authority: Authority) -> TlsFiles:
    return TlsFiles(ca=authority.file)


@pytest.mark.parametrize(
    ("issue", "clock", "said"),
    [
        ({"ends_days": -0.5}, ClockState.good, "has run out"),
        ({"ends_days": -0.5}, ClockState.unsure, "compare the clock first"),
        ({"begins_days": 1}, ClockState.good, "compare the clock first"),
        ({"begins_days": 1}, ClockState.impossible, "set the clock"),
        ({"host": "elsewhere.example"}, ClockState.good, "not one for 127.0.0.1"),
    ],
)
def test_a_bad_certificate_is_told_in_plain_words_and_nothing_is_sent(
    desk: Desk, tmp_path: Path, issue: dict[str, float], clock: ClockState, said: str
) -> None:
    desk.yard.fill(1)
    desk.now = replace(desk.now, clock=clock)
    authority = Authority(tmp_path)
    with scripted(take, authority.issue("receiver", **issue)) as server:  # type: ignore[arg-type]
        sender = desk.sender(desk.settings(server.url, tls(authority)))
        sender.turn()
    assert said in sender.standing.sentence
    assert server.requests == []
    assert desk.waiting() == [1]


def test_an_unknown_authority_is_refused_and_a_known_one_is_trusted(desk: Desk, tmp_path: Path) -> None:
    desk.yard.fill(1)
    ours, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    with scripted(take, stranger.issue("receiver")) as server:
        sender = desk.sender(desk.settings(server.url, tls(ours)))
        sender.turn()
        assert "not trusted here" in sender.standing.sentence
        assert server.requests == []
        desk.sender(desk.settings(server.url, tls(stranger))).turn()
    assert desk.waiting() == []


def test_clear_text_is_for_a_simulated_line_on_its_own_computer_alone(desk: Desk) -> None:
    check_https(desk.settings("http://127.0.0.1:1"))
    for settings, said in (
        (desk.settings("http://127.0.0.1:1", is_simulated=False), "clear text"),
        (desk.settings("http://programme.example"), "clear text"),
        (desk.settings("http://127.0.0.1.example"), "clear text"),
        (desk.settings("ftp://programme.example"), "no address"),
        (desk.settings("https://"), "no address"),
        (desk.settings("https://me:secret@programme.example"), "may not hold a password"),
        (desk.settings("https://programme.example", token_file=None), "token file or a client certificate"),
    ):
        with pytest.raises(HttpsRefused, match=said) as refused:
            desk.sender(settings)
        assert "me:secret" not in str(refused.value)


def test_a_listener_without_tls_never_sees_a_row_of_an_https_address(desk: Desk) -> None:
    desk.yard.fill(1)
    with scripted() as server:
        sender = desk.sender(desk.settings(server.url.replace("http:", "https:")))
        sender.turn()
    assert server.heard[:2] == b"\x16\x03"
    assert desk.waiting() == [1]


@pytest.mark.parametrize(
    ("days", "said"),
    [(45, None), (20.5, "ends in 20 days"), (5.5, "ends in 5 days"), (0.5, "less than a day"), (-2, "ended")],
)
def test_our_own_certificate_warns_before_it_ends(desk: Desk, tmp_path: Path, days: float, said: str | None) -> None:
    pair = Authority(tmp_path).issue("demo-line", begins_days=-100, ends_days=days)
    settings = desk.settings("https://127.0.0.1:1", TlsFiles(certificate=pair.cert, key=pair.key))
    sender = desk.sender(settings)
    sender.turn()
    warning = sender.standing.warning
    assert (warning is None) == (said is None)
    assert said is None or said in str(warning)


def test_a_missing_or_odd_token_file_is_told_without_what_is_in_it(desk: Desk) -> None:
    desk.yard.fill(1)
    with scripted() as server:
        settings = desk.settings(server.url)
        file = desk.folder / "token"
        for content in ("two words", "", "two\nlines", None):
            file.unlink() if content is None else file.write_text(content)
            sender = desk.sender(settings)
            assert sender.turn() >= 300
            assert sender.standing.is_alarm
            assert "two" not in sender.standing.sentence
    assert server.requests == []


def test_a_held_outbox_is_told_and_nothing_is_sent(desk: Desk) -> None:
    desk.yard.fill(1)
    with scripted() as server:
        box = Outbox(desk.yard.store, lambda: "The clock shows 1970.")
        sender = HttpsSender(desk.settings(server.url), box, Random(1), lambda: desk.now)
        sender.turn()
        sender.close()
    assert sender.standing.sentence == "The clock shows 1970."
    assert server.requests == []


def test_the_standing_tells_how_much_waits(desk: Desk) -> None:
    desk.yard.fill(3)
    sender = desk.sender(desk.settings("http://127.0.0.1:1"))
    sender.turn()
    forecast = sender.standing.forecast
    assert forecast is not None
    assert forecast.waiting == 3
    assert "Nothing listens" in sender.standing.sentence


def test_the_channel_of_a_station_file_sends_and_says_how_it_stands(desk: Desk) -> None:
    desk.yard.fill(2)
    config = load_config(SIM)
    with scripted() as server:
        (desk.folder / "token").write_text(TOKEN)
        section = HttpsSection(url=server.url, token_file=str(desk.folder / "token"))
        settings = https_settings(config, section, is_simulated=True)
        channel = open_https(replace(settings, station="demo-line"), desk.outbox)
        channel.start()
        eventually(lambda: not desk.waiting() and channel.standings()[0].since_ms is not None, "rows are acknowledged")
        channel.close()
    assert channel.standings()[0].alarm is None
    away = HttpsSection(url="http://programme.example", token_file="token")
    refused = open_https(https_settings(config, away, is_simulated=True), desk.outbox)
    assert "clear text" in str(refused.standings()[0].alarm)
