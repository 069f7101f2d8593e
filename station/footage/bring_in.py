"""Bringing footage in: pictures from anywhere become a folder the station plays, with the belt's ticks beside them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from station.footage.source import Picture, Seen, Shot, read_source
from station.footage.speed import BeltTable, by_picture, by_speed, by_table
from vision.footage import HEADER, TABLE
from vision.types import FootageError

DESCRIPTION = "footage.yaml"
TICKS = "ticks.csv"
_TICKS_EVERY_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class Belt:
    """Scale, and how the belt's motion is known: ``table`` (a tick table), ``speed_mm_s``, or else from the picture.

    ``mm_per_px`` belongs to the pictures as they are written, turned and scaled.
    """

    mm_per_px: float
    ticks_per_mm: float = 10.0
    table: Path | None = None
    speed_mm_s: float | None = None


class BroughtIn(NamedTuple):
    """What an import made; ``motion`` says in words how the belt's motion is known."""

    folder: Path
    frames: int
    width_px: int
    height_px: int
    seconds: float
    speed_mm_s: float
    motion: str


def bring_in(
    source: Path,
    folder: Path,
    seen: Seen,
    belt: Belt,
    *,
    run_out_mm: float,
    jpeg_quality: int = 92,
    progress: Callable[[int], None] = lambda _frames: None,
) -> BroughtIn:
    """Write pictures, ``frames.csv``, ``ticks.csv`` and ``footage.yaml``; the ticks go on for ``run_out_mm``.

    Raises FootageError, and leaves nothing behind then.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FootageError(f"{folder} is not empty: choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _written(source, folder, seen, belt, run_out_mm, jpeg_quality, progress)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _written(
    source: Path,
    folder: Path,
    seen: Seen,
    belt: Belt,
    run_out_mm: float,
    jpeg_quality: int,
    progress: Callable[[int], None],
) -> BroughtIn:
    rows: list[tuple[str, int]] = []
    shape = (0, 0)
    for shot in read_source(source, seen):
        if rows and shot.image.shape[:2] != shape:
            raise FootageError(f"{source}: picture {len(rows)} has another size than those before; cut it there.")
        shape = shot.image.shape[:2]
        rows.append((_write_picture(folder, len(rows), shot, jpeg_quality), shot.captured_ns))
        progress(len(rows))
    if len(rows) < 2:
        raise FootageError(f"{source} gives fewer than two pictures; nothing can be seen moving.")
    stamps = [stamp for _, stamp in rows]
    table = _motion(belt, stamps, lambda numbers: (_picture(folder / rows[n][0]) for n in numbers))
    write_table(folder / TABLE, HEADER, rows)
    write_table(folder / TICKS, ("taken_ns", "count"), table.rows(belt.ticks_per_mm, run_out_mm, _TICKS_EVERY_NS))
    (folder / DESCRIPTION).write_text(_description(source, belt, shape, table.how), encoding="utf-8")
    seconds = (stamps[-1] - stamps[0]) / 1e9
    return BroughtIn(folder, len(rows), shape[1], shape[0], seconds, table.travelled_mm() / seconds, table.how)


def _motion(belt: Belt, stamps: Sequence[int], pictures: Callable[[Sequence[int]], Iterator[Picture]]) -> BeltTable:
    if belt.table is not None:
        return by_table(belt.table, stamps, belt.ticks_per_mm)
    if belt.speed_mm_s is not None:
        return by_speed(belt.speed_mm_s, stamps)
    return by_picture(pictures, stamps, belt.mm_per_px)


def _write_picture(folder: Path, number: int, shot: Shot, jpeg_quality: int) -> str:
    name = f"{number:06d}.jpg"
    if not cv2.imwrite(str(folder / name), shot.image, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]):
        raise FootageError(f"{folder / name} cannot be written; is the disk full?")
    return name


def _picture(file: Path) -> Picture:
    return np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR), np.uint8)


def write_table(path: Path, header: Iterable[str], rows: Iterable[Sequence[object]]) -> None:
    """One CSV file with Unix line ends."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _description(source: Path, belt: Belt, shape: tuple[int, int], how: str) -> str:
    height, width = shape
    return (
        f"# Brought in by `station footage import`.\nsource: {_quoted(source.name)}\nmotion: {_quoted(how)}\n"
        f"mm_per_px: {belt.mm_per_px:g}\nwidth_px: {width}\nheight_px: {height}\n"
        f"ticks_per_mm: {belt.ticks_per_mm:g}\ncounter_bits: 32\nis_simulated: false\n"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def rate_of(stamps: Sequence[int]) -> tuple[float, float, float]:
    """Median, least and largest pictures per second between neighbours."""
    rates = sorted(1e9 / (after - before) for before, after in pairwise(stamps))
    return rates[len(rates) // 2], rates[0], rates[-1]
