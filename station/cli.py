"""The commands of the station; each does its work in a module of its own and only speaks here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

app = typer.Typer(
    name="station",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Controller of a scrap-metal sorting belt: sees every piece, decides its outlet, has it ejected on the tick, "
    "and keeps one record of each.",
)
_DEFAULT = Path("configs/sim.yaml")
_USAGE = 2
_out = Console()
_err = Console(stderr=True)

ConfigArgument = Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)]


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a person can mend is said in one sentence and ends with exit code 2; anything else is a defect and shows."""
    from control.types import MachineLost, MachineMismatch
    from station.config import ConfigError
    from station.store_file import StoreRefused
    from station.web.server import PortTaken
    from vision.types import CameraLost, FootageError, ModelRefused

    try:
        yield
    except (
        CameraLost, ConfigError, FootageError, MachineLost, MachineMismatch, ModelRefused, PortTaken, StoreRefused
    ) as error:  # fmt: skip
        _err.print(escape(str(error)), style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(_USAGE) from None


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=_err, show_path=False)])


@app.command()
def run(
    config: ConfigArgument = _DEFAULT,
    seconds: Annotated[float | None, typer.Option("--for", min=1, help="Stop by itself after so many seconds.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write what happened to this JSON file at the end.")] = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Serve the page.")] = True,
) -> None:
    """Run a station until Ctrl-C.

    The simulated line and played footage start by themselves; a real machine waits for Start on the page.
    Everything is checked before anything starts: settings, model, page port, controller. Exit code 2 means that nothing
    was started and the message says what to do.
    """
    from station.config import load_config
    from station.plan import RunOptions
    from station.run import run_station
    from station.summary import in_words

    _log()
    with _plain_errors():
        station = load_config(config)
        if web:
            where = station.file.web
            _out.print(f"{escape(station.file.station.name)}: http://{where.host}:{where.port} (Ctrl-C stops)")
        _out.print(in_words(run_station(station, RunOptions(seconds, summary, web))))


@app.command()
def check(
    config: ConfigArgument = _DEFAULT,
    keys: Annotated[bool, typer.Option("--keys", help="Explain every key of a station file instead.")] = False,
) -> None:
    """Check a station file, the files it names and its model; lists every error with its line. Starts nothing."""
    from station.config import load_config
    from station.keys import describe_keys
    from station.plan import check_station

    if keys:
        for line in describe_keys():
            _out.print(escape(line), soft_wrap=True, highlight=False)
        return
    with _plain_errors():
        for line in check_station(load_config(config)):
            _out.print(escape(line), soft_wrap=True, highlight=False)


@app.command()
def bench(
    config: ConfigArgument = _DEFAULT,
    seconds: Annotated[float, typer.Option(min=1, help="Footage per case and repeat.")] = 4.0,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats; the median is shown.")] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Measure the vision loop against its floor (decode and bare network) on rendered footage, in one run."""
    from station.bench import bench_loop

    with _plain_errors():
        bench_loop(config, seconds, repeats, json_file, _out)


def _mount() -> None:
    """Commands that live beside their work."""
    from station import machine_commands, rendering
    from station.training import commands

    app.command("train")(commands.train)
    app.command("evaluate")(commands.evaluate)
    app.add_typer(rendering.app, name="render")
    app.add_typer(machine_commands.app, name="machine")


_mount()
