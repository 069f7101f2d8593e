"""The command ``station whatif``: a recording, some changes, and what they would have done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from station.plain_errors import plain_errors
from station.recording.texts import StepTexts

if TYPE_CHECKING:
    from station.whatif.changes import Change
    from station.whatif.sweep import Range
    from station.whatif.trial import Subject, Trial

_EVERY = 200


def whatif(
    file: Annotated[
        Path, typer.Argument(help="Recording (.mcap), footage folder, or station file that plays footage.")
    ],
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of recipe, sorting or vision, or model=FOLDER; again.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(help="key=from:to:number: draws the purity-recovery curve as PNG and HTML.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Ground truth (CSV); the labels beside the recording if left out.")
    ] = None,
    curve: Annotated[Path, typer.Option(help="PNG of the sweep; the HTML gets the same name.")] = Path("sweep.png"),
    sheet: Annotated[Path | None, typer.Option(help="PNG of the pieces that end otherwise.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    """Play a recording again with other settings, and say what would have become of its pieces.

    Against ground truth where the footage has labels, else against the recorded decisions. Recipe, sorting and most of
    vision need no pictures; another model, vision.step_mm and vision.min_area_mm2 look at the recorded ones again.
    """
    from station.footage.sought import footage_behind, recording_of
    from station.whatif.changes import parse_change
    from station.whatif.sweep import parse_range
    from station.whatif.trial import Subject
    from vision.labels import labels_beside, read_labels

    with plain_errors():
        wanted = [parse_change(text) for text in changes or ()]
        swept = None if sweep is None else parse_range(sweep)
        table = labels or labels_beside(footage_behind(file))
        known = read_labels(table) if labels is not None or table.is_file() else None
        with recording_of(file) as recording:
            subject = Subject(recording, known)
            found = _one(subject, wanted, sheet, file) if swept is None else _many(subject, wanted, swept, curve, file)
            if json_file is not None:
                json_file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _one(subject: Subject, changes: Sequence[Change], sheet: Path | None, file: Path) -> object:
    """One change: its figures, and a sheet of the pieces when one is wanted."""
    from station.whatif.report import as_plain, in_words
    from station.whatif.sheet import write_sheet

    subject.check(changes)
    with _stepped(subject, "Trying", 1) as begin:
        trial = subject.try_out(changes, begin("Trying"))
    for line in in_words(trial):
        typer.echo(line)
    if sheet is not None:
        count = write_sheet(subject.recording, trial.moved, sheet)
        typer.echo(f"{count} pieces in {sheet}" if count else "No picture of a changed piece was kept; no sheet.")
    return as_plain(trial, file)


def _many(subject: Subject, changes: Sequence[Change], swept: Range, curve: Path, file: Path) -> object:
    """Every value of a sweep; all are checked before the first is played."""
    from station.whatif.report import as_plain
    from station.whatif.sweep import change_to, write_curve

    points = [[*changes, change_to(swept, value)] for value in swept.values]
    for point in points:
        subject.check(point)
    trials: list[Trial] = []
    with _stepped(subject, f"Sweeping {swept.key}", len(points)) as begin:
        for point, value in zip(points, swept.values, strict=True):
            trials.append(subject.try_out(point, begin(f"{swept.key}={value:g}")))
            typer.echo(_row(value, trials[-1]))
    fixed = f", {', '.join(map(str, changes))}" if changes else ""
    page = write_curve(swept, trials, f"{swept.key} on {file.name}{fixed}", curve)
    seconds, cpu_s = sum(trial.run.seconds for trial in trials), sum(trial.cpu_s for trial in trials)
    faster = seconds / max(cpu_s, 1e-9)
    typer.echo(
        f"{curve} and {page}: {len(trials)} values, {faster:.0f} times as fast as it happened, by processor time."
    )
    return {"key": swept.key, "points": [as_plain(trial, file) for trial in trials]}


def _row(value: float, trial: Trial) -> str:
    """One value of a sweep in one line."""
    parts = []
    for name, outlet in trial.new.outlets.items():
        purity, recovery = outlet.purity.value, outlet.recovery.value
        if purity is not None and recovery is not None:
            parts.append(f"{name} {purity:.1%}/{recovery:.1%}")
    return f"{value:<8g} {'  '.join(parts)}  cost {trial.new.cost:g}"


@contextmanager
def _stepped(subject: Subject, what: str, runs: int) -> Iterator[Callable[[str], Callable[[int], None]]]:
    """A bar over all steps of all runs; gives what begins a run and the progress of that run."""
    total = sum(isinstance(entry, StepTexts) for entry in subject.recording.raw_entries()) * runs
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(what, total=total)
        begun = -1

        def begin(name: str) -> Callable[[int], None]:
            nonlocal begun
            begun += 1
            done = begun * (total // runs)
            bar.update(task, description=name, completed=done)

            def show(steps: int) -> None:
                if steps % _EVERY == 0:
                    bar.update(task, completed=done + steps)

            return show

        yield begin
