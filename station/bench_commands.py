"""``station bench``: the vision loop against its floor, the hand against its promises, drivers against the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from station.plain_errors import plain_errors

app = typer.Typer(
    help="Measure: loop (the vision loop against its floor), latency (the hand against its promises), "
    "round-trips (drivers against the bare library)."
)
_DEFAULT = Path("configs/sim.yaml")
_BROKEN = 1

ConfigArgument = Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)]
SecondsOption = Annotated[float, typer.Option(min=1, help="Footage per case and repeat.")]
RepeatsOption = Annotated[int, typer.Option(min=1, help="Repeats; the median is shown.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


@app.callback(invoke_without_command=True)
def bench(context: typer.Context) -> None:
    """Without a command: the loop on the built-in line."""
    if context.invoked_subcommand is None:
        loop()


@app.command()
def loop(
    config: ConfigArgument = _DEFAULT,
    seconds: SecondsOption = 4.0,
    repeats: RepeatsOption = 3,
    json_file: JsonOption = None,
) -> None:
    """Measure the vision loop against its floor (decode and bare network) on rendered footage, in one run."""
    from station.bench import bench_loop

    with plain_errors():
        bench_loop(config, seconds, repeats, json_file, Console())


@app.command()
def latency(
    config: ConfigArgument = _DEFAULT,
    seconds: Annotated[float, typer.Option(min=2, help="How long to sort.")] = 60.0,
    speed_mm_s: Annotated[float, typer.Option("--speed-mm-s", min=100, help="Belt speed.")] = 3000.0,
    shots_per_s: Annotated[float, typer.Option("--shots-per-s", min=1, help="Ejections per second.")] = 33.0,
    hogs: Annotated[int, typer.Option(min=0, help="Programs that load the computer meanwhile.")] = 4,
    kills: Annotated[bool, typer.Option("--kills/--no-kills", help="Then kill processes, pull the cable.")] = True,
    json_file: JsonOption = None,
) -> None:
    """Measure lateness and placement of the whole hand against the emulated controller's truth, pieces on paper.

    The figures are kept in the station's data folder. Exit code 1 means that a promise was broken. The full measurement
    is --seconds 600.
    """
    from station.latency.bench import Load
    from station.latency.command import bench_latency

    load = Load(seconds, speed_mm_s, shots_per_s, hogs)
    with plain_errors():
        kept = bench_latency(config, load, kills=kills, json_file=json_file, console=Console())
    if not kept:
        raise typer.Exit(_BROKEN)


@app.command("round-trips")
def round_trips(
    config: ConfigArgument = _DEFAULT,
    slices: Annotated[int, typer.Option(min=1, help="Turns of 50 polls each; the median is shown.")] = 20,
    json_file: JsonOption = None,
) -> None:
    """Measure what a poll by our driver costs over one by bare pymodbus, over TCP and a serial line.

    Exit code 1 means that a driver costs more than 1.5 times the library.
    """
    from station.latency.round_trips import bench_round_trips

    with plain_errors():
        kept = bench_round_trips(config, slices, json_file, Console())
    if not kept:
        raise typer.Exit(_BROKEN)
