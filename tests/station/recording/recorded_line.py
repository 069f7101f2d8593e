"""A line on paper whose sorter is recorded, step by step, into a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from station.recording.eyes import ListeningEye
from station.recording.words import About, Attachment, Begin, Finish, Why
from station.recording.writer import RecordingWriter, texts_of
from station.sorter import Sorter, SorterSettings
from station.types import Inputs, Outputs, PieceRecord, Status
from vision.types import Eye

ABOUT = About("run", "paper-line", "0.1.0", "model", "config", 1_700_000_000_000_000_000, is_simulated=True)
RECIPE = Attachment("recipe.yaml", "text/yaml", b"name: paper\n")


class RecordedSorter(Sorter):
    """A sorter that writes down each of its steps; made anew it begins a new stretch of the same file."""

    def __init__(self, settings: SorterSettings, writer: RecordingWriter, first_step: int = 1) -> None:
        super().__init__(settings)
        self._writer = writer
        self._number = first_step - 1
        writer.begin(Begin(first_step, Why.started, settings, (), None), 0)

    def step(self, inputs: Inputs, eye: Eye) -> Outputs:
        self._number += 1
        listening = ListeningEye(eye)
        outputs = super().step(inputs, listening)
        self._writer.step(texts_of(self._number, inputs, listening.take(), outputs))
        return outputs

    def finish(self, now_ns: int) -> tuple[PieceRecord, ...]:
        records = super().finish(now_ns)
        return records

    def end(self, now_ns: int) -> tuple[PieceRecord, ...]:
        """The end of the run."""
        records = self.finish(now_ns)
        self._writer.finish(Finish(now_ns, records))
        return records

    def status(self, now_ns: int) -> Status:
        return super().status(now_ns)


def open_writer(path: Path, attachments: Sequence[Attachment] = (RECIPE,)) -> RecordingWriter:
    return RecordingWriter(path, ABOUT, attachments)
