"""The command ``station render``: makes the sprites of the simulated world, and footage of it to play again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from station.config import ConfigError, load_config
from station.simulated import footage_settings

app = typer.Typer(no_args_is_help=True, help="Make sprites and footage of the simulated world.")


@app.command()
def sprites(
    out: Annotated[
        Path | None, typer.Option(help="Folder the atlas is written to; that of the shipped one if left out.")
    ] = None,
    objects: Annotated[int, typer.Option(min=1, help="Objects per form of scrap, before its share.")] = 24,
    after: Annotated[
        int, typer.Option(min=0, help="Go on after an atlas of so many objects: further ones, for training alone.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
    workers: Annotated[int, typer.Option(min=1, help="Processes that render.")] = 2,
    *,
    resume: Annotated[bool, typer.Option(help="Go on where an interrupted run stopped.")] = True,
) -> None:
    """Render the sprite atlas with Mitsuba (extra "train"): about two seconds a sprite on one core."""
    from hil.sprites.extra import RendererMissingError
    from hil.sprites.making import render_atlas

    with _progress("Rendering sprites") as (bar, task):
        try:
            render_atlas(
                out or Path("hil/sprites/lessons" if after else "hil/sprites/atlas"),
                objects,
                seed=seed,
                workers=workers,
                resume=resume,
                progress=lambda done, of: bar.update(task, completed=done, total=of),
                after=after,
            )
        except RendererMissingError as error:
            raise _refused(str(error)) from None


@app.command()
def footage(
    out: Annotated[Path, typer.Argument(help="Folder to write: JPEG pictures, frames.csv, ticks.csv, labels.csv.")],
    config: Annotated[Path, typer.Option(help="Station file with a simulated line.")] = Path("configs/sim.yaml"),
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of the recording.")] = 6.0,
    step_mm: Annotated[float, typer.Option(min=1, help="Belt travel between two pictures.")] = 100.0,
) -> None:
    """Record the simulated line at half size, without waiting for real time, to be played by `station run`."""
    from hil.footage import write_footage

    try:
        settings = footage_settings(load_config(config))
    except ConfigError as error:
        raise _refused(str(error)) from None
    with _progress("Painting footage") as (bar, task):
        try:
            write_footage(
                out,
                seconds,
                settings,
                step_mm=step_mm,
                progress=lambda share: bar.update(task, completed=share, total=1),
            )
        except FileExistsError as error:
            raise _refused(str(error)) from None


@contextmanager
def _progress(what: str) -> Iterator[tuple[Progress, TaskID]]:
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()) as bar:
        yield bar, bar.add_task(what, total=None)


def _refused(sentence: str) -> typer.Exit:
    typer.secho(sentence, fg="red", err=True)
    return typer.Exit(2)
