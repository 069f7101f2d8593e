"""``station replay``: what was recorded, through this version of the station, compared."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from station.recording.reader import Recording, open_recording
from station.recording.replay import Verdict, replay
from station.recording.words import RecordingUnreadable

_DIFFERENT, _UNREADABLE = 1, 2
_LINES = 20
_PER_TICK = 500


def replay_command(
    file: Annotated[Path, typer.Argument(help="Recording (MCAP).")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write what was found to this file.")] = None,
    frames: Annotated[
        bool, typer.Option("--frames", help="Run finder and classifier again on the recorded pictures, too.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="Model folder for --frames; else the one that the recording names is looked for."),
    ] = None,
) -> None:
    """Run the recorded inputs through a new sorter and compare what it says, byte for byte.

    Exit code 0: equal. 1: different, the first difference first. 2: the file cannot be read or proves nothing.
    """
    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        recording = open_recording(file)
        found, cpu_s = _replayed(recording, err)
        pictures = _pictures(recording, found)
        report = _report(found, cpu_s, pictures)
        is_good = found.is_equal
        for line in _words(recording, found, cpu_s, pictures):
            out.print(escape(line))
        if frames:
            is_good = _look_again(recording, model, report, out) and is_good
    except RecordingUnreadable as error:
        err.print(escape(str(error)), style="red")
        raise typer.Exit(_UNREADABLE) from None
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not is_good:
        raise typer.Exit(_DIFFERENT)


def _replayed(recording: Recording, err: Console) -> tuple[Verdict, float]:
    """The verdict and its processor time in seconds. Raises RecordingUnreadable when nothing could be proved."""
    begun = time.process_time()
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(recording.path.name, total=None)

        def show(steps: int) -> None:
            if steps % _PER_TICK == 0:
                progress.update(task, description=f"{recording.path.name}: {steps} steps")

        found = replay(recording, show)
    if not found.proved:
        raise RecordingUnreadable(
            f"{recording.path} holds no step that can be proved: {found.steps} steps, {found.missing} missing."
        )
    return found, time.process_time() - begun


def _pictures(recording: Recording, found: Verdict) -> Mapping[int, Path]:
    """Pictures of the first pieces that ended otherwise, in a folder beside the recording."""
    from station.recording.pictures import write_pictures

    pieces = [piece.piece_id for piece in found.pieces[:_LINES]]
    return write_pictures(recording, pieces, recording.path.with_suffix(".pieces")) if pieces else {}


def _words(recording: Recording, found: Verdict, cpu_s: float, pictures: Mapping[int, Path]) -> list[str]:
    about = recording.about
    lines = []
    for piece in found.pieces[:_LINES]:
        picture = pictures.get(piece.piece_id)
        lines.append(piece.sentence + ("" if picture is None else f"  {picture}"))
    if len(found.pieces) > _LINES:
        lines.append(f"... and {len(found.pieces) - _LINES} more pieces")
    if found.first is not None:
        lines.append(f"First difference at step {found.first.step}, {found.first.seconds:.3f} s: {found.first.what}")
        lines.append(f"{found.differing} of {found.proved} steps differ, {len(found.pieces)} pieces ended otherwise.")
    else:
        lines.append(f"Equal: {found.proved} steps, {found.recorded_s:.1f} s, byte for byte.")
    if found.proved < found.steps or found.missing:
        unproved = found.steps - found.proved
        lines.append(f"Steps are missing ({found.missing} by its own account): {unproved} after them prove nothing.")
    if about.software != version("scrap-sorting-station"):
        lines.append(f"Recorded by version {about.software}, replayed by {version('scrap-sorting-station')}.")
    lines.append(f"{found.recorded_s / max(cpu_s, 1e-9):.0f} times as fast as it happened, by processor time.")
    return lines


def _report(found: Verdict, cpu_s: float, pictures: Mapping[int, Path]) -> dict[str, object]:
    return {
        "equal": found.is_equal,
        "steps": found.steps,
        "proved": found.proved,
        "missing": found.missing,
        "sorters": found.sorters,
        "recorded_s": round(found.recorded_s, 3),
        "cpu_s": round(cpu_s, 3),
        "speed": round(found.recorded_s / max(cpu_s, 1e-9), 1),
        "differing": found.differing,
        "first": None if found.first is None else found.first._asdict(),
        "pieces": [
            {
                "piece": piece.piece_id,
                "sentence": piece.sentence,
                "picture": str(pictures[piece.piece_id]) if piece.piece_id in pictures else None,
            }
            for piece in found.pieces
        ],
    }


def _look_again(recording: Recording, model: Path | None, report: dict[str, object], out: Console) -> bool:
    from station.recording.second_look import look_again

    found = look_again(recording, model)
    report["frames"] = asdict(found) | {"within_tolerance": found.is_within_tolerance}
    for line in found.sentences:
        out.print(escape(line))
    return found.is_within_tolerance
