"""A message link between two processes: whole messages, both ways, and neither end ever waits for the other."""

from __future__ import annotations

import pickle
import socket

_BUFFER_BYTES = 1 << 20
_LARGEST_MESSAGE_BYTES = 1 << 18


class Link:
    """One end of a Unix SEQPACKET pair. It can be handed to a spawned process as an argument."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._socket.setblocking(False)

    def send(self, message: object) -> bool:
        """True when the message is on its way; False when the reader is too slow and nothing was sent.

        Raises ConnectionError when the other end is gone.
        """
        try:
            self._socket.send(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        except BlockingIOError:
            return False
        return True

    def receive(self) -> list[object]:
        """All messages that have arrived; raises ConnectionError when the other end is gone and all was read."""
        messages: list[object] = []
        while True:
            try:
                raw = self._socket.recv(_LARGEST_MESSAGE_BYTES)
            except BlockingIOError:
                return messages
            except ConnectionError:
                raw = b""
            if raw:
                messages.append(pickle.loads(raw))
            elif messages:
                return messages
            else:
                raise ConnectionError("the other end of the link is gone")

    def fileno(self) -> int:
        """For select and event loops."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


def open_link() -> tuple[Link, Link]:
    """Two connected ends."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return Link(ends[0]), Link(ends[1])
