"""The command ``station export``: what a station knows, as open data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from station.config import Config, ConfigError, load_config
from station.plain_errors import plain_errors
from station.reporting.factors import FullCodebook, read_full_codebook
from station.reporting.open_records import Days, station_tables
from station.reporting.package import LICENCES, PackageFacts, PackageRefused, Source, write_package
from station.reporting.yard_words import BookRefused

_out = Console()


def export(
    config: Annotated[Path, typer.Argument(help="Station file (YAML).")],
    folder: Annotated[Path, typer.Argument(help="New folder for the package.")],
    first: Annotated[str | None, typer.Option("--from", help="First day, UTC, as 2027-01-15.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, UTC, inside.")] = None,
    pieces: Annotated[bool, typer.Option("--pieces/--daily", help="Every piece, too, or daily figures only.")] = False,
    licence: Annotated[str, typer.Option(help="SPDX name of the licence.")] = "CC-BY-4.0",
) -> None:
    """Write open data: a Data Package of CSV files for any spreadsheet. No pictures, no suppliers, no origins."""
    with plain_errors(BookRefused, PackageRefused):
        station = load_config(config)
        days = Days(_day(first), _day(last))
        if licence not in LICENCES:
            raise ConfigError(f"--licence {licence}: choose one of {', '.join(LICENCES)}")
        book = read_full_codebook()
        tables = station_tables(station, book, days, with_pieces=pieces)
        made = datetime.now(UTC)  # noqa: TID251 - a command has a clock
        facts = package_facts(station, book, days, made, licence, is_simulated=tables.stations[0].is_simulated)
        descriptor = write_package(folder, facts, tables)
    kind = "SIMULATED figures" if facts.is_simulated else "figures"
    _out.print(f"written: {descriptor} ({kind} of {tables.stations[0].pieces} pieces)", soft_wrap=True)


def package_facts(
    config: Config, book: FullCodebook, days: Days, made: datetime, licence: str, *, is_simulated: bool
) -> PackageFacts:
    """What the package of one station says of itself."""
    station = config.file.station
    return PackageFacts(
        name=f"{station.id}-counts",
        title=f"What {station.name} sorted",
        publisher=station.name,
        licence=LICENCES[licence],
        sources=(
            Source(f"Records of the sorting station {station.id}", None, version("scrap-sorting-station")),
            Source("Codebook of material classes", None, book.digest),
        ),
        is_simulated=is_simulated,
        made_utc=made,
        first_day=days.first,
        last_day=days.last,
    )


def _day(told: str | None) -> date | None:
    try:
        return None if told is None else date.fromisoformat(told)
    except ValueError as error:
        raise ConfigError(f"{told}  is no day: write it as 2027-01-15") from error
