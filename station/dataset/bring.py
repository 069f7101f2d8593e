"""Taking pictures in: from a folder tree that somebody sorted, or from another data set."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from station.codebook import Material
from station.dataset.book import Book
from station.dataset.versions import OBJECTS
from station.dataset.words import DatasetRefused, NewCrop, Reason

UNKNOWN = "unknown"
_KINDS = {".jpg", ".jpeg", ".png", ".webp"}
_BATCH = 200


def allowed_labels(materials: Mapping[str, Material]) -> frozenset[str]:
    """Class ids, families with blanks as dashes, and ``unknown``."""
    families = {material.family.replace(" ", "-") for material in materials.values()}
    return frozenset({*materials, *families, UNKNOWN})


def import_tree(
    book: Book, folder: Path, labels: Collection[str], by: str, now_utc: str, object_pattern: str | None = None
) -> int:
    """``folder/<label>/*.jpg|png|webp`` with labels as the folders say; returns how many pictures are new.

    Which pictures show the same object is read from ``folder/objects.csv`` (columns file, object) where there is one,
    else from the first group of ``object_pattern`` in the file's name; else every picture is an object of its own.
    Raises DatasetRefused for a folder that is no label or a file that is no picture; nothing is taken in then.
    """
    name_of = _naming(folder, object_pattern)
    folders = sorted(entry for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    strangers = [entry.name for entry in folders if entry.name not in labels]
    if not folders or strangers:
        what = f"{', '.join(strangers)} are no labels of the codebook" if strangers else "it holds no folders of labels"
        raise DatasetRefused(f"{folder} cannot be imported: {what}; expected {folder}/<label>/*.jpg, .png or .webp.")
    paths = [(entry.name, path) for entry in folders for path in sorted(entry.iterdir()) if _is_picture(path)]
    for _, path in paths:
        _check(path)
    crops = (_crop(label, path, f"{folder.name}/{name_of(path)}", by, now_utc) for label, path in paths)
    return _add_all(book, crops)


def import_kept(book: Book, kept: Book, *, labelled_only: bool) -> int:
    """Crops of another data set, with scores and labels; returns how many are new."""
    return _add_all(
        book,
        (
            NewCrop(
                picture=kept.picture(crop),
                kind=crop.kind,
                object=crop.object,
                source=crop.source,
                reason=crop.reason,
                taken_utc=crop.labelled_utc or crop.taken_utc,
                scores=crop.scores,
                model=crop.model,
                label=crop.label,
                labelled_by=crop.labelled_by,
            )
            for crop in kept.crops()
            if crop.label is not None or not labelled_only
        ),
    )


def _add_all(book: Book, crops: Iterator[NewCrop]) -> int:
    added = 0
    batch: list[NewCrop] = []
    for crop in crops:
        batch.append(crop)
        if len(batch) == _BATCH:
            added += book.add(batch)
            batch.clear()
    return added + book.add(batch)


def _crop(label: str, path: Path, name: str, by: str, now_utc: str) -> NewCrop:
    kind = path.suffix.lower().lstrip(".")
    return NewCrop(path.read_bytes(), kind, name, str(path), Reason.imported, now_utc, {}, "", label, by)


def _naming(folder: Path, pattern: str | None) -> Callable[[Path], str]:
    """What object a picture shows."""
    listed = folder / OBJECTS
    if listed.exists():
        with listed.open(encoding="utf-8", newline="") as lines:
            objects = {row["file"]: row["object"] for row in csv.DictReader(lines)}
        return lambda path: objects.get(str(path.relative_to(folder)), path.stem)
    if pattern is None:
        return lambda path: f"{path.parent.name}/{path.stem}"
    found = re.compile(pattern)
    if not found.groups:
        raise DatasetRefused(f"The pattern {pattern!r} has no group; put the object's part in parentheses.")

    def by_pattern(path: Path) -> str:
        match = found.search(path.name)
        if match is None:
            raise DatasetRefused(f"The pattern {pattern!r} finds no object in the name of {path}.")
        return match.group(1)

    return by_pattern


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _KINDS


def _check(path: Path) -> None:
    if any(mark in str(path) for mark in "\t\n"):
        raise DatasetRefused(f"{path!r} has a tab or a line end in its name; rename it. Nothing was imported.")
    data = np.fromfile(path, np.uint8)
    if not data.size or cv2.imdecode(data, cv2.IMREAD_UNCHANGED) is None:
        raise DatasetRefused(f"{path} is no picture; remove or replace it. Nothing was imported.")
