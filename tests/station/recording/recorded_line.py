"""A line on paper whose sorter is recorded, step by step, into a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from station.recording.tap import StepMade, TappedSorter, Told
from station.recording.texts import texts_of
from station.recording.words import About, Attachment, Begin, Why
from station.recording.writer import RecordingWriter
from station.sorter import Sorter
from tests.station.paper_line import EXPOSED_BEFORE_NS, STEP_NS, PaperLine, PaperPiece, settings
from vision.types import Port

ABOUT = About("run", "paper-line", "0.1.0", "model", "config", 1_700_000_000_000_000_000, is_simulated=True)
RECIPE = Attachment("recipe.yaml", "text/yaml", b"name: paper\n")


class FilePort:
    """A port whose other end is a file."""

    def __init__(self, writer: RecordingWriter) -> None:
        self.writer = writer

    def send(self, message: object) -> bool:
        for told in cast(tuple[Told, ...], message):
            kept = texts_of(*told) if isinstance(told, StepMade) else told
            self.writer.write(kept)
        return True

    def receive(self) -> list[object]:
        return []


class RecordedLine:
    """A ``PaperLine`` that writes to ``path``; ``restart`` puts a new sorter in the place of the old one."""

    def __init__(self, path: Path, pieces: Sequence[PaperPiece], *, start_count: int = 0) -> None:
        self._writer = RecordingWriter(path, ABOUT, (RECIPE,))
        self._told = ToldLine(FilePort(self._writer), pieces, start_count=start_count)
        self.line = self._told.line
        self.restart = self._told.restart

    def end(self) -> None:
        """Close every piece and the file."""
        self._told.end()
        self._writer.close()


class ToldLine:
    """A ``PaperLine`` whose sorter tells ``port`` everything."""

    def __init__(
        self, port: Port, pieces: Sequence[PaperPiece], *, start_count: int = 0, state_ns: int = 1_000_000_000
    ) -> None:
        self._state_ns = state_ns
        self.line = PaperLine(pieces, start_count=start_count)
        self._port = port
        self.restart(())

    def restart(self, latched: tuple[tuple[str, str], ...]) -> None:
        """A new sorter in the place of the old one."""
        made = settings(32, 60.0)
        begin = Begin(self.line.now_ns, 1, Why.started, made, latched, None)
        self.tapped = TappedSorter(Sorter(made, latched), begin, self._port, self._state_ns)
        self.line.sorter = cast(Sorter, self.tapped)

    @property
    def frames(self) -> int:
        """Number of the newest picture."""
        return self.line._frames

    @property
    def next_captured_ns(self) -> int:
        """When the next picture will have been taken."""
        return self.line.now_ns + STEP_NS - EXPOSED_BEFORE_NS

    def end(self) -> None:
        """Close every piece, and tell it."""
        self.line.finish()
        self.tapped.send_rest()
