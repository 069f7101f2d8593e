"""A part of a recording as a recording of its own: it opens with the sorter's state, so it replays like the whole."""

from __future__ import annotations

from pathlib import Path

from station.recording.eyes import RecordedEye
from station.recording.reader import Recording, open_recording
from station.recording.snapshot import freeze, thaw
from station.recording.texts import StepTexts
from station.recording.words import Begin, Finish, Gap, KeptFrame, Why
from station.recording.writer import RecordingWriter
from station.sorter import Sorter
from station.whatif.rerun import origin_of
from vision.labels import labels_beside, read_labels, write_labels
from vision.types import FootageError


def cut_recording(recording: Recording, out: Path, from_s: float, to_s: float | None) -> int:
    """Write the steps and pictures between two instants after the first step; the number of steps.

    Labels beside the recording are written beside the part. Raises FootageError when nothing lies between them.
    """
    if out.exists():
        raise FootageError(f"{out} exists already: name another file, recordings are not written over.")
    with RecordingWriter(out, recording.about, recording.attachments.values()) as writer:
        cutter = _Cutter(writer, from_s, to_s)
        for entry in recording.raw_entries():
            cutter.take(entry)
    if not cutter.written:
        out.unlink()
        raise FootageError(f"{recording.path} holds no step between {from_s:g} s and {to_s or cutter.seconds:g} s.")
    _cut_labels(recording, out)
    return cutter.written


class _Cutter:
    """Plays what comes before the part, so that the sorter's state at its beginning is known."""

    def __init__(self, writer: RecordingWriter, from_s: float, to_s: float | None) -> None:
        self._writer = writer
        self._from_s = from_s
        self._to_s = to_s
        self._begun_ns: int | None = None
        self._sorter: Sorter | None = None
        self._begin: Begin | None = None
        self.written = 0
        self.seconds = 0.0

    def take(self, entry: Begin | StepTexts | Gap | Finish | KeptFrame) -> None:
        """The next entry of the whole."""
        match entry:
            case StepTexts():
                self._step(entry)
            case Begin() if not self.written:
                self._begin = entry
                if entry.why is Why.started or self._sorter is None:
                    self._sorter = Sorter(entry.settings, entry.latched) if entry.state is None else thaw(entry.state)
            case Gap() if not self.written:
                self._sorter = None
            case _ if self.written and not self._is_over():
                self._writer.write(entry)

    def _is_over(self) -> bool:
        return self._to_s is not None and self.seconds > self._to_s

    def _step(self, step: StepTexts) -> None:
        self._begun_ns = step.now_ns if self._begun_ns is None else self._begun_ns
        self.seconds = (step.now_ns - self._begun_ns) / 1e9
        if self._is_over():
            return
        if self.written or self.seconds >= self._from_s:
            if not self.written:
                self._open(step)
            self._writer.write(step)
            self.written += 1
        elif self._sorter is not None:
            inputs, answers = step.told()
            self._sorter.step(inputs, RecordedEye(answers))

    def _open(self, step: StepTexts) -> None:
        """The beginning of the part: that of the whole when nothing came before, else the state at this step."""
        if self._begin is None or self._sorter is None:
            raise FootageError("Steps are missing just before this part: cut it somewhat later.")
        if self._begin.step == step.number:
            self._writer.write(self._begin)
            return
        settings, state = self._begin.settings, freeze(self._sorter)
        self._writer.write(Begin(step.now_ns, step.number, Why.continued, settings, (), state))


def _cut_labels(recording: Recording, out: Path) -> None:
    """Labels count from the first reading of their own recording: those of the part begin at its raw count."""
    table = labels_beside(recording.path)
    if not table.is_file():
        return
    whole, part = origin_of(recording), origin_of(open_recording(out))
    counted = whole.raw + part.tick - whole.tick
    shifted = (label._replace(at_tick=label.at_tick + part.raw - counted) for label in read_labels(table))
    write_labels(labels_beside(out), shifted)
