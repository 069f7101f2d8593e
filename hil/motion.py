"""Where the simulated belt is, in a few bytes of shared memory: one writer, many readers, nobody waits."""

from __future__ import annotations

import struct
from multiprocessing import shared_memory

from hil.types import BeltMotion

_LOCK = struct.Struct("<Q")
_MOTION = struct.Struct("<qdd")
_SIZE = 64
_TRIES = 200


class Motion:
    """A sequence lock: the number in front is odd while the writer is at work."""

    def __init__(self, name: str | None = None) -> None:
        """Create the memory, or attach to ``name``; raises FileNotFoundError when there is none of that name."""
        self._owner = name is None
        self._memory = shared_memory.SharedMemory(name=name, create=self._owner, size=_SIZE)
        self.name = self._memory.name
        self._last = BeltMotion(0, 0.0, 0.0)

    def write(self, motion: BeltMotion) -> None:
        """Publish; only one process may write."""
        buffer = self._buffer()
        (lock,) = _LOCK.unpack_from(buffer)
        busy = lock | 1
        _LOCK.pack_into(buffer, 0, busy)
        _MOTION.pack_into(buffer, _LOCK.size, *motion)
        _LOCK.pack_into(buffer, 0, busy + 1)

    def read(self) -> BeltMotion:
        """The newest motion; the last whole one when the writer was stopped in the middle."""
        buffer = self._buffer()
        for _ in range(_TRIES):
            (before,) = _LOCK.unpack_from(buffer)
            found = BeltMotion(*_MOTION.unpack_from(buffer, _LOCK.size))
            if before % 2 == 0 and _LOCK.unpack_from(buffer) == (before,):
                self._last = found
                break
        return self._last

    def close(self) -> None:
        """Detach; the owner also removes the memory."""
        self._memory.close()
        if self._owner:
            self._memory.unlink()

    def _buffer(self) -> memoryview:
        buffer = self._memory.buf
        assert buffer is not None
        return buffer
