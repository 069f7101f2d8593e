"""A folder of footage as a whole: what is in it, and a part of it cut out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from station.footage.bring_in import DESCRIPTION, TICKS, rate_of, write_table
from station.footage.station_file import STATION, write_station_file
from station.ticks import read_ticks
from vision.footage import HEADER, TABLE, FootageInfo, check_footage
from vision.labels import LABELS, read_labels, write_labels
from vision.types import FootageError

_GAP = 2.5
_STANDS_MM_S = 5.0
_WINDOW_NS = 100_000_000
_LEAD_NS = 200_000_000


class Take(NamedTuple):
    """A folder of footage; ``ticks`` are (taken_ns, count unwrapped from the first reading)."""

    folder: Path
    pictures: FootageInfo
    ticks: tuple[tuple[int, int], ...]
    ticks_per_mm: float
    counter_bits: int
    mm_per_px: float
    is_simulated: bool
    motion: str


def open_take(folder: Path) -> Take:
    """Read and check everything; raises FootageError with one sentence."""
    facts = _facts(folder / DESCRIPTION)
    bits = round(_number(folder, facts, "counter_bits"))
    return Take(
        folder,
        check_footage(folder),
        unwrapped(read_ticks(folder), bits),
        _number(folder, facts, "ticks_per_mm"),
        bits,
        _number(folder, facts, "mm_per_px"),
        facts.get("is_simulated") is True,
        str(facts.get("motion", "encoder")),
    )


def unwrapped(ticks: tuple[tuple[int, int], ...], counter_bits: int) -> tuple[tuple[int, int], ...]:
    """Counts that go on beyond the counter's width."""
    half = 1 << counter_bits - 1
    found = [ticks[0]]
    for taken_ns, count in ticks[1:]:
        before = found[-1][1]
        found.append((taken_ns, before + (count - before + half) % (2 * half) - half))
    return tuple(found)


def told(take: Take) -> Iterator[str]:
    """What there is to say about it, line by line."""
    stamps = take.pictures.captured_ns
    seconds = (stamps[-1] - stamps[0]) / 1e9
    where = "rendered" if take.is_simulated else "real"
    size = f"{take.pictures.width_px} x {take.pictures.height_px} px at {take.mm_per_px:g} mm per pixel"
    yield f"{take.folder}: {len(stamps)} pictures, {size}, {seconds:.2f} s, {where}"
    if len(stamps) > 1:
        yield from _told_rate(stamps)
    yield from _told_speed(take)
    if (take.folder / LABELS).is_file():
        labels = read_labels(take.folder / LABELS)
        names = sorted({label.who for label in labels})
        yield f"labels: {len(labels)} pieces, by {', '.join(names) or 'nobody'}"
    else:
        yield "labels: none"


def _told_rate(stamps: tuple[int, ...]) -> Iterator[str]:
    median, least, most = rate_of(stamps)
    even = "" if most < 1.02 * least else f", varying from {least:.1f} to {most:.1f}"
    yield f"rate: {median:.2f} pictures per second{even}"
    period_ns = 1e9 / median
    gaps = [(before, after - before) for before, after in pairwise(stamps) if after - before > _GAP * period_ns]
    worst = max(gaps, key=lambda gap: gap[1], default=None)
    if worst is None:
        yield "gaps: none"
    else:
        yield (
            f"gaps: {len(gaps)}, the longest {worst[1] / 1e6:.0f} ms, "
            f"{(worst[0] - stamps[0]) / 1e9:.2f} s after the start"
        )


def _told_speed(take: Take) -> Iterator[str]:
    first_ns, last_ns = take.pictures.captured_ns[0], take.pictures.captured_ns[-1]
    under = [row for row in take.ticks if first_ns - _WINDOW_NS <= row[0] <= last_ns + _WINDOW_NS]
    if len(under) < 2:
        yield "belt: no readings while pictures were taken"
        return
    speeds = sorted(_speeds(under, take.ticks_per_mm))
    mean = (under[-1][1] - under[0][1]) * 1e9 / ((under[-1][0] - under[0][0]) * take.ticks_per_mm)
    stands = sum(abs(speed) < _STANDS_MM_S for speed in speeds) / len(speeds)
    yield (
        f"belt: {mean:.1f} mm/s in the mean, {speeds[0]:.0f} to {speeds[-1]:.0f}, standing {stands:.0%} of the time; "
        f"known by: {take.motion}"
    )


