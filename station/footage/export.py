"""A recording as a video that anybody can play, with what the sorter thought drawn over it, and a table of decisions.

The encoders are FFmpeg's own MPEG-4 (LGPL), VP9 (libvpx, BSD) or AV1 (SVT-AV1, BSD): H.264 as PyAV's wheels hold it is
libx264, which is GPL, so it is never chosen here.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from station.footage.overlay import Shown, drawn, knowledge_of
from station.recording.reader import Recording
from station.types import PieceRecord
from vision.types import FootageError

_MS = 1_000_000
_BASE = Fraction(1, 1000)
DECISIONS = (
    "piece", "at_tick", "across_mm", "length_mm", "area_mm2", "sightings", "looks", "label", "confidence", "outlet",
    "reason", "outcome", "outcome_reason", "open_tick", "close_tick", "slack_ms", "closed_ns",
)  # fmt: skip


class Encoder(StrEnum):
    """Encoders that may be used without a GPL library."""

    mpeg4 = "mpeg4"
    vp9 = "libvpx-vp9"
    av1 = "libsvtav1"


_OPTIONS = {
    Encoder.mpeg4: {"qscale": "4"},
    Encoder.vp9: {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b": "0"},
    Encoder.av1: {"preset": "11", "crf": "35"},
}


def export_video(
    recording: Recording,
    out: Path,
    encoder: Encoder,
    mm_per_px: float,
    progress: Callable[[int], None] = lambda _frames: None,
) -> int:
    """Write every kept picture with its overlay, each at its own instant; the number of pictures.

    Raises FootageError when there are none, or when the file cannot be written.
    """
    shown = knowledge_of(recording, mm_per_px)
    first = next(recording.frames(), None)
    if first is None:
        raise FootageError(
            f"{recording.path} holds no pictures: only its table of decisions can be written; "
            "record with pictures to see them."
        )
    try:
        with av.open(str(out), "w") as container:
            count = _encode(recording, shown, container, encoder, progress)
    except (av.FFmpegError, OSError) as error:
        raise FootageError(f"{out} cannot be written ({error}); name a file that ends in .mp4 or .mkv.") from error
    return count


def _encode(
    recording: Recording,
    shown: Shown,
    container: OutputContainer,
    encoder: Encoder,
    progress: Callable[[int], None],
) -> int:
    stream = container.add_stream(encoder.value)
    assert isinstance(stream, VideoStream)
    count = 0
    for at_ms, picture in _pictures(recording, shown):
        if count == 0:
            _prepare(stream, picture.shape, encoder)
        frame = VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = at_ms, _BASE
        container.mux(stream.encode(frame))
        count += 1
        progress(count)
    container.mux(stream.encode(None))
    return count


def _pictures(recording: Recording, shown: Shown) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Milliseconds since the first picture, growing, and the picture as drawn."""
    first_ns, last_ms = None, -1
    for kept in recording.frames():
        image = cv2.imdecode(np.frombuffer(kept.encoded, np.uint8), cv2.IMREAD_COLOR)
        first_ns = kept.stamp.captured_ns if first_ns is None else first_ns
        at_ms = (kept.stamp.captured_ns - first_ns) // _MS
        if image is not None and at_ms > last_ms:
            last_ms = at_ms
            yield at_ms, drawn(np.asarray(image, np.uint8), shown.by_seq.get(kept.stamp.seq), shown)


def _prepare(stream: VideoStream, shape: tuple[int, ...], encoder: Encoder) -> None:
    stream.height, stream.width = shape[0] - shape[0] % 2, shape[1] - shape[1] % 2
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _BASE
    stream.options = dict(_OPTIONS[encoder])
    if encoder is Encoder.mpeg4:
        stream.codec_context.bit_rate = 8_000_000


def write_decisions(records: Iterable[PieceRecord], out: Path) -> int:
    """One row per piece; the number of rows."""
    count = 0
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(DECISIONS)
        for record in records:
            writer.writerow(_row(record))
            count += 1
    return count


def _row(record: PieceRecord) -> tuple[object, ...]:
    piece, decision, shot = record.piece, record.decision, record.ejection
    return (
        piece.id, piece.at, round(piece.across_mm, 1), round(piece.length_mm, 1), round(piece.area_mm2),
        piece.sightings, piece.evidence.looks, decision.label, round(decision.confidence, 4), decision.outlet or "",
        decision.reason.value, record.outcome.value, record.reason,
        "" if shot is None else shot.open_tick, "" if shot is None else shot.close_tick,
        "" if record.slack_ms is None else round(record.slack_ms, 1), record.closed_ns,
    )  # fmt: skip
