"""Where footage comes from: a video file or a folder of pictures, as pictures with their exact instants."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vision.footage import HEADER, TABLE
from vision.types import FootageError

Picture = NDArray[np.uint8]

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_TURNS = {0: None, 90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """How pictures are taken: ``rotate`` is clockwise degrees, ``scale`` shrinks, ``from_s`` to ``to_s`` counts from
    the first picture (None: to the end), ``fps`` replaces the file's own instants by a constant rate."""

    rotate: int = 0
    scale: float = 1.0
    from_s: float = 0.0
    to_s: float | None = None
    fps: float | None = None


class Shot(NamedTuple):
    """One picture, (height, width, 3) BGR, and the instant it was taken at in the source's own time."""

    captured_ns: int
    image: Picture


def read_source(path: Path, seen: Seen) -> Iterator[Shot]:
    """The pictures of a video or folder, turned, scaled and cut; instants grow. Raises FootageError."""
    shots = _folder(path, seen.fps) if path.is_dir() else _video(path, seen.fps)
    first_ns = last_ns = None
    for captured_ns, image in shots:
        first_ns = captured_ns if first_ns is None else first_ns
        if last_ns is not None and captured_ns <= last_ns:
            continue
        last_ns = captured_ns
        since_s = (captured_ns - first_ns) / _NS
        if seen.to_s is not None and since_s > seen.to_s:
            return
        if since_s >= seen.from_s:
            yield Shot(captured_ns, _arranged(image, seen))


def _arranged(image: Picture, seen: Seen) -> Picture:
    turn = _TURNS[seen.rotate]
    turned = image if turn is None else cv2.rotate(image, turn)
    if seen.scale != 1:
        turned = cv2.resize(turned, None, fx=seen.scale, fy=seen.scale, interpolation=cv2.INTER_AREA)
    height, width = turned.shape[:2]
    return np.asarray(turned[: height - height % 2, : width - width % 2], np.uint8)


def _video(path: Path, fps: float | None) -> Iterator[Shot]:
    """Instants are the presentation stamps of the file, exact, whatever its rate does."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FootageError(f"{path} holds no video; give a video file or a folder of pictures.")
            stream = container.streams.video[0]
            stream.thread_type = "SLICE"
            for number, frame in enumerate(container.decode(stream)):
                yield Shot(_instant_ns(path, number, frame, fps), _upright(frame))
    except (av.FFmpegError, OSError) as error:
        raise FootageError(f"{path} cannot be played ({error}); give a video file or a folder of pictures.") from error


def _instant_ns(path: Path, number: int, frame: VideoFrame, fps: float | None) -> int:
    if fps is not None:
        return round(Fraction(number) / Fraction(fps) * _NS)
    if frame.pts is None or frame.time_base is None:
        raise FootageError(f"{path}: picture {number} has no time stamp; give the rate with --fps.")
    return round(frame.pts * frame.time_base * _NS)


def _upright(frame: VideoFrame) -> Picture:
    """As a player shows it: telephones store pictures lying down and say how to turn them, counterclockwise."""
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    turn = _TURNS[-int(frame.rotation) % 360]
    return image if turn is None else np.asarray(cv2.rotate(image, turn), np.uint8)


def _folder(path: Path, fps: float | None) -> Iterator[Shot]:
    """Instants come from ``frames.csv`` or from ``fps``; without a table pictures play in the order of their names."""
    table = path / TABLE
    if fps is None and not table.is_file():
        raise FootageError(f"{path} has no {TABLE}: give the rate of its pictures with --fps.")
    rows = _listed(path) if fps is not None else _tabled(table)
    for number, (file, captured_ns) in enumerate(rows):
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None:
            raise FootageError(f"{file} is no picture that can be read; take it out of the folder.")
        instant = captured_ns if fps is None else round(Fraction(number) / Fraction(fps) * _NS)
        yield Shot(instant, np.asarray(image, np.uint8))


def _listed(path: Path) -> list[tuple[Path, int]]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
    if not files:
        raise FootageError(f"{path} holds no pictures; give a video file or a folder of pictures.")
    return [(file, 0) for file in files]


def _tabled(table: Path) -> list[tuple[Path, int]]:
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
        found = [(table.parent / name, int(captured_ns)) for name, captured_ns in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise FootageError(f"{table} cannot be read ({error}); expected the columns {','.join(HEADER)}.") from error
    if header != HEADER or not found:
        raise FootageError(f"{table} must begin with the line {','.join(HEADER)} and list at least one picture.")
    return found
