"""A connection is kept up, over TLS or not at all, and says in plain words why it is not."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.reporting.backoff import Backoff
from station.reporting.mqtt.certificates import TlsFilesRefused, expiry_of, open_context
from station.reporting.mqtt.connection import Connection, clock
from station.reporting.mqtt.settings import BrokerSettings, TlsFiles
from station.reporting.mqtt.talk import Heard, Moment, Publish, Saying
from tests.station.ports import free_port
from tests.station.reporting.authority import Authority
from tests.station.reporting.broker import Broker, eventually, onlooker


class Caller:
    """Says the next number at QoS 1, some times a second."""

    def __init__(self) -> None:
        self.said = 0
        self.connects = 0
        self._is_connected = False

    def will(self) -> Publish | None:
        return None

    def sent_connect(self) -> None:
        self.connects += 1

    def connected(self, _now: Moment) -> Sequence[Saying]:
        self._is_connected = True
        return []

    def heard(self, _message: Heard, _now: Moment) -> Sequence[Saying]:
        return []

    def turn(self, _now: Moment) -> Sequence[Saying]:
        if not self._is_connected:
            return []
        self.said += 1
        return [Publish("yard/call", str(self.said).encode(), qos=1)]

    def lost(self) -> None:
        self._is_connected = False

    def leave(self, _now: Moment) -> Sequence[Saying]:
        return [Publish("yard/call", b"bye", qos=1)]


@contextmanager
def calling(settings: BrokerSettings, now: Callable[[], Moment] = clock) -> Iterator[tuple[Connection, Caller]]:
    caller = Caller()
    connection = Connection(settings, "caller", caller, Random(3), now)
    connection.start()
    try:
        yield connection, caller
    finally:
        connection.close()


def refusal(settings: BrokerSettings, now: Callable[[], Moment] = clock) -> str:
    """The sentence of a connection that does not come about."""
    with calling(settings, now) as (connection, caller):
        eventually(lambda: not connection.standing.sentence.endswith("yet."), "an answer")
        assert connection.standing.since_ms is None
        assert caller.said == 0
        return connection.standing.sentence


def tls_broker(folder: Path, authority: Authority, host: str = "localhost", life: tuple[float, float] = (-1, 9)) -> str:
    certificate, key = authority.issue("broker", host, life)
    return f"cafile {authority.ca}\ncertfile {certificate}\nkeyfile {key}\n"


def test_with_the_right_certificates_both_sides_let_each_other_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    more = tls_broker(tmp_path, authority) + "require_certificate true\nuse_identity_as_username true"
    mine = TlsFiles(authority.ca, *authority.issue("demo-line"))
    with Broker(tmp_path / "b", more) as broker, calling(broker.settings(tls=mine)) as (connection, caller):
        eventually(lambda: caller.said > 3, "calls")
        assert connection.standing.sentence == "Connected to localhost."
        assert connection.standing.warning is None
        assert "demo-line" in broker.log.read_text()


def test_without_a_client_certificate_that_the_broker_asks_for_nothing_is_said(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    more = tls_broker(tmp_path, authority) + "require_certificate true\nuse_identity_as_username true"
    with Broker(tmp_path / "b", more) as broker:
        assert "may not accept this station's certificate" in refusal(broker.settings(tls=TlsFiles(authority.ca)))


def test_a_broker_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "another authority")
    with Broker(tmp_path / "b", tls_broker(tmp_path, authority) + "allow_anonymous true") as broker:
        assert "authority that is not trusted here" in refusal(broker.settings(tls=TlsFiles(other.ca)))


def test_a_broker_whose_certificate_is_for_another_host_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Broker(tmp_path / "b", tls_broker(tmp_path, authority, "elsewhere") + "allow_anonymous true") as broker:
        assert "not one for localhost" in refusal(broker.settings(tls=TlsFiles(authority.ca)))


def test_a_certificate_that_has_run_out_is_refused_and_a_wrong_clock_is_named_first(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Broker(tmp_path / "b", tls_broker(tmp_path, authority, life=(-9, -1)) + "allow_anonymous true") as broker:
        settings = broker.settings(tls=TlsFiles(authority.ca))
        assert "has run out" in refusal(settings)
        at_1970 = refusal(settings, lambda: Moment(1000, time.monotonic()))
    assert at_1970 == "The clock of this computer says 1970-01-01, so no certificate can be checked: set the clock."


def test_a_certificate_of_tomorrow_asks_after_the_clock(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Broker(tmp_path / "b", tls_broker(tmp_path, authority, life=(1, 9)) + "allow_anonymous true") as broker:
        assert "is the clock of this computer right" in refusal(broker.settings(tls=TlsFiles(authority.ca)))


def test_a_broker_without_tls_is_never_talked_to_in_clear_text(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with Broker(tmp_path / "b") as broker, onlooker(broker, "#") as looking:
        sentence = refusal(broker.settings(tls=TlsFiles(authority.ca)))
        assert "clear text" in sentence or "No secure connection" in sentence or "No connection" in sentence
        assert looking.heard() == []


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, _ = authority.issue("a")
    _, foreign_key = authority.issue("b")
    with pytest.raises(TlsFilesRefused, match=r"missing\.pem"):
        open_context(TlsFiles(tmp_path / "missing.pem"))
    with pytest.raises(TlsFilesRefused, match=r"b\.key"):
        open_context(TlsFiles(authority.ca, certificate, foreign_key))
    assert open_context(TlsFiles(authority.ca)).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("days", "said"),
    [(31, None), (29.5, "29 days"), (6.5, "6 days"), (0.5, "less than a day"), (-0.5, "ended on")],
)
def test_an_own_certificate_that_ends_is_warned_of_in_time(tmp_path: Path, days: float, said: str | None) -> None:
    certificate, _ = Authority(tmp_path / "ca").issue("demo-line", life_days=(-400, 100))
    now = datetime.now(UTC) + timedelta(days=100 - days)
    found = expiry_of(certificate, now)
    assert found.days == pytest.approx(days, abs=0.01)
    assert found.sentence is None if said is None else said in str(found.sentence)


def test_the_warning_stands_beside_the_connection(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    mine = TlsFiles(authority.ca, *authority.issue("demo-line", life_days=(-1, 5.5)))
    with (
        Broker(tmp_path / "b", tls_broker(tmp_path, authority) + "allow_anonymous true") as broker,
        calling(broker.settings(tls=mine)) as (connection, caller),
    ):
        eventually(lambda: caller.said > 0, "calls")
        assert "ends in 5 days" in str(connection.standing.warning)


def user_file(folder: Path, user: str, password: str) -> Path:
    path = folder / f"{user}.txt"
    path.write_text(f"{user}\n{password}\n")
    return path


def with_users(folder: Path, password: str) -> str:
    """A broker that knows one user."""
    known = folder / "users"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(known), "demo-line", password], check=True, capture_output=True)
    return f"allow_anonymous false\npassword_file {known}"


def test_a_wrong_password_is_one_clear_alarm_and_one_try(tmp_path: Path) -> None:
    secret = "hunter2-planted"
    settings = Broker(tmp_path / "b", with_users(tmp_path, "another"))
    with (
        settings as broker,
        calling(broker.settings(user_file=user_file(tmp_path, "demo-line", secret))) as (mine, who),
    ):
        eventually(lambda: mine.standing.is_alarm, "the alarm")
        time.sleep(1.5)  # thirty times as long as the first wait of another loss
        assert who.connects == 1
        assert "does not let this station connect (Not authorized)" in mine.standing.sentence
        assert secret not in mine.standing.sentence


def test_the_right_password_lets_in(tmp_path: Path) -> None:
    broker_of = Broker(tmp_path / "b", with_users(tmp_path, "right"))
    with broker_of as broker, calling(broker.settings(user_file=user_file(tmp_path, "demo-line", "right"))) as (_, who):
        eventually(lambda: who.said > 0, "calls")


@pytest.mark.parametrize("content", [None, "", "only-a-name", "\nno-name"])
def test_a_user_file_that_cannot_be_used_is_named_without_its_content(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "user.txt"
    if content is not None:
        path.write_text(content)
    sentence = refusal(BrokerSettings("localhost", free_port(), None, path, first_wait_s=0.05))
    assert str(path) in sentence
    assert not content or content.strip() not in sentence


def test_rights_that_are_taken_away_are_one_clear_alarm_without_hammering(tmp_path: Path) -> None:
    rights = tmp_path / "rights"
    rights.write_text("topic write yard/call\n")
    with (
        Broker(tmp_path / "b", f"allow_anonymous true\nacl_file {rights}") as broker,
        calling(broker.settings()) as (connection, caller),
    ):
        eventually(lambda: caller.said > 2, "calls")
        rights.write_text("topic read yard/call\n")
        broker.reload()
        eventually(lambda: connection.standing.is_alarm, "the alarm")
        said = caller.said
        time.sleep(1.5)
        assert (caller.connects, caller.said) == (1, said)
    assert "does not let this station publish yard/call (Not authorized)" in connection.standing.sentence


def test_a_host_that_does_not_exist_and_a_closed_port_are_told_apart(tmp_path: Path) -> None:
    port = free_port()
    assert "Nothing listens" in refusal(BrokerSettings("localhost", port, None, first_wait_s=0.05))
    nowhere = refusal(BrokerSettings("broker.invalid", port, None, first_wait_s=0.05))
    assert nowhere == "The name broker.invalid is not known here: check the address and the network."


class Babbler:
    """A broker that takes every connection and then sends ``junk``."""

    def __init__(self, junk: Iterator[bytes]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.visits = 0
        self._junk = junk
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._socket.accept()
                self.visits += 1
                with visitor, suppress(OSError):
                    visitor.settimeout(0.02)
                    visitor.recv(1000)
                    visitor.sendall(bytes([0x20, 3, 0, 0, 0]) + next(self._junk))
                    while visitor.recv(1000):
                        pass


def test_a_broker_that_talks_nonsense_is_left_and_tried_again() -> None:
    chance = Random(7)
    packets = [0x30, 0x32, 0x40, 0x90, 0xD0, 0xE0, 0xF0, 0x20, 0x62, 0x00]

    def junk() -> Iterator[bytes]:
        while True:
            body = chance.randbytes(chance.randrange(60))
            length = chance.choice([len(body), 0, 127, 255])
            yield bytes([chance.choice(packets), length]) + body

    babbler = Babbler(junk())
    settings = BrokerSettings("127.0.0.1", babbler.port, None, first_wait_s=0.001, longest_wait_s=0.001)
    try:
        with calling(settings) as (connection, _):
            eventually(lambda: babbler.visits > 100 or connection.standing.is_alarm, "visits")
            assert not connection.standing.is_alarm
    finally:
        babbler.close()


def test_last_words_arrive_before_the_connection_ends(tmp_path: Path) -> None:
    with Broker(tmp_path / "b") as broker, onlooker(broker, "yard/call") as looking:
        with calling(broker.settings()) as (_, caller):
            eventually(lambda: caller.said > 0, "calls")
        eventually(lambda: looking.heard()[-1].payload == b"bye", "last words")


@given(st.integers(0, 1000))
def test_waits_grow_to_five_minutes_and_differ_between_stations(seed: int) -> None:
    backoff = Backoff(Random(seed))
    waits = [backoff.failed() for _ in range(12)]
    assert all(0.5 * min(300, 2**n) <= wait <= min(300, 2**n) for n, wait in enumerate(waits))
    backoff.succeeded()
    assert backoff.failed() <= 1.0
    assert waits != [Backoff(Random(seed + 1)).failed(), *waits[1:]]


@given(st.integers(0, 1000))
def test_who_is_refused_asks_at_most_once_in_five_minutes(seed: int) -> None:
    assert Backoff(Random(seed), first_s=0.01, most_s=0.02).refused() >= 300.0
