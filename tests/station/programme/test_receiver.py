"""The receiver as it runs: real sockets, real TLS, a real outbox on the other side, and everything that goes wrong."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from station.programme.door import TlsFiles as DoorFiles
from station.programme.envelope import LARGEST_BODY_BYTES, batch_schema
from station.reporting.https_line import Now
from station.reporting.https_sender import HttpsSender
from station.reporting.https_settings import HttpsSettings
from station.reporting.mqtt.settings import TlsFiles
from station.reporting.outbox import Outbox
from station.reporting.row import IntervalRow, encode
from tests.station.ports import free_port
from tests.station.programme.books import opened
from tests.station.programme.certificates import Authority
from tests.station.programme.postgres import new_database
from tests.station.programme.proxy import proxied
from tests.station.programme.receivers import register, revoke, running_receiver
from tests.station.reporting.rows import EPOCH, ROW, chain
from tests.station.reporting.yard import Yard

JSON = {"content-type": "application/json"}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/programme/p.db"


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    with Yard(tmp_path) as found:
        yield found


def batch(rows: Sequence[IntervalRow], /, **changes: object) -> bytes:
    told = {"schema": "batch/1", "station": ROW.station, "epoch": EPOCH, "rows": [json.loads(encode(r)) for r in rows]}
    return json.dumps({**told, **changes}).encode()


def bearer(token: Path) -> dict[str, str]:
    return {**JSON, "authorization": f"Bearer {token.read_text().strip()}"}


def post(address: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{address}/v1/intervals", content=body, headers=headers, timeout=20)


def sender(yard: Yard, url: str, token: Path | None, tls: TlsFiles | None = None) -> HttpsSender:
    settings = HttpsSettings(url, "demo-line", True, token, tls or TlsFiles(), timeout_s=10, most_rows=20)
    return HttpsSender(settings, Outbox(yard.store), Random(1), lambda: Now(datetime.now(UTC), 0.0))


def pieces(database: str) -> int:
    with opened(database) as book:
        return book.pieces()


def test_a_station_reports_over_tls_with_its_token(database: str, yard: Yard, tmp_path: Path) -> None:
    token, authority = register(database, "demo-line", tmp_path), Authority(tmp_path)
    yard.fill(rows=50, pieces=2)
    with running_receiver(database, DoorFiles(*authority.issue("receiver"))) as address:
        line = sender(yard, address, token, TlsFiles(ca=authority.file))
        for _ in range(4):
            line.turn()
        line.close()
    assert line.standing.sentence == "Everything is acknowledged by 127.0.0.1."
    assert Outbox(yard.store).pending() == ()
    assert pieces(database) == 100


def test_a_station_reports_with_its_certificate_and_nobody_elses(database: str, yard: Yard, tmp_path: Path) -> None:
    register(database, "demo-line", tmp_path)
    register(database, "other-line", tmp_path)
    authority, strangers = Authority(tmp_path), Authority(tmp_path, "strangers")
    yard.fill(rows=2)
    with running_receiver(database, DoorFiles(*authority.issue("receiver"), authority.file)) as address:
        stranger = strangers.issue("demo-line", host="x.example")
        line = sender(yard, address, None, TlsFiles(authority.file, *stranger))
        line.turn()
        assert len(Outbox(yard.store).pending()) == 2
        line.close()
        for name in ("other-line", "unknown-line"):
            line = sender(yard, address, None, TlsFiles(authority.file, *authority.issue(name)))
            assert line.turn() >= 300
            assert line.standing.is_alarm
            line.close()
        assert len(Outbox(yard.store).pending()) == 2
        line = sender(yard, address, None, TlsFiles(authority.file, *authority.issue("demo-line")))
        line.turn()
        assert Outbox(yard.store).pending() == ()
        revoke(database, "demo-line")
        yard.fill(rows=1)
        assert line.turn() >= 300
        line.close()
    assert len(Outbox(yard.store).pending()) == 1


def test_a_lost_acknowledgement_is_asked_for_again_and_the_row_counts_once(
    database: str, yard: Yard, tmp_path: Path
) -> None:
    token = register(database, "demo-line", tmp_path)
    yard.fill(rows=3, pieces=4)
    lets_through = iter([False, False, True, True, True, True])
    with running_receiver(database) as address, proxied(address, lambda: next(lets_through)) as proxy:
        line = sender(yard, proxy.url, token)
        waiting = []
        for _ in range(3):
            line.turn()
            waiting.append(len(Outbox(yard.store).pending()))
        line.close()
    assert waiting == [3, 3, 0]
    assert pieces(database) == 12


def test_a_receiver_killed_after_the_commit_and_before_the_answer_counts_once(
    database: str, yard: Yard, tmp_path: Path
) -> None:
    token = register(database, "demo-line", tmp_path)
    yard.fill(rows=3, pieces=4)
    process, address = start_receiver(database)

    def kill() -> bool:
        os.kill(process.pid, signal.SIGKILL)
        return False

    with proxied(address, kill) as proxy:
        line = sender(yard, proxy.url, token)
        line.turn()
        process.wait(10)
        assert len(Outbox(yard.store).pending()) == 3
        assert pieces(database) == 12
        process, proxy.target = start_receiver(database)
        proxy.on_answer = lambda: True
        line.turn()
        line.close()
    process.terminate()
    assert process.wait(20) == 0
    assert Outbox(yard.store).pending() == ()
    assert pieces(database) == 12


def start_receiver(database: str) -> tuple[subprocess.Popen[str], str]:
    """The command itself, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "station", "programme", "serve", "--database", database, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert f"127.0.0.1:{port}" in process.stdout.readline()
    process.stdout.close()
    return process, f"http://127.0.0.1:{port}"


