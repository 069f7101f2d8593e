"""The commands of the station; each does its work in a module of its own and only speaks here."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from station.plain_errors import plain_errors

if TYPE_CHECKING:
    from station.plan import RunOptions
    from station.safe_mode.good import Good

app = typer.Typer(
    name="station",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Controller of a scrap-metal sorting belt: sees every piece, decides its outlet, has it ejected on the tick, "
    "and keeps one record of each.",
)
_DEFAULT = Path("configs/sim.yaml")
_out = Console()
_err = Console(stderr=True)

ConfigArgument = Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)]


def _log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=_err, show_path=False)])


@app.command()
def run(
    config: ConfigArgument = _DEFAULT,
    seconds: Annotated[float | None, typer.Option("--for", min=1, help="Stop by itself after so many seconds.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write what happened to this JSON file at the end.")] = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Serve the page.")] = True,
    record: Annotated[Path | None, typer.Option(help="Record this run into one file (MCAP) of this name.")] = None,
    record_frames: Annotated[bool, typer.Option("--record-frames", help="With every searched picture.")] = False,
) -> None:
    """Run a station until Ctrl-C.

    The simulated line and played footage start by themselves; a real machine waits for Start on the page.
    Everything is checked before anything starts: settings, model, page port, controller. Exit code 2 means that nothing
    was started and the message says what to do. A station that has run before keeps its page when settings, model
    or records cannot be used: every output stays off, and the page offers the last good version.
    """
    from station.plan import RunOptions

    _log()
    options = RunOptions(seconds, summary, web, record, record_frames)
    with plain_errors():
        while not _run_once(config, options):
            _out.print("Starting again.")


def _run_once(config: Path, options: RunOptions) -> bool:
    """True when it ran; False when a person at the page wants it to start again with the files as they are now."""
    from station.config import ConfigError, load_config
    from station.run import run_station
    from station.safe_mode.good import last_good
    from station.store_file import StoreRefused
    from station.summary import in_words
    from vision.types import ModelRefused

    try:
        station = load_config(config)
        if options.web:
            where = station.file.web
            _out.print(f"{escape(station.file.station.name)}: http://{where.host}:{where.port} (Ctrl-C stops)")
        ended = run_station(station, options)
        _out.print(in_words(ended.summary))
    except (ConfigError, ModelRefused, StoreRefused) as refused:
        good = last_good(config)
        if not options.web or good is None:
            raise
        return _keep_safe(config, good, refused, options.seconds)
    return not ended.again


def _keep_safe(config: Path, good: Good, refused: Exception, seconds: float | None) -> bool:
    """False when somebody went back; else raises what had been refused."""
    from station.safe_mode.page import keep_safe

    _err.print(escape(str(refused)), style="red", soft_wrap=True, highlight=False)
    _out.print(f"Safe mode, nothing runs: http://{good.host}:{good.port} (Ctrl-C stops)")
    if not keep_safe(config, good, str(refused), seconds):
        raise refused
    return False


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
    with plain_errors():
        for line in check_station(load_config(config)):
            _out.print(escape(line), soft_wrap=True, highlight=False)


def _mount() -> None:
    """Commands that live beside their work."""
    from station import bench_commands, light, machine_commands, mass_command, rendering
    from station.dataset import commands as dataset
    from station.footage import commands as footage
    from station.programme import commands as programme
    from station.promotion import commands as model
    from station.recording import commands as recording_commands
    from station.reporting import batch_command, export_command, yard_commands
    from station.reporting import commands as reporting
    from station.training import commands, mass_fit
    from station.whatif import commands as trying

    app.command("replay")(recording_commands.replay_command)
    app.add_typer(bench_commands.app, name="bench")
    app.command("whatif")(trying.whatif)
    app.command("train")(commands.train)
    app.command("evaluate")(commands.evaluate)
    app.add_typer(rendering.app, name="render")
    app.add_typer(dataset.app, name="dataset")
    app.add_typer(model.app, name="model")
    app.command("mass")(mass_command.mass)
    app.command("flat-field")(light.flat_field)
    app.add_typer(footage.app, name="footage")
    app.add_typer(machine_commands.app, name="machine")
    reporting.batch_app.command("report")(batch_command.batch_report)
    app.add_typer(yard_commands.sample_app, name="sample")
    app.add_typer(yard_commands.hazards_app, name="hazards")
    app.command("export")(export_command.export)
    app.command("mass-priors")(mass_fit.mass_priors)
    app.add_typer(programme.app, name="programme")
    app.add_typer(reporting.batch_app, name="batch")
    app.add_typer(reporting.report_app, name="report")


_mount()
