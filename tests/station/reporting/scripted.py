"""A server that answers as it is told, over TCP or TLS, byte for byte."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.station.programme.certificates import Pair


class Request(NamedTuple):
    head: str
    rows: list[dict[str, object]]
    told: dict[str, object]


Say = Callable[[Request], bytes]


def http(status: str, body: str = "", kind: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, "connection: close"]) + f"\r\n\r\n{body}").encode()


def acknowledgement(request: Request, **changes: object) -> str:
    """What a receiver says that takes everything."""
    last = request.rows[-1]
    told = {
        "schema": "ack/1", "station": request.told["station"], "epoch": request.told["epoch"],
        "acknowledged_through": last["sequence"], "acknowledged_hash": last["hash"],
        "accepted": len(request.rows), "duplicates": 0, "waiting": 0, "missing": [], "refused": [],
    }  # fmt: skip
    return json.dumps({**told, **changes})


def take(request: Request) -> bytes:
    return http("200 OK", acknowledgement(request))


class Scripted:
    """Every connection is one request; ``says`` may be changed at any time."""

    def __init__(self, says: Say, pair: Pair | None) -> None:
        self.says = says
        self.requests: list[Request] = []
        self.heard = b""
        self._context: ssl.SSLContext | None = None
        if pair is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(pair.cert, pair.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'http' if self._context is None else 'https'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), plain:
                plain.settimeout(10)
                if self._context is None:
                    self._answer(plain)
                else:
                    with self._context.wrap_socket(plain, server_side=True) as secret:
                        self._answer(secret)

    def _answer(self, peer: socket.socket) -> None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            part = peer.recv(65536)
            if not part:
                return
            raw += part
            self.heard = raw
        head, _, body = raw.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += peer.recv(65536)
        told = json.loads(gzip.decompress(body))
        request = Request(head.decode(), told["rows"], told)
        self.requests.append(request)
        peer.sendall(self.says(request))


@contextmanager
def scripted(says: Say = take, pair: Pair | None = None) -> Iterator[Scripted]:
    server = Scripted(says, pair)
    try:
        yield server
    finally:
        server.close()
