"""The recorder: what it is told goes into files, and around anything that happens the last minute goes into one more.

It knows neither process nor clock; ``process`` feeds it. Trouble with the disk ends the recording, never the caller:
recording is the first thing to go, and begins again by itself when there is room.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from station.recording.flight import Incident, Memory
from station.recording.settings import Frames, RecorderNews, RecorderSetup
from station.recording.shelf import INCIDENT, RUN, Shelf, ShelfFull
from station.recording.tap import StepMade, Told
from station.recording.texts import RawEntry, texts_of
from station.recording.words import Begin, Finish, Gap, KeptFrame
from station.recording.writer import RecordingWriter

_NS = 1_000_000_000
_OWN_FAULT = "recording-stopped"
_MINUTE_NS = 60 * _NS
_FILES = 8


class Recorder:
    """Takes what the tap told, and pictures; ``news`` says how it is doing."""

    def __init__(self, setup: RecorderSetup) -> None:
        self._setup = setup
        self._settings = setup.settings
        self._shelf = Shelf(setup.folder, setup.settings.max_bytes, setup.settings.min_free_bytes)
        self._memory = Memory(setup.settings) if setup.settings.frames is Frames.flight else None
        self._writer: RecordingWriter | None = None
        self._incident: Incident | None = None
        self._opened_ns = 0
        self._now_ns = 0
        self._since_ns: int | None = None
        self._faults: frozenset[str] = frozenset()
        self._kept_ns: dict[str, int] = {}
        self._stopped = ""
        self._stopped_ns = 0
        self._file = ""
        self._written = 0
        self._steps = self._missed = self._frames = self._incidents = 0

    def take(self, told: Told) -> None:
        """One thing the tap told."""
        match told:
            case Begin():
                self._now_ns = told.at_ns
                self._turn_page()
                self._keep(told)
            case StepMade():
                self._take_step(told)
            case Gap():
                self._missed += told.steps
                self._keep(told)
            case Finish():
                self._now_ns = told.now_ns
                self._keep(told)

    def take_frame(self, frame: KeptFrame) -> None:
        """A picture, soon after the step that saw it."""
        self._frames += 1
        if self._settings.frames is Frames.all:
            self._write(frame)
        self._remember(frame)

    def keep_this(self, word: str) -> None:
        """Write down the last minute and what follows, because of ``word``: a fault's code, or a person's wish."""
        if self._incident is not None:
            self._incident.prolong(self._now_ns)
        elif self._memory is not None:
            self._begin_incident(self._memory, word)

    def work(self) -> bool:
        """A bit of what can wait; True when there is more of it."""
        if self._incident is None:
            return False
        try:
            self._incident.write_on()
            if self._incident.is_over:
                self._end_incident()
        except OSError as error:
            self._incident = None
            self._stop(error.strerror or str(error))
        return self._incident is not None and self._incident.is_busy

    def look_after(self) -> None:
        """Once a second: finished chunks to the disk, the oldest files away when the shelf is full."""
        try:
            self._shelf.make_room(self._busy())
            if self._writer is not None:
                self._writer.flush()
        except ShelfFull as full:
            self._stop(str(full))
        except OSError as error:
            self._stop(error.strerror or str(error))

    def news(self, frames_missed: int) -> RecorderNews:
        """``frames_missed``: pictures that could not be kept in time."""
        elapsed_ns = self._now_ns - (self._since_ns or 0)
        rate = self._total_bytes() * _NS / elapsed_ns if self._since_ns is not None and elapsed_ns >= 10 * _NS else 0.0
        days_kept, days_left = self._shelf.forecast(rate)
        return RecorderNews(
            file=self._file,
            stopped=self._stopped,
            used_bytes=self._shelf.used_bytes(),
            bytes_per_s=rate,
            days_kept=days_kept,
            days_left=days_left,
            steps=self._steps,
            steps_missed=self._missed,
            frames=self._frames,
            frames_missed=frames_missed,
            incidents=self._incidents,
            has_memory=self._memory is not None,
        )

    def close(self) -> None:
        """Everything to the disk, as far as it takes it."""
        try:
            if self._incident is not None:
                self._end_incident()
            self._close_writer()
        except OSError as error:
            self._stop(error.strerror or str(error))

    def _take_step(self, made: StepMade) -> None:
        self._now_ns = made.inputs.now_ns
        self._since_ns = self._now_ns if self._since_ns is None else self._since_ns
        self._steps += 1
        self._keep(texts_of(made.number, made.inputs, made.answers, made.outputs))
        present = frozenset(fault.code for fault in made.outputs.status.faults if fault.present)
        new = sorted(present - self._faults - {_OWN_FAULT})
        self._faults = present
        for code in new:
            self._keep_incident(code)

    def _keep_incident(self, code: str) -> None:
        """A fault that flickers is kept once a minute."""
        before_ns = self._kept_ns.get(code)
        if self._incident is not None or before_ns is None or self._now_ns - before_ns >= _MINUTE_NS:
            self._kept_ns[code] = self._now_ns
            self.keep_this(code)

    def _keep(self, kept: RawEntry) -> None:
        self._write(kept)
        self._remember(kept)

    def _remember(self, kept: RawEntry) -> None:
        if self._memory is not None:
            self._memory.take(kept, self._now_ns)
        if self._incident is not None:
            self._incident.take(kept, self._now_ns)

    def _write(self, kept: RawEntry) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(kept)
        except OSError as error:
            self._stop(error.strerror or str(error))

    def _turn_page(self) -> None:
        """A file can begin here: the first one, the next one, or again after the disk was full."""
        if self._stopped and self._now_ns - self._stopped_ns < self._settings.retry_s * _NS:
            return
        if self._writer is not None and (self._setup.file is not None or not self._is_full(self._writer)):
            return
        try:
            self._close_writer()
            self._shelf.make_room(self._busy())
            path = _unused(self._setup.file or self._path(RUN, self._setup.about.run[:8]))
            self._writer = self._open(path)
            self._opened_ns, self._file, self._stopped = self._now_ns, path.name, ""
        except ShelfFull as full:
            self._stop(str(full))
        except OSError as error:
            self._stop(error.strerror or str(error))

    def _is_full(self, writer: RecordingWriter) -> bool:
        is_old = self._now_ns - self._opened_ns >= self._settings.rotate_s * _NS
        return is_old or writer.size_bytes >= self._settings.max_bytes // _FILES

    def _begin_incident(self, memory: Memory, word: str) -> None:
        try:
            self._shelf.make_room(self._busy())
            writer = self._open(self._path(INCIDENT, word))
        except (ShelfFull, OSError):
            return
        self._incidents += 1
        self._incident = Incident(writer, memory.recall(), self._now_ns, self._settings.after_s)

    def _end_incident(self) -> None:
        incident, self._incident = self._incident, None
        if incident is not None:
            incident.close()

    def _open(self, path: Path) -> RecordingWriter:
        return RecordingWriter(path, self._setup.about, self._setup.attachments)

    def _path(self, kind: str, word: str) -> Path:
        return self._shelf.path_for(kind, self._now_ns + self._setup.about.utc_offset_ns, word)

    def _busy(self) -> Iterator[Path]:
        if self._writer is not None:
            yield self._writer.path
        if self._incident is not None:
            yield self._incident.path

    def _total_bytes(self) -> int:
        return self._written + (0 if self._writer is None else self._writer.size_bytes)

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            self._written += writer.path.stat().st_size

    def _stop(self, why: str) -> None:
        """What is written stays written; the file has no index then, which a reader does not need."""
        self._stopped, self._stopped_ns = why, self._now_ns
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()


def _unused(path: Path) -> Path:
    """No file is written over: one that had to be left stays as it is."""
    more = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in range(2, 10_000))
    return next(name for name in (path, *more) if not name.exists())