def _speeds(ticks: list[tuple[int, int]], ticks_per_mm: float) -> list[float]:
    """Speeds over windows long enough that one tick does not matter."""
    found, since = [], ticks[0]
    for row in ticks[1:]:
        if row[0] - since[0] >= _WINDOW_NS or row is ticks[-1]:
            found.append((row[1] - since[1]) * 1e9 / ((row[0] - since[0]) * ticks_per_mm))
            since = row
    return found


def cut(take: Take, out: Path, from_s: float, to_s: float | None, run_out_mm: float = 2200.0) -> int:
    """Copy what was taken between two instants after the first picture into ``out``; the number of pictures.

    Readings go on until what is on the last picture has fallen. Raises FootageError.
    """
    if out.exists() and any(out.iterdir()):
        raise FootageError(f"{out} is not empty: choose another folder.")
    stamps = take.pictures.captured_ns
    first_ns = stamps[0] + round(from_s * 1e9)
    last_ns = stamps[-1] if to_s is None else stamps[0] + round(to_s * 1e9)
    kept = [
        (file, stamp) for file, stamp in zip(take.pictures.files, stamps, strict=True) if first_ns <= stamp <= last_ns
    ]
    if not kept:
        raise FootageError(
            f"{take.folder} holds no picture between {from_s:g} s and {(last_ns - stamps[0]) / 1e9:g} s."
        )
    out.mkdir(parents=True, exist_ok=True)
    for file, _ in kept:
        shutil.copyfile(file, out / file.name)
    write_table(out / TABLE, HEADER, [(file.name, stamp) for file, stamp in kept])
    rows = _kept_ticks(take, kept[0][1], kept[-1][1], run_out_mm)
    modulus = 1 << take.counter_bits
    write_table(out / TICKS, ("taken_ns", "count"), [(taken_ns, count % modulus) for taken_ns, count in rows])
    shutil.copyfile(take.folder / DESCRIPTION, out / DESCRIPTION)
    _cut_labels(take, out, rows)
    if (take.folder / STATION).is_file():
        write_station_file(out, take.folder / STATION, {"mm_per_px": take.mm_per_px}, _left_column(take.folder))
    return len(kept)


def _kept_ticks(take: Take, first_ns: int, last_ns: int, run_out_mm: float) -> list[tuple[int, int]]:
    since = [row for row in take.ticks if row[0] >= first_ns - _LEAD_NS]
    at_end = max((count for taken_ns, count in since if taken_ns <= last_ns), default=since[0][1])
    return [row for row in since if row[0] <= last_ns or row[1] <= at_end + run_out_mm * take.ticks_per_mm]


def _cut_labels(take: Take, out: Path, rows: list[tuple[int, int]]) -> None:
    """Labels count from the first reading of their own recording, so they are counted anew."""
    if not (take.folder / LABELS).is_file():
        return
    modulus = 1 << take.counter_bits
    shift = rows[0][1] % modulus - rows[0][1]
    height_ticks = take.pictures.height_px * take.mm_per_px * take.ticks_per_mm
    kept = [
        label._replace(at_tick=label.at_tick + shift)
        for label in read_labels(take.folder / LABELS)
        if rows[0][1] - height_ticks <= label.at_tick <= rows[-1][1]
    ]
    write_labels(out / LABELS, kept)


def _left_column(folder: Path) -> float:
    from station.config import load_config

    return load_config(folder / STATION).calibration.left_column_px


def _facts(path: Path) -> dict[str, object]:
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError, UnicodeDecodeError) as error:
        raise FootageError(f"{path} cannot be read ({error}); copy the whole footage folder again.") from error
    if not isinstance(tree, dict):
        raise FootageError(f"{path} holds no keys; copy the whole footage folder again.")
    return {str(key): value for key, value in tree.items()}


def _number(folder: Path, facts: dict[str, object], key: str) -> float:
    found = facts.get(key)
    if not isinstance(found, int | float) or isinstance(found, bool) or found <= 0:
        raise FootageError(f"{folder / DESCRIPTION}: {key} must be a number above 0.")
    return float(found)
