"""The commands ``station machine``: look at the controller, fire one shot by hand, emulate it, print the map."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from station.config import Config
    from station.wiring import MachineChoice

app = typer.Typer(
    no_args_is_help=True, help="Look at the controller, fire one shot by hand, emulate it, print its map."
)
_LOST = 2
_MISMATCH = 3
_HELD = 4
_PRIORITY = 40
_out = Console()
_err = Console(stderr=True)

ConfigArgument = Annotated[Path, typer.Argument(help="Station file (YAML).")]


@app.command()
def probe(
    config: ConfigArgument,
    polls: Annotated[int, typer.Option(min=1, max=100_000, help="Round trips to measure.")] = 200,
) -> None:
    """Say what answers, who it is and how fast; only reads, so it may be used beside a running station.

    Exit code 0: our controller answers. 2: nothing usable answers, the sentence says what to check. 3: something
    answers that is not the controller this station expects.
    """
    from control.precedence import hurried
    from station.config import load_config
    from station.machine_probe import probe_lines

    with _plain_errors(), hurried(_PRIORITY):
        for line in probe_lines(load_config(config), polls):
            _say(line)


@app.command()
def fire(
    config: ConfigArgument,
    lane: Annotated[int, typer.Option(min=1, help="Lane of the bank, 1 is the leftmost looking downstream.")],
    ms: Annotated[float, typer.Option(min=1, max=2000, help="How long it opens.")] = 20.0,
    outlet: Annotated[str | None, typer.Option(help="Which bank, by its outlet, when there are several.")] = None,
    *,
    armed: Annotated[bool, typer.Option("--armed", help="Do not ask: nobody is within reach of the ejector.")] = False,
) -> None:
    """Open one ejector by hand, at a standing belt and with no station at the controller; all is off afterwards.

    The time is kept by this computer, a few milliseconds more or less; the controller's own limit stands above it.
    """
    from control.precedence import hurried
    from control.single_shot import Gunner, ShotRefused
    from station import setup
    from station.config import load_config
    from station.wiring import open_machine

    now_ns, sleep = time.monotonic_ns, time.sleep  # noqa: TID251 - the driver's clock
    with _plain_errors(), hurried(_PRIORITY):
        station = load_config(config)
        output = lane_output(station, lane, outlet)
        if ms > station.file.sorting.max_pulse_ms:
            raise ShotRefused(f"{ms:g} ms is longer than sorting.max_pulse_ms ({station.file.sorting.max_pulse_ms:g}).")
        if not armed:
            typer.confirm(f"Output {output} opens for {ms:g} ms. Is nobody within reach of it?", abort=True)
        settings = setup.machine_settings(station)
        _refuse_held(settings)
        with closing(open_machine(settings)) as machine:
            machine.open()
            report = Gunner(machine, setup.guard_limits(station), now_ns, sleep).fire(output, ms)
        _say(f"Output {output}: {report.result} at count {report.encoder_count}.")


@app.command()
def lateness(
    config: ConfigArgument,
    shots: Annotated[int, typer.Option(min=10, max=100_000, help="How many shots, over all outputs in turn.")] = 300,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")] = None,
    *,
    armed: Annotated[bool, typer.Option("--armed", help="Do not ask: nobody is within reach of the ejectors.")] = False,
) -> None:
    """Run the belt, fire every output in turn, and say how far from its count the machine says each shot fell.

    For an installed machine of any kind; the figures are kept as lateness.json in the station's data folder. A
    controller answers for itself; where the station fires by itself, it is what the station measured.
    """
    from control.latency_bench import LatencySettings, measure_latency
    from control.precedence import hurried
    from station import setup
    from station.config import load_config
    from station.wiring import open_machine

    now_ns, sleep = time.monotonic_ns, time.sleep  # noqa: TID251 - the driver's clock
    with _plain_errors(), hurried(_PRIORITY):
        station = load_config(config)
        if not armed:
            typer.confirm("The belt runs and every ejector fires. Is nobody within reach of them?", abort=True)
        outputs = tuple(ejector.output for ejector in setup.ejectors(station))
        limits, calibration = setup.guard_limits(station), station.calibration
        settings = LatencySettings(limits, outputs, calibration.ticks_per_mm, calibration.counter_bits, shots)
        choice = setup.machine_settings(station)
        _refuse_held(choice)
        measured = measure_latency(open_machine(choice), settings, now_ns, sleep)
        told = {"kind": station.file.machine.kind, **measured.curve._asdict(), **measured._asdict()}
        text = json.dumps({name: value for name, value in told.items() if name != "curve"}, indent=2) + "\n"
        kept = station.resolve(station.file.station.data_folder) / "lateness.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        for file in (kept, *([] if json_file is None else [json_file])):
            file.write_text(text, encoding="utf-8")
        _say(f"{measured.curve.sentence()}.")
        _say(f"Results: {measured.results}, unanswered {measured.unanswered}.")
        if measured.sample_age_ms is not None:
            _say(f"Counts are about {measured.sample_age_ms:.1f} ms old when they are told.")
        _say(f"Kept: {kept}")


@app.command()
def emulate(
    config: ConfigArgument,
    link: Annotated[Path | None, typer.Option(help="Name for the serial device, as /dev/serial/by-id has it.")] = None,
    tcp: Annotated[str | None, typer.Option(help="Listen on this HOST:PORT instead, with Modbus TCP.")] = None,
    speed: Annotated[float, typer.Option(min=1, max=10_000, help="Belt speed in mm/s when it is let run.")] = 1500.0,
    seconds: Annotated[float | None, typer.Option("--for", min=0.1, help="End by itself after so long.")] = None,
) -> None:
    """Be the machine this station expects, of whichever kind, until Ctrl-C; prints where it is reached.

    A controller with a job ring on real Modbus TCP or RTU, a serial board on a pseudo terminal (its real firmware), or
    a coupler with plain outputs. Then once a second how often outputs were opened.
    """
    from station.config import load_config
    from station.emulation import emulated, news

    with _plain_errors(), suppress(KeyboardInterrupt):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with emulated(load_config(config), speed, link, _address(tcp)) as bench:
            _say(f"{bench.where} (Ctrl-C ends)")
            begun = time.monotonic()  # noqa: TID251 - how long to go on
            for line in news(bench):
                _say(line)
                if seconds is not None and time.monotonic() - begun >= seconds:  # noqa: TID251
                    return


@app.command("map")
def print_map(
    html: Annotated[Path | None, typer.Option(help="Write a page to print to this file instead.")] = None,
) -> None:
    """The register map between station and controller, for whoever programs the controller."""
    from control.register_map import BLOCKS
    from station.map_page import map_html, map_rows

    if html is not None:
        html.write_text(map_html(), encoding="utf-8")
        _say(f"Written to {html}.")
        return
    for block in BLOCKS:
        table = Table(
            "address", "name", "type", "meaning", title=f"{block.name} ({block.writer})", title_justify="left"
        )
        for at, field in map_rows(block):
            bits = "".join(f"\n{number}: {meaning}" for number, meaning in field.bits)
            table.add_row(str(at), field.name, field.kind, escape(field.says + bits))
        _out.print(table)


def lane_output(config: Config, lane: int, outlet: str | None) -> int:
    """The output of a lane, counted from 1; raises ShotRefused when there is no such lane."""
    from control.single_shot import ShotRefused

    banks = [bank for bank in config.file.banks if outlet in (None, bank.outlet)]
    names = ", ".join(dict.fromkeys(bank.outlet for bank in config.file.banks))
    if not banks:
        raise ShotRefused(f"No bank ejects to {outlet!r}; there are {names}.")
    if outlet is None and len(banks) > 1:
        raise ShotRefused(f"This line has several banks: say which with --outlet ({names}).")
    if lane > banks[0].lanes:
        raise ShotRefused(f"The bank for {banks[0].outlet} has lanes 1 to {banks[0].lanes}.")
    return banks[0].first_output + lane - 1


def _refuse_held(machine: MachineChoice) -> None:
    """Raises ShotRefused while a station drives the controller; a serial port in use cannot be opened anyway."""
    from control.modbus_probe import is_held
    from control.modbus_rtu import RtuSettings
    from control.modbus_wire import ModbusSettings
    from control.single_shot import ShotRefused

    if isinstance(machine, ModbusSettings | RtuSettings):
        wire = machine.wire(time.monotonic_ns)  # noqa: TID251 - the driver's clock
        wire.connect()
        with closing(wire):
            if is_held(wire, time.sleep):  # noqa: TID251
                raise ShotRefused("A station drives this controller. Stop it first; shots by hand need it alone.")


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter("give it as HOST:PORT, for example 127.0.0.1:5020", param_hint="--tcp")
    return host, int(port)


def _say(text: str) -> None:
    _out.print(escape(text), soft_wrap=True, highlight=False)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What a person can mend is said in one sentence; anything else is a defect and shows."""
    from control.single_shot import ShotRefused
    from control.types import MachineLost, MachineMismatch
    from station.config import ConfigError

    codes = {ConfigError: _LOST, MachineLost: _LOST, MachineMismatch: _MISMATCH, ShotRefused: _HELD}
    try:
        yield
    except (ConfigError, MachineLost, MachineMismatch, ShotRefused) as error:
        _err.print(escape(str(error)), style="red", soft_wrap=True, highlight=False)
        raise typer.Exit(codes[type(error)]) from None
