"""Ground truth beside footage: what every piece really is, one row each, in belt coordinates.

``at_tick`` is the encoder's raw count at which the piece's centre passes the datum line, unwrapped: it goes on counting
from the first reading of the recording and is not cut to the counter's width. So a row stays true whatever the
station's settings are, and labels of one recording fit every replay of it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from vision.types import FootageError

LABELS = "labels.csv"
HEADER = ("at_tick", "across_mm", "length_mm", "width_mm", "label", "who", "when_utc")
NOTHING = "NOTHING"
WORLD = "world"


class Label(NamedTuple):
    """``label`` is a codebook id, or NOTHING where something was found that is no piece. ``who`` said so, ``when_utc``
    in ISO 8601, empty when unknown; WORLD is the simulation, which knows every piece. Sizes are 0 where nobody
    measured them."""

    at_tick: int
    across_mm: float
    length_mm: float
    width_mm: float
    label: str
    who: str
    when_utc: str


def read_labels(path: Path) -> tuple[Label, ...]:
    """Every row, in order of ``at_tick``; raises FootageError with one sentence."""
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            header, *rows = list(csv.reader(lines)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FootageError(f"{path}: cannot be read ({error}); give a table of labels.") from error
    if tuple(header) != HEADER:
        raise FootageError(f"{path} must begin with the line {','.join(HEADER)}.")
    return tuple(sorted(_label(path, number, row) for number, row in enumerate(rows, start=2)))


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """The whole table or nothing, in order of ``at_tick``."""
    draft = path.with_name(path.name + ".part")
    with draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(_row(label) for label in sorted(labels))
    draft.replace(path)


def labels_beside(footage: Path) -> Path:
    """Where the labels of a footage folder or of a recording file lie."""
    return footage / LABELS if footage.is_dir() else footage.with_name(f"{footage.stem}.{LABELS}")


def _row(label: Label) -> tuple[object, ...]:
    sizes = (round(label.across_mm, 1), round(label.length_mm, 1), round(label.width_mm, 1))
    return (label.at_tick, *sizes, label.label, label.who, label.when_utc)


def _label(path: Path, number: int, row: Sequence[str]) -> Label:
    try:
        at, across, length, width, label, who, when = row
        found = Label(int(at), float(across), float(length), float(width), label, who, when)
        if not label or not all(map(math.isfinite, found[1:4])):
            raise ValueError(label)
    except ValueError as error:
        raise FootageError(f"{path} line {number}: expected {','.join(HEADER)}, found {','.join(row)!r}.") from error
    return found