def test_a_revoked_token_is_refused_at_once(database: str, tmp_path: Path) -> None:
    token = register(database, "demo-line", tmp_path)
    with running_receiver(database) as address:
        assert post(address, batch(chain(1)), bearer(token)).status_code == 200
        revoke(database, "demo-line")
        answer = post(address, batch(chain(2)), bearer(token))
        assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
        assert post(address, batch(chain(2)), JSON).status_code == 401
    assert pieces(database) == 1


def test_a_token_sends_its_own_stations_rows_only_and_kinds_never_mix(database: str, tmp_path: Path) -> None:
    register(database, "demo-line", tmp_path)
    other = register(database, "other-line", tmp_path, is_simulated=False)
    with running_receiver(database) as address:
        assert post(address, batch(chain(1)), bearer(other)).status_code == 403
        answer = post(address, batch(chain(1), station="other-line"), bearer(other)).json()
        assert [refusal["code"] for refusal in answer["refused"]] == ["station"]
        real = batch(chain(1, replace(ROW, station="other-line")), station="other-line")
        answer = post(address, real, bearer(other)).json()
        assert [refusal["code"] for refusal in answer["refused"]] == ["simulated"]
    assert pieces(database) == 0


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-encoding": "br"}, 415),
        (b"{", {}, 400),
        (b"[]", {}, 422),
        (b"[" * 200_000, {}, 400),
        (b'{"schema": "batch/2"}', {}, 422),
        (b'{"schema": "batch/1", "station": 1, "epoch": "e"}', {}, 422),
        (batch([], rows="all"), {}, 422),
        (batch([], rows=[0] * 501), {}, 413),
        (batch([], withheld=["1"]), {}, 422),
        (b"no gzip", {"content-encoding": "gzip"}, 400),
        (gzip.compress(batch(chain(1)), mtime=0)[:-9], {"content-encoding": "gzip"}, 400),
        (gzip.compress(batch(chain(1)), mtime=0) + b"more", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b" " * (60 << 20), mtime=0), {"content-encoding": "gzip"}, 413),
        (b" " * (LARGEST_BODY_BYTES + 1), {}, 413),
    ],
    ids=lambda value: str(value)[:24] if not isinstance(value, dict) else None,
)
def test_what_is_no_batch_is_refused_in_words(
    address_and_token: tuple[str, Path], body: bytes, headers: dict[str, str], status: int
) -> None:
    address, token = address_and_token
    answer = post(address, body, {**bearer(token), **headers})
    assert answer.status_code == status
    assert answer.json()["refusal"]


@pytest.fixture(scope="module")
def address_and_token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("receiver")
    database = f"sqlite:///{folder}/p.db"
    token = register(database, "demo-line", folder)
    with running_receiver(database) as address:
        yield address, token


def test_a_large_body_is_refused_before_it_is_read(address_and_token: tuple[str, Path]) -> None:
    address, token = address_and_token
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as peer:
        head = "POST /v1/intervals HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        head += f"authorization: {bearer(token)['authorization']}\r\ncontent-length: 300000000\r\n\r\n"
        peer.sendall(head.encode())
        assert peer.recv(200).startswith(b"HTTP/1.1 413")


