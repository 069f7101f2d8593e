"""A serial line in virtual time that delays, doubles, damages, cuts and loses answers, and adds noise; seeded.

Built for one question: is a value ever believed that belongs to another request? The slave behind it answers in order,
as a real one does.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_STEP_NS = 1_000
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LineMishaps:
    """Shares 0..1 of answers to which each happens, and how late a late one is: up to ``latest_ms``.

    ``noise`` is the share of answers with stray bytes somewhere before, ``idle_noise`` of the pauses between requests.
    ``deaf`` requests never reach the slave; ``doubled`` answers come again, up to ``doubled_ms`` later.
    """

    late: float = 0.0
    latest_ms: float = 200.0
    doubled: float = 0.0
    doubled_ms: float = 0.0
    damaged: float = 0.0
    cut: float = 0.0
    lost: float = 0.0
    deaf: float = 0.0
    noise: float = 0.0
    idle_noise: float = 0.0
    reply_ms: float = 2.0


class _Byte(NamedTuple):
    """It has wholly arrived at ``at_ns``."""

    at_ns: int
    value: int


class FakeLine:
    """A ``SerialPort`` with its own clock ``now_ns``; ``hear`` is given requests and ``say`` is to be given answers."""

    def __init__(self, mishaps: LineMishaps, seed: int, byte_ns: int = 86_806) -> None:
        self._mishaps = mishaps
        self._chance = random.Random(seed)
        self._byte_ns = byte_ns
        self._time_ns = _NS_PER_S
        self._coming: list[_Byte] = []
        self._free_ns = 0
        self.hear: Callable[[bytes], None] = lambda _request: None
        self.pause: Callable[[], None] = lambda: None
        self.late_answers = 0

    def now_ns(self) -> int:
        return self._time_ns

    def open(self) -> None:
        """What had arrived before is gone; what is under way is not."""
        self._arrived()

    def close(self) -> None: ...

    def write(self, frame: bytes) -> None:
        self._time_ns += len(frame) * self._byte_ns
        self.pause()
        if self._chance.random() >= self._mishaps.deaf:
            self.hear(frame)

    def say(self, answer: bytes) -> None:
        """The slave answers: after everything it has said before."""
        mishaps, chance = self._mishaps, self._chance
        begun_ns = max(self._time_ns + round(mishaps.reply_ms * 1e6), self._free_ns)
        if chance.random() < mishaps.late:
            self.late_answers += 1
            begun_ns += round(chance.uniform(0, mishaps.latest_ms) * 1e6)
        self._free_ns = begun_ns + len(answer) * self._byte_ns
        if chance.random() < mishaps.lost:
            return
        heard = self._harm(answer)
        if chance.random() < mishaps.noise:
            self._send(begun_ns - 5 * self._byte_ns, chance.randbytes(chance.randint(1, 4)))
        self._send(begun_ns, heard)
        if chance.random() < mishaps.doubled:
            again_ns = self._free_ns + round(chance.uniform(0, mishaps.doubled_ms) * 1e6)
            self._send(again_ns, answer)
            self._free_ns = again_ns + len(answer) * self._byte_ns

    def read(self, wait_s: float) -> bytes:
        """Time passes here and in ``write`` only."""
        until_ns = self._time_ns + max(0, round(wait_s * _NS_PER_S))
        if wait_s > 0 and self._chance.random() < self._mishaps.idle_noise:
            self._send(self._chance.randint(self._time_ns, until_ns), self._chance.randbytes(1))
        arriving_ns = self._coming[0].at_ns if self._coming else until_ns
        self._time_ns = max(self._time_ns + _STEP_NS, min(arriving_ns, until_ns))
        return self._arrived()

    def _send(self, begun_ns: int, heard: bytes) -> None:
        self._coming += [_Byte(begun_ns + (n + 1) * self._byte_ns, value) for n, value in enumerate(heard)]
        self._coming.sort()

    def _arrived(self) -> bytes:
        here = bytes(byte.value for byte in self._coming if byte.at_ns <= self._time_ns)
        del self._coming[: len(here)]
        return here

    def _harm(self, answer: bytes) -> bytes:
        heard = bytearray(answer)
        if self._chance.random() < self._mishaps.damaged:
            for _ in range(self._chance.randint(1, 3)):
                heard[self._chance.randrange(len(heard))] ^= self._chance.randint(1, 255)
        if self._chance.random() < self._mishaps.cut:
            del heard[self._chance.randint(1, len(heard) - 1) :]
        return bytes(heard)
