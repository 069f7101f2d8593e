"""The commands ``station dataset``: from kept crops and folders of pictures to a version that training reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from station.codebook import load_codebook
from station.dataset.book import Book
from station.dataset.bring import allowed_labels, import_kept, import_tree
from station.dataset.split import Shares, counts, split_objects
from station.dataset.versions import export as export_version
from station.dataset.versions import freeze
from station.dataset.versions import versions as all_versions
from station.dataset.words import Crop, DatasetRefused
from station.plain_errors import plain_errors

app = typer.Typer(
    no_args_is_help=True,
    help="Pictures to learn from: import, label, split by object, freeze as a version, export. What a running station "
    "keeps is a data set too: the folder crops beside its records.",
)
_out = Console()
_Data = Annotated[Path, typer.Argument(help="Folder of the data set.")]
_By = Annotated[str, typer.Option(help="Who says so; kept with every label.")]


@contextmanager
def _refusals() -> Iterator[None]:
    with plain_errors(DatasetRefused):
        yield


@app.command("import")
def bring(
    data: _Data,
    folder: Annotated[Path, typer.Argument(help="Folder tree <label>/*.jpg, or another data set (kept crops).")],
    by: _By = "",
    objects: Annotated[
        str | None,
        typer.Option(
            help="Pattern whose first group, in a file's name, names the object: pictures of one object stay in one "
            "split. A file objects.csv (file, object) in the tree comes first; without both each picture is an object."
        ),
    ] = None,
    unlabelled: Annotated[bool, typer.Option(help="From another data set: take unlabelled crops too.")] = False,
) -> None:
    """Take pictures in. Pictures that are there already are not taken twice."""
    with _refusals(), Book.open(data, create=True) as book:
        if (folder / "dataset.sqlite").exists():
            with Book.open(folder) as kept:
                added = import_kept(book, kept, labelled_only=not unlabelled)
        else:
            added = import_tree(book, folder, allowed_labels(load_codebook()), _name(by), _now(), objects)
        tally = book.tally()
    _out.print(f"{added} new pictures; {tally.crops} in all, {tally.labelled} of them labelled.")


@app.command()
def review(
    data: _Data,
    crop: Annotated[int | None, typer.Option("--id", help="The crop that is meant.")] = None,
    label: Annotated[str | None, typer.Option("--set", help="Class id, family with dashes, or unknown.")] = None,
    by: _By = "",
    count: Annotated[int, typer.Option("--next", min=1, help="How many of the next ones to list.")] = 5,
) -> None:
    """List the next crops to label, or say what one is (--id N --set LABEL --by NAME)."""
    with _refusals(), Book.open(data) as book:
        if label is None:
            for one in book.unlabelled(count):
                _out.print(_line(book, one), soft_wrap=True, highlight=False)
            tally = book.tally()
            _out.print(f"{tally.crops - tally.labelled} to label, {tally.labelled} labelled.")
            return
        if crop is None:
            raise DatasetRefused("Say which crop is meant: --id N (station dataset review lists them).")
        if label not in allowed_labels(load_codebook()):
            raise DatasetRefused(f"{label} is no class id and no family of the codebook, nor unknown.")
        if not book.label(crop, label, _name(by), _now()):
            raise DatasetRefused(f"There is no crop {crop} any more.")
    _out.print(f"Crop {crop} is {label}.")


@app.command()
def split(
    data: _Data,
    val: Annotated[float, typer.Option(help="Share of the objects to tune with.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the objects to measure with.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Another seed, another split; objects that have one keep theirs.")] = 1,
) -> None:
    """Split by object, never by picture; what is added later moves nothing."""
    with _refusals(), Book.open(data) as book:
        book.set_splits(split_objects((crop.object for crop in book.crops()), Shares(val, test), seed))
        found = counts(book.crops(), book.splits())
    table = Table("label", "split", "objects", "pictures")
    for (label, name), (objects, pictures) in found.items():
        table.add_row(label, name, str(objects), str(pictures))
    _out.print(table)


@app.command()
def version(data: _Data) -> None:
    """Freeze the labelled pictures and their splits as a version, named by the hash of its content."""
    with _refusals(), Book.open(data) as book:
        name, pictures = freeze(book)
        others = [other for other in all_versions(book) if other != name]
    _out.print(f"Version {name}: {pictures} pictures." + (f" Others: {', '.join(others)}." if others else ""))


@app.command()
def export(
    data: _Data,
    out: Annotated[Path, typer.Argument(help="New folder to write to.")],
    frozen: Annotated[str, typer.Option("--version", help="Which version; the first characters are enough.")],
    split_name: Annotated[
        str | None, typer.Option("--split", help="train, val or test; all of them in folders of their own if left out.")
    ] = None,
) -> None:
    """Write a version as the folder tree that station evaluate --crops and training read."""
    with _refusals(), Book.open(data) as book:
        number = export_version(book, frozen, out, split_name)
    _out.print(f"{number} pictures in {out}.")


def _line(book: Book, crop: Crop) -> str:
    said = f"said {crop.said} {crop.scores[crop.said]:.2f}" if crop.scores else "never asked"
    file = book.folder / "pictures" / crop.sha256[:2] / f"{crop.sha256}.{crop.kind}"
    return f"{crop.id}  {crop.reason}  {said}  {crop.taken_utc}  {file}"


def _name(by: str) -> str:
    if not by.strip():
        raise DatasetRefused("Say who says so: --by NAME.")
    return by.strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - a command has a clock
