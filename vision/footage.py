"""A recorded folder of JPEG pictures played as a camera, at the pace it was recorded."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.frame_ring import PictureMemory
from vision.types import CameraLost, FootageError, Frame

TABLE = "frames.csv"
HEADER = ["file", "captured_ns"]

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_UNTOUCHED = np.array([[(0, 255, 0), (255, 0, 255)] * 4], np.uint8)


class FootageInfo(NamedTuple):
    """What a folder of footage holds; ``captured_ns`` as recorded, growing."""

    files: tuple[Path, ...]
    captured_ns: tuple[int, ...]
    width_px: int
    height_px: int


def check_footage(folder: Path) -> FootageInfo:
    """Read the table and check every file; raises FootageError with one sentence that says what to do."""
    rows = _rows(folder / TABLE)
    for file, _ in rows:
        _check_jpeg(file)
    for (_, before), (file, after) in pairwise(rows):
        if after <= before:
            raise FootageError(f"{folder / TABLE}: captured_ns of {file.name} does not grow; sort the rows by time.")
    height, width = _decoded(rows[0][0]).shape[:2]
    return FootageInfo(tuple(file for file, _ in rows), tuple(ns for _, ns in rows), width, height)


class FolderCamera:
    """Plays a folder of footage: the first frame at ``t0_ns``, the others as far behind it as they were recorded.

    Frames that nobody read in time are dropped and counted, as a live camera does. With ``loop`` the footage starts
    again one frame period after its end.
    """

    def __init__(
        self,
        folder: Path,
        t0_ns: int,
        loop: bool = False,
        now_ns: Callable[[], int] = time.monotonic_ns,  # noqa: TID251 - a camera driver
        wait_s: Callable[[float], None] = time.sleep,  # noqa: TID251 - a camera driver
        memory: PictureMemory | None = None,
    ) -> None:
        """``memory``: slots that others read, too; None: pictures are nobody else's."""
        self._memory = memory
        self._folder = folder
        self._t0_ns = t0_ns
        self._loop = loop
        self._now_ns = now_ns
        self._wait_s = wait_s
        self._info: FootageInfo | None = None
        self._next = 0
        self._dropped = 0

    def open(self) -> None:
        """Check the whole folder; raises FootageError."""
        self._info = check_footage(self._folder)

    def read(self, timeout_ms: int) -> Frame | None:
        """The newest frame that is due, or None after ``timeout_ms`` or at the end. Raises CameraLost when closed."""
        if self._info is None:
            raise CameraLost(f"The footage {self._folder} is not open.")
        if self.finished:
            return None
        ahead_ns = self._due_ns(self._next) - self._now_ns()
        if ahead_ns > 0:
            self._wait_s(min(ahead_ns, timeout_ms * 1_000_000) / 1e9)
        now_ns = self._now_ns()
        if self._due_ns(self._next) > now_ns:
            return None
        while not self._is_last(self._next) and self._due_ns(self._next + 1) <= now_ns:
            self._next += 1
            self._dropped += 1
        number = self._next
        self._next += 1
        return self._frame(number, self._info.files[number % len(self._info.files)])

    @property
    def dropped(self) -> int:
        """Frames that were due and overtaken before anyone read them."""
        return self._dropped

    @property
    def finished(self) -> bool:
        """True at the end of the footage, never when it loops."""
        return self._info is not None and not self._loop and self._next >= len(self._info.files)

    def close(self) -> None:
        self._info = None

    def _frame(self, number: int, file: Path) -> Frame:
        seq, captured_ns = number + 1, self._due_ns(number)
        if self._memory is None:
            return Frame(seq, captured_ns, None, _decoded(file))
        image = self._memory.begin()
        _decode_into(image, file)
        self._memory.commit(seq, captured_ns, None)
        return Frame(seq, captured_ns, None, image)

    def _is_last(self, number: int) -> bool:
        return self._info is None or (not self._loop and number + 1 >= len(self._info.files))

    def _due_ns(self, number: int) -> int:
        assert self._info is not None
        stamps = self._info.captured_ns
        turn, within = divmod(number, len(stamps))
        length_ns = stamps[-1] - stamps[0]
        period_ns = length_ns // max(1, len(stamps) - 1) or 1
        return self._t0_ns + turn * (length_ns + period_ns) + stamps[within] - stamps[0]


def _rows(table: Path) -> list[tuple[Path, int]]:
    try:
        with table.open(newline="", encoding="utf-8") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FootageError(f"{table} cannot be read ({error}); give a folder that holds {TABLE}.") from error
    if header != HEADER or not rows:
        raise FootageError(f"{table} must begin with the line {','.join(HEADER)} and list at least one frame.")
    return [_row(table, number, row) for number, row in enumerate(rows, start=2)]


def _row(table: Path, number: int, row: list[str]) -> tuple[Path, int]:
    try:
        name, captured_ns = row
        if Path(name).name != name:
            raise ValueError(name)
        return table.parent / name, int(captured_ns)
    except ValueError as error:
        raise FootageError(
            f"{table} line {number}: expected file name and whole number, found {','.join(row)!r}; correct the line."
        ) from error


def _check_jpeg(file: Path) -> None:
    try:
        with file.open("rb") as picture:
            start = picture.read(2)
            picture.seek(-2, 2)
            end = picture.read(2)
    except OSError as error:
        raise FootageError(f"{file} is missing or empty; copy the whole footage folder again.") from error
    if start != _JPEG_START:
        raise FootageError(f"{file} is no JPEG picture; copy the footage folder again.")
    if end != _JPEG_END:
        raise FootageError(f"{file} is cut off; copy the whole footage folder again, or take its line out of {TABLE}.")


def _decoded(file: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if image is None:
        raise FootageError(f"{file} cannot be decoded; copy the footage folder again.")
    return np.asarray(image, np.uint8)


def _decode_into(image: NDArray[np.uint8], file: Path) -> None:
    """OpenCV leaves memory as it was where it cannot decode, and says nothing."""
    corner = image[:1, : _UNTOUCHED.shape[1]]
    corner[:] = _UNTOUCHED
    with suppress(cv2.error):
        cv2.imread(str(file), image, cv2.IMREAD_COLOR)
    if np.array_equal(corner, _UNTOUCHED):
        height, width = image.shape[:2]
        raise FootageError(f"{file} cannot be decoded as {width} x {height} pixels; copy the footage folder again.")
