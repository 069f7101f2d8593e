"""A plant's own crops, as ``station dataset export`` writes them: pictures with label, object and split."""

from __future__ import annotations

import csv
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hil.look import Look, View
from hil.texture import belt_loop
from station.dataset.versions import OBJECTS
from station.training.evaluate import UNKNOWN
from station.training.folders import as_crop, read_picture
from station.training.laying import Laying, seen_again
from station.training.lessons import Lessons
from station.training.photos import Cutout
from station.training.refusals import TrainingRefused
from vision.crop import CropSpec

OWN, OWN_VAL = "own", "own val"
VIEWS, MOST = 6, 6000


def read_own(
    folder: Path, spec: CropSpec, labels: Sequence[str], families: Mapping[str, str]
) -> tuple[tuple[tuple[str, tuple[Cutout, ...]], ...], str]:
    """The export's crops at the model's size by the part they belong to, and its id for the card.

    The train split is taught, val measured, test left alone. Raises TrainingRefused when ``folder`` is no export, holds
    nothing to learn from, or names a label of which there are no rendered pieces.
    """
    rows = _rows(folder)
    belt = belt_loop(Look(loop_mm=400.0), View())
    parts: dict[str, list[Cutout]] = {OWN: [], OWN_VAL: []}
    for row in rows:
        part = {"train": OWN, "val": OWN_VAL}.get(row["split"])
        if part is not None:
            may_be = _may_be(folder, row["label"], labels, families)
            picture = as_crop(read_picture(folder / row["file"]), belt, spec, zlib.crc32(row["file"].encode()))
            parts[part].append(Cutout(row["file"], row["label"], may_be, row["object"], False, picture))
    if not parts[OWN]:
        raise TrainingRefused(f"{folder} holds no pictures of split train; run station dataset split before exporting.")
    digest = hashlib.sha256((folder / OBJECTS).read_bytes()).hexdigest()[:12]
    return tuple((part, tuple(found)) for part, found in parts.items() if found), f"own crops, export {digest}"


def count_of(part: str, crops: Sequence[Cutout]) -> int:
    """How many views of own crops a part has: each taught one VIEWS times as far as MOST allows, measured ones once."""
    return min(VIEWS * len(crops), max(MOST, len(crops))) if part == OWN else len(crops)


def from_own(crops: Sequence[Cutout], labels: Sequence[str], how: Laying, *, seed: int, as_they_are: bool) -> Lessons:
    """One view of every crop: as it is, or turned and under other light."""
    rng = np.random.default_rng(seed)
    pictures = [one.image if as_they_are else seen_again(rng, one.image, how) for one in crops]
    may_be = [[label in one.labels for label in labels] + [one.family == UNKNOWN] for one in crops]
    return Lessons(np.stack(pictures), np.array(may_be), tuple(one.object_id for one in crops))


def _rows(folder: Path) -> list[dict[str, str]]:
    try:
        with (folder / OBJECTS).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except OSError as error:
        raise TrainingRefused(
            f"{folder / OBJECTS} cannot be read ({error.strerror}); name a folder written by station dataset export."
        ) from error
    if not rows or not {"file", "object", "split", "label"} <= set(rows[0]):
        raise TrainingRefused(f"{folder / OBJECTS} lists no pictures; export the data set again.")
    return rows


def _may_be(folder: Path, label: str, labels: Sequence[str], families: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(one for one in labels if label in (one, families.get(one)))
    if not found and label != UNKNOWN:
        raise TrainingRefused(
            f"{folder} holds {label}, of which there are no rendered pieces to learn from; leave it out of the export."
        )
    return found
