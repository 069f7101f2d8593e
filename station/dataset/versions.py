"""Versions of a data set: a list of pictures, labels and splits named by the hash of its content, and its export."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import NamedTuple

from station.dataset.book import Book
from station.dataset.split import disputed
from station.dataset.words import Crop, DatasetRefused, Reason

FOLDER = "versions"
OBJECTS = "objects.csv"
_HEADER = "sha256\tkind\tlabel\tsplit\tobject\n"


class Entry(NamedTuple):
    """One picture of a version."""

    sha256: str
    kind: str
    label: str
    split: str
    object: str


def freeze(book: Book) -> tuple[str, int]:
    """Write down every labelled picture; returns the version's id and the number of pictures.

    The same content always has the same id. Raises DatasetRefused when labels are missing or contradict, or nothing is
    split.
    """
    contested = disputed(book.crops())
    if contested:
        shown = "; ".join(
            f"{crops[0].object}: " + ", ".join(f"{one.id} {one.label}" for one in crops) for crops in contested[:5]
        )
        raise DatasetRefused(
            f"{len(contested)} objects carry different labels (crop and label: {shown}); "
            "put one of each right with station dataset review --id N --set LABEL --by NAME."
        )
    splits = book.splits()
    entries = sorted(
        Entry(crop.sha256, crop.kind, crop.label, splits[crop.object], crop.object)
        for crop in book.crops()
        if crop.label is not None and crop.object in splits
    )
    if not entries:
        raise DatasetRefused("There is no labelled picture with a split; label some, then run station dataset split.")
    text = _HEADER + "".join("\t".join(entry) + "\n" for entry in entries)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = _path(book, version)
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return version, len(entries)


def versions(book: Book) -> tuple[str, ...]:
    """Ids of all versions, oldest first."""
    files = sorted((book.folder / FOLDER).glob("*.tsv"), key=lambda path: path.stat().st_mtime_ns)
    return tuple(path.stem for path in files)


def read_version(book: Book, version: str) -> tuple[Entry, ...]:
    """Raises DatasetRefused when there is no such version or its list was changed."""
    matching = [name for name in versions(book) if name.startswith(version)]
    if len(matching) != 1:
        known = ", ".join(versions(book)) or "none"
        raise DatasetRefused(f"There is no single version {version!r}; there are: {known}.")
    text = _path(book, matching[0]).read_text(encoding="utf-8")
    if hashlib.sha256(text.encode()).hexdigest()[:16] != matching[0]:
        raise DatasetRefused(f"The list of version {matching[0]} was changed since it was written; restore it.")
    return tuple(Entry(*line.split("\t")) for line in text.splitlines()[1:])


def export(book: Book, version: str, out: Path, split: str | None) -> int:
    """Write OUT/<label>/<picture> of one split, or OUT/<split>/<label>/<picture> of all, with ``objects.csv`` beside.

    That is the tree ``station evaluate --crops`` and training read. Raises DatasetRefused when ``out`` is not empty or
    a picture is gone.
    """
    if out.exists() and any(out.iterdir()):
        raise DatasetRefused(f"{out} is not empty; name a new folder.")
    entries = [entry for entry in read_version(book, version) if split in (None, entry.split)]
    if not entries:
        raise DatasetRefused(f"Version {version} has no pictures of split {split}.")
    out.mkdir(parents=True, exist_ok=True)
    lines = [("file", "object", "split", "label")]
    for entry in entries:
        place = Path(entry.label) if split is not None else Path(entry.split) / entry.label
        file = place / f"{entry.sha256[:16]}.{entry.kind}"
        (out / place).mkdir(parents=True, exist_ok=True)
        (out / file).write_bytes(book.picture(_crop(entry)))
        lines.append((str(file), entry.object, entry.split, entry.label))
    with (out / OBJECTS).open("w", encoding="utf-8", newline="") as listed:
        csv.writer(listed, lineterminator="\n").writerows(lines)
    return len(entries)


def _path(book: Book, version: str) -> Path:
    return book.folder / FOLDER / f"{version}.tsv"


def _crop(entry: Entry) -> Crop:
    return Crop(0, entry.sha256, entry.kind, entry.object, "", Reason.imported, "", {}, "", entry.label, None, None)