def test_rows_are_judged_one_by_one(address_and_token: tuple[str, Path]) -> None:
    address, token = address_and_token
    rows = [json.loads(encode(row)) for row in chain(4)]
    rows[1]["counts"] = "many"
    rows[2]["recipe"] = "changed on the way"
    answer = post(address, batch([], rows=[*rows, 7, {"sequence": "x"}]), bearer(token)).json()
    assert [(refusal["sequence"], refusal["code"]) for refusal in answer["refused"]] == [
        (2, "schema"), (3, "schema"), (None, "schema"), (None, "schema"),
    ]  # fmt: skip
    assert (answer["acknowledged_through"], answer["waiting"], answer["missing"]) == (1, 1, [[2, 3]])


def test_the_description_is_valid_openapi_and_its_schema_takes_what_stations_send(
    address_and_token: tuple[str, Path],
) -> None:
    address, _ = address_and_token
    told = httpx.get(f"{address}/v1/openapi.json").json()
    body = told["paths"]["/v1/intervals"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == json.loads(json.dumps(batch_schema()))
    Draft202012Validator.check_schema(body)
    Draft202012Validator(body).validate(json.loads(batch(chain(3), withheld=[2])))
    assert not Draft202012Validator(body).is_valid(json.loads(batch(chain(1), rows=[{"schema": "interval/1"}])))


def test_wrong_tokens_are_slowed_down_and_the_right_one_beside_them_is_not(database: str, tmp_path: Path) -> None:
    token = register(database, "demo-line", tmp_path)
    wrong = {**JSON, "authorization": "Bearer scs_guess"}
    with running_receiver(database) as address, httpx.Client(timeout=20) as client:
        answers = [client.post(f"{address}/v1/intervals", headers=wrong) for _ in range(40)]
        assert [answer.status_code for answer in answers[:20]] == [401] * 20
        slowed = [answer for answer in answers if answer.status_code == 429]
        assert len(slowed) > 10
        assert int(slowed[0].headers["retry-after"]) > 0
        assert post(address, batch(chain(1)), bearer(token)).status_code == 200


def test_a_station_that_asks_too_often_is_told_to_wait(database: str, tmp_path: Path) -> None:
    token = register(database, "demo-line", tmp_path)
    with running_receiver(database) as address, httpx.Client(headers=bearer(token)) as client:
        answers = [client.post(f"{address}/v1/intervals", content=batch([])) for _ in range(100)]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 429)


def test_half_sent_requests_are_closed_and_others_served_meanwhile(address_and_token: tuple[str, Path]) -> None:
    address, _ = address_and_token
    host, _, port = address.removeprefix("http://").partition(":")
    peers = [socket.create_connection((host, int(port)), 15) for _ in range(100)]
    try:
        for peer in peers:
            peer.sendall(b"POST /v1/intervals HTTP/1.1\r\nhost:")
        assert httpx.get(f"{address}/livez", timeout=5).json() == {"live": True}
        assert all(peer.recv(1000)[:12] in {b"", b"HTTP/1.1 408"} for peer in peers)
    finally:
        for peer in peers:
            peer.close()


def test_the_inner_server_serves_nobody_who_came_past_the_door(database: str) -> None:
    before = listening_ports()
    with running_receiver(database) as address:
        inner = listening_ports() - before - {int(address.rpartition(":")[2])}
        answers = []
        for port in inner:
            try:
                answers.append(httpx.get(f"http://127.0.0.1:{port}/livez", timeout=2).status_code)
            except httpx.HTTPError:
                continue
    assert answers == [403]


def listening_ports() -> set[int]:
    """TCP ports that this process listens at."""
    return {found.laddr.port for found in psutil.Process().net_connections() if found.status == "LISTEN"}


def test_secrets_are_at_rest_as_hashes_only(database: str, tmp_path: Path) -> None:
    token = register(database, "demo-line", tmp_path).read_text().strip()
    for file in (tmp_path / "programme").iterdir():
        assert token.encode() not in file.read_bytes()
        assert token.removeprefix("scs_").encode() not in file.read_bytes()


def test_the_same_receiver_runs_on_postgresql(postgres: str, yard: Yard, tmp_path: Path) -> None:
    database = new_database(postgres, "whole")
    token = register(database, "demo-line", tmp_path)
    yard.fill(rows=30, pieces=3)
    with running_receiver(database) as address:
        line = sender(yard, address, token)
        for _ in range(3):
            line.turn()
        line.close()
        assert httpx.get(f"{address}/stations/demo-line").status_code == 200
    assert Outbox(yard.store).pending() == ()
    assert pieces(database) == 90
