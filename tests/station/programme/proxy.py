"""A proxy for bytes between a station and the receiver that may lose what comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Proxy:
    """One connection at a time. ``on_answer`` is called when the first byte of an answer is there; False drops it."""

    def __init__(self, target: str, on_answer: Callable[[], bool]) -> None:
        self.target = target
        self.on_answer = on_answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{urlsplit(target).scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), near:
                port = urlsplit(self.target).port
                with socket.create_connection(("127.0.0.1", port), 5) as far:
                    self._carry(near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        onward = threading.Thread(target=_pump, args=(near, far))
        onward.start()
        try:
            answer = far.recv(65536)
            while answer and self.on_answer():
                near.sendall(answer)
                answer = far.recv(65536)
        finally:
            for side in (near, far):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            onward.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(target: str, on_answer: Callable[[], bool]) -> Iterator[Proxy]:
    proxy = Proxy(target, on_answer)
    try:
        yield proxy
    finally:
        proxy.close()
