"""Frames between processes: a few picture slots in shared memory, one writer, newest frame wins.

Every slot carries a lock number that is odd while the slot is being written, so that a reader never takes a picture or
a stamp that is half written. The creator owns the memory and unlinks it; the others attach by name.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from multiprocessing import shared_memory
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

_LOCK = struct.Struct("<Q")
_STAMP = struct.Struct("<Qqq")  # seq, captured_ns, tick
_NO_TICK = -1


class PictureMemory(Protocol):
    """Where a camera lays its pictures down: slots that are used again and again."""

    slot: int

    def begin(self, spared: Collection[int] = ()) -> NDArray[np.uint8]:
        """Choose ``slot`` to write the next picture into: that of the oldest picture, but none of ``spared``."""

    def commit(self, seq: int, captured_ns: int, tick: int | None) -> None:
        """The picture in ``slot`` is whole; one that is never committed has not been."""


class PrivateSlots:
    """``slots`` pictures of ``shape`` (height, width, 3), uint8 BGR, that no other process sees."""

    def __init__(self, shape: tuple[int, int, int], slots: int) -> None:
        self._images = [np.empty(shape, np.uint8) for _ in range(slots)]
        self.slot = -1

    def begin(self, spared: Collection[int] = ()) -> NDArray[np.uint8]:
        self.slot = _next_slot(self.slot, len(self._images), spared)
        return self._images[self.slot]

    def commit(self, seq: int, captured_ns: int, tick: int | None) -> None:
        """There is nobody to tell."""


def shrink_into(slot: NDArray[np.uint8], image: NDArray[np.uint8]) -> None:
    """The picture at the size of the slot, means over pixels; several times cheaper than every other pixel by numpy."""
    height, width = slot.shape[:2]
    cv2.resize(image, (width, height), dst=slot, interpolation=cv2.INTER_AREA)


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
        self.slot = -1

    def begin(self, spared: Collection[int] = ()) -> NDArray[np.uint8]:
        """The slot to write the next picture into; readers leave it alone until ``commit``."""
        self.slot = _next_slot(self.slot, self._slots, spared)
        _LOCK.pack_into(self._buffer(), self.slot * self._stride, 2 * self._written + 1)
        return self._images[self.slot]

    def commit(self, seq: int, captured_ns: int, tick: int | None) -> None:
        """Publish the picture written since ``begin``; ``seq`` starts at 1 and grows."""
        at = self.slot * self._stride
        _STAMP.pack_into(self._buffer(), at + _LOCK.size, seq, captured_ns, _NO_TICK if tick is None else tick)
        self._written += 1
        _LOCK.pack_into(self._buffer(), at, 2 * self._written)

    def newest(self, after_seq: int) -> tuple[int, int, int | None, NDArray[np.uint8]] | None:
        """(seq, captured_ns, tick, image view) of the newest picture with seq > ``after_seq``, or None."""
        stamps = [(stamp, slot) for slot in range(self._slots) if (stamp := self._stamp(slot)) is not None]
        (seq, captured_ns, tick), slot = max(stamps, default=((0, 0, _NO_TICK), 0))
        if seq <= after_seq:
            return None
        return seq, captured_ns, None if tick == _NO_TICK else tick, self._images[slot]

    def of(self, seq: int, captured_ns: int) -> NDArray[np.uint8] | None:
        """View of one certain picture, None when it is not there or not there any more."""
        for slot, image in enumerate(self._images):
            stamp = self._stamp(slot)
            if stamp is not None and stamp[:2] == (seq, captured_ns):
                return image
        return None

    def still(self, seq: int) -> bool:
        """True while the picture ``seq`` has not been overwritten."""
        stamps = map(self._stamp, range(self._slots))
        return any(stamp is not None and stamp[0] == seq for stamp in stamps)

    def close(self) -> None:
        """Detach; the owner also removes the memory. Views handed out must not be used any more."""
        self._images.clear()
        self._memory.close()
        if self._owner:
            self._memory.unlink()

    def _stamp(self, slot: int) -> tuple[int, int, int] | None:
        """(seq, captured_ns, tick) of a slot; None while it is empty or being written."""
        at = slot * self._stride
        (before,) = _LOCK.unpack_from(self._buffer(), at)
        seq, captured_ns, tick = _STAMP.unpack_from(self._buffer(), at + _LOCK.size)
        (after,) = _LOCK.unpack_from(self._buffer(), at)
        return (seq, captured_ns, tick) if before == after and before % 2 == 0 and before else None

    def _buffer(self) -> memoryview:
        buffer = self._memory.buf
        assert buffer is not None
        return buffer


def _next_slot(slot: int, slots: int, spared: Collection[int]) -> int:
    turn = ((slot + n) % slots for n in range(1, slots + 1))
    return next(slot for slot in turn if slot not in spared)
