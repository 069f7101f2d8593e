"""Reading a recording: from front to back, without its index, so that a file cut anywhere gives all it still holds.

    recording = open_recording(Path("run.mcap"))
    recording.about, recording.attachments["recipe.yaml"].text
    for step in recording.steps():
        outputs = sorter.step(step.inputs, RecordedEye(step.answers))

``entries()`` is everything in order; ``steps()``, ``frames()``, ``pieces()`` and ``begins()`` are views of it. Each
call reads the file anew and holds one chunk in memory.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from mcap.exceptions import McapError
from mcap.records import Attachment as McapAttachment
from mcap.records import Channel, Header, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader
from zstandard import ZstdError

from station.recording.codec import NotReadable, decode
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
    Picture,
)
from station.recording.texts import RawEntry, StepTexts
from station.recording.words import (
    About,
    Attachment,
    Begin,
    Entry,
    Finish,
    Gap,
    KeptFrame,
    RecordingUnreadable,
    Step,
)
from station.sorter import SorterSettings
from station.types import PieceRecord
from vision.types import FrameStamp

_LARGEST_RECORD_BYTES = 256 << 20
_CUT = (McapError, struct.error, ZstdError, RuntimeError, ValueError, EOFError)


class Recording:
    """A file that was found to be a recording. Nothing is kept open between two calls."""

    def __init__(self, path: Path, about: About, attachments: Mapping[str, Attachment]) -> None:
        self.path = path
        self.about = about
        self.attachments = attachments

    def settings(self) -> SorterSettings:
        """Settings of the first sorter: what ``Sorter(...)`` needs; raises RecordingUnreadable when none began."""
        return self.first_begin().settings

    def first_begin(self) -> Begin:
        """How the recording begins; raises RecordingUnreadable when it holds nothing."""
        first = next(self.begins(), None)
        if first is None:
            raise RecordingUnreadable(f"{self.path} holds no step: it was cut off at once. Use another recording.")
        return first

    def begins(self) -> Iterator[Begin]:
        return (entry for entry in self.raw_entries() if isinstance(entry, Begin))

    def steps(self) -> Iterator[Step]:
        return (entry for entry in self.entries() if isinstance(entry, Step))

    def frames(self) -> Iterator[KeptFrame]:
        """The pictures that were kept, in order; decode them with ``cv2.imdecode``."""
        return (entry for entry in self.raw_entries() if isinstance(entry, KeptFrame))

    def pieces(self) -> Iterator[PieceRecord]:
        """Every piece that was closed, in order."""
        for entry in self.entries():
            if isinstance(entry, Step):
                yield from entry.outputs.records
            elif isinstance(entry, Finish):
                yield from entry.records

    def entries(self) -> Iterator[Entry]:
        """Everything in the order it happened."""
        for entry in self.raw_entries():
            yield entry.read() if isinstance(entry, StepTexts) else entry

    def raw_entries(self) -> Iterator[RawEntry]:
        """The same with steps as texts, to be compared or written again. Raises RecordingUnreadable."""
        try:
            yield from _entries(self.path, self.about.utc_offset_ns)
        except NotReadable as error:
            raise RecordingUnreadable(
                f"{self.path} was made by {self.about.software}, this version cannot read it: {error}"
            ) from error


def open_recording(path: Path) -> Recording:
    """Look into a file; raises RecordingUnreadable when it is none of ours."""
    about: About | None = None
    attachments: dict[str, Attachment] = {}
    for record in _records(path):
        match record:
            case Header() if record.library != FORMAT:
                break
            case Metadata() if record.name == ABOUT:
                about = _about(path, record.metadata)
            case McapAttachment():
                attachments[record.name] = Attachment(record.name, record.media_type, record.data)
            case Message():
                break
    if about is None:
        raise RecordingUnreadable(f"{path} is no recording of a station, or was cut off at its very beginning.")
    return Recording(path, about, attachments)


def _about(path: Path, values: Mapping[str, str]) -> About:
    try:
        return About(
            run=values["run"],
            station=values["station"],
            software=values["software"],
            model_sha256=values["model_sha256"],
            config_sha256=values["config_sha256"],
            utc_offset_ns=int(values["utc_offset_ns"]),
            is_simulated=bool(json.loads(values["is_simulated"])),
        )
    except (KeyError, ValueError) as error:
        raise RecordingUnreadable(
            f"{path} does not say where it comes from ({error!r}): the file was changed."
        ) from error


def _records(path: Path) -> Iterator[McapRecord]:
    """All records up to the first that is not whole."""
    try:
        with path.open("rb") as file:
            reader = StreamReader(file, record_size_limit=_LARGEST_RECORD_BYTES, validate_crcs=True)
            yield from reader.records
    except OSError as error:
        raise RecordingUnreadable(f"{path} cannot be read ({error.strerror}): check the file and try again.") from error
    except _CUT:
        return


def _entries(path: Path, offset_ns: int) -> Iterator[RawEntry]:
    """Steps are put together from their messages; one that is not whole is left out."""
    topics: dict[int, str] = {}
    inputs: Message | None = None
    answers: bytes | None = None
    for record in _records(path):
        if isinstance(record, Channel):
            topics[record.id] = record.topic
        if not isinstance(record, Message):
            continue
        match topics[record.channel_id]:
            case INPUTS.name:
                inputs, answers = record, None
            case ANSWERS.name:
                answers = record.data
            case OUTPUTS.name if inputs is not None and inputs.sequence == record.sequence:
                yield StepTexts(record.sequence, record.log_time - offset_ns, inputs.data, answers, record.data)
            case topic:
                yield from _other(topic, record.data)


def _other(topic: str, text: bytes) -> Iterator[RawEntry]:
    match topic:
        case BEGIN.name:
            yield decode(Begin, text)
        case GAP.name:
            yield decode(Gap, text)
        case FINISH.name:
            yield decode(Finish, text)
        case PICTURE.name:
            picture = decode(Picture, text)
            yield KeptFrame(FrameStamp(picture.seq, picture.captured_ns, picture.tick), picture.format, picture.data)
