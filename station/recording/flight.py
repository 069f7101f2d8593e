"""The flight recorder: the last minute in memory, written to a file of its own around anything that happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from station.recording.settings import RecordingSettings
from station.recording.texts import RawEntry
from station.recording.words import Begin, KeptFrame
from station.recording.writer import RecordingWriter

_NS = 1_000_000_000
_LONGEST_S = 120.0
_PER_TURN = 64


@dataclass(slots=True)
class _Stretch:
    """What followed one ``Begin``, up to the next."""

    begun_ns: int
    kept: deque[RawEntry] = field(default_factory=deque)


class Memory:
    """The last ``keep_s``, in whole stretches, so that what is left can always be replayed from its beginning."""

    def __init__(self, settings: RecordingSettings) -> None:
        self._keep_ns = round(settings.keep_s * _NS)
        self._keep_bytes = settings.keep_bytes
        self._stretches: deque[_Stretch] = deque()
        self._frames: deque[tuple[_Stretch, KeptFrame]] = deque()
        self._frame_bytes = 0

    def take(self, kept: RawEntry, now_ns: int) -> None:
        """Remember one thing; nothing is remembered before the first ``Begin``."""
        if isinstance(kept, Begin):
            self._stretches.append(_Stretch(now_ns))
        if not self._stretches:
            return
        newest = self._stretches[-1]
        newest.kept.append(kept)
        if isinstance(kept, KeptFrame):
            self._frames.append((newest, kept))
            self._frame_bytes += len(kept.encoded)
        self._forget(now_ns)

    @property
    def frame_bytes(self) -> int:
        """Memory taken by pictures."""
        return self._frame_bytes

    def recall(self) -> Iterator[RawEntry]:
        """Everything remembered, oldest first."""
        for stretch in self._stretches:
            yield from stretch.kept

    def _forget(self, now_ns: int) -> None:
        """A stretch goes when the one after it is old enough to tell the whole time; pictures when they are many."""
        while len(self._stretches) > 1 and now_ns - self._stretches[1].begun_ns >= self._keep_ns:
            gone = self._stretches.popleft()
            while self._frames and self._frames[0][0] is gone:
                self._frame_bytes -= len(self._frames.popleft()[1].encoded)
        while self._frame_bytes > self._keep_bytes:
            stretch, frame = self._frames.popleft()
            stretch.kept.remove(frame)
            self._frame_bytes -= len(frame.encoded)


class Incident:
    """One file being written: what was remembered, then what follows until ``after_s`` have gone by in peace."""

    def __init__(self, writer: RecordingWriter, remembered: Iterator[RawEntry], now_ns: int, after_s: float) -> None:
        self._writer = writer
        self._unwritten: deque[RawEntry] = deque(remembered)
        self._after_ns = round(after_s * _NS)
        self._latest_ns = now_ns + round(_LONGEST_S * _NS)
        self._until_ns = now_ns + self._after_ns
        self._now_ns = now_ns
        self.path = writer.path

    def prolong(self, now_ns: int) -> None:
        """Something happened again; one file never gets longer than two minutes."""
        self._until_ns = min(now_ns + self._after_ns, self._latest_ns)

    def take(self, kept: RawEntry, now_ns: int) -> None:
        self._now_ns = now_ns
        self._unwritten.append(kept)

    def write_on(self) -> None:
        """A bit of what waits, so that the steps that arrive meanwhile are not kept waiting."""
        for _ in range(min(_PER_TURN, len(self._unwritten))):
            self._writer.write(self._unwritten.popleft())

    @property
    def is_busy(self) -> bool:
        return bool(self._unwritten)

    @property
    def is_over(self) -> bool:
        return not self._unwritten and self._now_ns >= self._until_ns

    def close(self) -> None:
        """Write the rest and close the file."""
        while self.is_busy:
            self.write_on()
        self._writer.close()
