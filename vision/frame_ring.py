"""Frames between processes: a few picture slots in shared memory, one writer, newest frame wins.

Every slot carries a sequence number that is odd while the slot is being written, so a reader can tell that the writer
lapped it. The creator owns the memory and unlinks it; the others attach by name.
"""

from __future__ import annotations

import struct
from multiprocessing import shared_memory

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<QQqq")  # lock, seq, captured_ns, tick (minus one: none)
_NO_TICK = -1


class FrameRing:
    """``slots`` pictures of ``shape`` (height, width, 3), uint8 BGR."""

    def __init__(self, shape: tuple[int, int, int], slots: int, name: str | None = None) -> None:
        """Create the memory, or attach to ``name``; raises FileNotFoundError when there is none of that name."""
        self._stride = 64 + int(np.prod(shape))
        self._owner = name is None
        self._memory = shared_memory.SharedMemory(name=name, create=self._owner, size=self._stride * slots)
        self.name = self._memory.name
        self.shape = shape
        self._slots = slots
        self._images = [
            np.ndarray(shape, np.uint8, buffer=self._memory.buf, offset=n * self._stride + 64) for n in range(slots)
        ]
        self._written = 0

    def begin(self) -> NDArray[np.uint8]:
        """The slot to write the next picture into; readers leave it alone until ``commit``."""
        slot = self._written % self._slots
        self._put(slot, 2 * self._written + 1, 0, 0, None)
        return self._images[slot]

    def commit(self, seq: int, captured_ns: int, tick: int | None) -> None:
        """Publish the picture written since ``begin``; ``seq`` starts at 1 and grows."""
        slot = self._written % self._slots
        self._put(slot, 2 * self._written + 2, seq, captured_ns, tick)
        self._written += 1

    def newest(self, after_seq: int) -> tuple[int, int, int | None, NDArray[np.uint8]] | None:
        """(seq, captured_ns, tick, image view) of the newest picture with seq > ``after_seq``, or None."""
        best: tuple[int, int] | None = None
        for slot in range(self._slots):
            lock, seq, _ns, _tick = _HEADER.unpack_from(self._buffer(), slot * self._stride)
            if lock % 2 == 0 and seq > after_seq and (best is None or seq > best[0]):
                best = (seq, slot)
        if best is None:
            return None
        seq, slot = best
        _lock, found, captured_ns, tick = _HEADER.unpack_from(self._buffer(), slot * self._stride)
        return None if found != seq else (seq, captured_ns, None if tick == _NO_TICK else tick, self._images[slot])

    def still(self, seq: int) -> bool:
        """True while the picture ``seq`` has not been overwritten."""
        return any(_HEADER.unpack_from(self._buffer(), slot * self._stride)[1] == seq for slot in range(self._slots))

    def close(self) -> None:
        """Detach; the owner also removes the memory. Views handed out must not be used any more."""
        self._images.clear()
        self._memory.close()
        if self._owner:
            self._memory.unlink()

    def _put(self, slot: int, lock: int, seq: int, captured_ns: int, tick: int | None) -> None:
        packed = _NO_TICK if tick is None else tick
        _HEADER.pack_into(self._buffer(), slot * self._stride, lock, seq, captured_ns, packed)

    def _buffer(self) -> memoryview:
        buffer = self._memory.buf
        assert buffer is not None
        return buffer
