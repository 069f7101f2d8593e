"""Writing one recording: an MCAP file that, wherever it is cut, still holds every finished chunk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from mcap.writer import CompressionType, IndexType, Writer

from station.recording.codec import encode
from station.recording.layout import (
    ABOUT,
    ANSWERS,
    BEGIN,
    FINISH,
    FORMAT,
    GAP,
    INPUTS,
    OUTPUTS,
    PICTURE,
    TOPICS,
    Instant,
    Picture,
    Topic,
)
from station.recording.texts import RawEntry, StepTexts
from station.recording.words import About, Attachment, Begin, Finish, Gap, KeptFrame

_CHUNK_BYTES = 128 * 1024
_NS = 1_000_000_000


class RecordingWriter:
    """One open file; what was written so far survives whatever happens later. Raises OSError as files do."""

    def __init__(self, path: Path, about: About, attachments: Iterable[Attachment]) -> None:
        self.path = path
        self._offset_ns = about.utc_offset_ns
        self._now_ns = 0
        self._file = path.open("wb")
        self._writer = Writer(
            self._file, chunk_size=_CHUNK_BYTES, compression=CompressionType.ZSTD, index_types=IndexType.ALL
        )
        self._writer.start(profile="", library=FORMAT)
        values = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asdict(about).items()}
        self._writer.add_metadata(ABOUT, values)
        for name, media_type, content in attachments:
            self._writer.add_attachment(0, 0, name, media_type, content)
        self._channels = {topic: self._register(topic) for topic in TOPICS}

    def write(self, entry: RawEntry) -> None:
        """Whatever comes next."""
        match entry:
            case StepTexts():
                self.step(entry)
            case KeptFrame():
                self.frame(entry)
            case Begin():
                self.begin(entry)
            case Gap():
                self.gap(entry)
            case Finish():
                self.finish(entry)

    def begin(self, begin: Begin) -> None:
        self._now_ns = max(self._now_ns, begin.at_ns)
        self._add(BEGIN, begin.step, encode(Begin, begin))

    def step(self, step: StepTexts) -> None:
        self._now_ns = step.now_ns
        self._add(INPUTS, step.number, step.inputs)
        if step.answers is not None:
            self._add(ANSWERS, step.number, step.answers)
        self._add(OUTPUTS, step.number, step.outputs)

    def gap(self, gap: Gap) -> None:
        self._add(GAP, 0, encode(Gap, gap))

    def finish(self, finish: Finish) -> None:
        self._now_ns = finish.now_ns
        self._add(FINISH, 0, encode(Finish, finish))

    def frame(self, frame: KeptFrame) -> None:
        seq, captured_ns, tick = frame.stamp
        utc = Instant(*divmod(captured_ns + self._offset_ns, _NS))
        picture = Picture(utc, "belt", frame.encoded, frame.format, seq, captured_ns, tick)
        self._now_ns = max(self._now_ns, captured_ns)
        self._add(PICTURE, seq, encode(Picture, picture))

    @property
    def size_bytes(self) -> int:
        """What lies in the file by now."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand finished chunks to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Write the index and let go."""
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Let go without an index, because the disk takes nothing more."""
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _register(self, topic: Topic) -> int:
        text = json.dumps(topic.schema()).encode()
        schema_id = self._writer.register_schema(topic.schema_name, "jsonschema", text)
        return self._writer.register_channel(topic.name, "json", schema_id)

    def _add(self, topic: Topic, number: int, text: bytes) -> None:
        log_ns = self._now_ns + self._offset_ns
        self._writer.add_message(self._channels[topic], log_ns, text, log_ns, number & 0xFFFFFFFF)
