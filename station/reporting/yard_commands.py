"""The commands ``station sample`` and ``station hazards``: what people looked at, found and did by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from station.config import Config, ConfigError, load_config
from station.keeping.places import data_folder
from station.language import LanguageUnknown
from station.plain_errors import plain_errors
from station.reporting.batch_reader import newest_batch, records_are_simulated
from station.reporting.estimates import Share, share
from station.reporting.factors import read_full_codebook
from station.reporting.hazards import gather
from station.reporting.monthly_sheet import write_sheet
from station.reporting.recipe_outlets import accepted_labels, outlets_of
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import BookRefused, Finding, HandSample, Method
from station.weighing import RECORDS

sample_app = typer.Typer(no_args_is_help=True, help="Pieces looked at by hand in an outlet: where purity comes from.")
hazards_app = typer.Typer(no_args_is_help=True, help="The ledger of hazardous pieces: what was found, what was done.")
_out = Console()
_Config = Annotated[Path, typer.Argument(help="Station file (YAML).")]
_By = Annotated[str, typer.Option(help="Who does this; written down.")]


@sample_app.command("add")
def add_sample(
    config: _Config,
    outlet: Annotated[str, typer.Option(help="Outlet whose bin the pieces were taken from.")],
    count: Annotated[list[str], typer.Option(help="CLASS=PIECES, once for every class seen.")],
    by: _By,
    method: Annotated[Method, typer.Option(help="How the pieces were told apart.")] = Method.by_eye,
    batch: Annotated[str | None, typer.Option(help="Batch; the newest one if left out.")] = None,
) -> None:
    """Write down what a person found in a bin. Take pieces blindly, and write down all of them."""
    with plain_errors(BookRefused):
        station = load_config(config)
        pieces = _counts(station, count)
        _check_outlet(station, outlet)
        records = data_folder(station) / RECORDS
        wanted = batch or newest_batch(records)
        sample = HandSample(0, wanted, outlet, _now(), by, method, pieces, records_are_simulated(records))
        number = _yard(station).add_sample(sample)
    accepted = sum(n for label, n in pieces.items() if label in accepted_labels(station).get(outlet, ()))
    _out.print(
        f"Sample {number} of {escape(outlet)}, batch {escape(wanted or '-')}: {_words(share(accepted, sample.n))}"
    )


@sample_app.command("list")
def list_samples(config: _Config, batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None) -> None:
    """Show the samples that count, with the purity each shows."""
    with plain_errors(BookRefused):
        station = load_config(config)
        found = _yard(station).samples(batch)
    accepted = accepted_labels(station)
    table = Table("number", "batch", "outlet", "taken", "by", "method", "purity")
    for each in found:
        hits = sum(n for label, n in each.pieces.items() if label in accepted.get(each.outlet, ()))
        purity = _words(share(hits, each.n)) if each.outlet in accepted else f"{each.n} pieces"
        cells = (str(each.id), each.batch or "", each.outlet, each.taken_utc, each.by, each.method.value, purity)
        table.add_row(*map(escape, cells))
    _out.print(table)


@sample_app.command("withdraw")
def withdraw_sample(
    config: _Config, number: Annotated[int, typer.Argument(help="Number of the sample.")], by: _By
) -> None:
    """A sample that was entered wrongly counts no more; it stays in the book."""
    with plain_errors(BookRefused):
        _yard(load_config(config)).withdraw_sample(number, by, _now())
    _out.print(f"Sample {number} is withdrawn.")


@hazards_app.command("list")
def list_hazards(
    config: _Config,
    everything: Annotated[bool, typer.Option("--all", help="Also what has been dealt with.")] = False,
) -> None:
    """Show hazardous pieces that a person still has to deal with."""
    with plain_errors(BookRefused):
        station = load_config(config)
        yard = _gathered(station)
        found = yard.findings(only_open=not everything)
    table = Table("number", "found (UTC)", "class", "the line", "Basel hint", "picture", "closed")
    for each in found:
        table.add_row(*map(escape, _hazard_cells(each)))
    _out.print(table)
    still_open = sum(each.is_open for each in found)
    _out.print(f"{len(found)} findings shown, {still_open} open. A Basel code is a hint, never a legal classification.")


@hazards_app.command("close")
def close_hazards(
    config: _Config,
    by: _By,
    how: Annotated[str, typer.Option(help="What was done with the piece.")],
    number: Annotated[list[int] | None, typer.Argument(help="Numbers of findings.")] = None,
    of_class: Annotated[str | None, typer.Option("--class", help="All open ones of this class instead.")] = None,
) -> None:
    """A person has dealt with hazardous pieces and says how."""
    with plain_errors(BookRefused):
        yard = _gathered(load_config(config))
        numbers = number or [each.id for each in yard.findings(only_open=True) if each.class_id == of_class]
        if not numbers:
            raise BookRefused("Name the numbers of findings, or a class with --class that has open ones.")
        closed = yard.close_findings(numbers, by, how, _now())
    _out.print(f"{closed} findings are closed.")


@hazards_app.command("month")
def month_sheet(
    config: _Config,
    month: Annotated[str, typer.Argument(help="Month in UTC, as 2027-01.")],
    folder: Annotated[Path, typer.Argument(help="Folder that gets the sheet as CSV and HTML.")],
    lang: Annotated[str, typer.Option(help="Language of the page: en or zh.")] = "en",
) -> None:
    """Write the sheet of a month: every finding, what the line did, who closed it."""
    with plain_errors(BookRefused, LanguageUnknown):
        station = load_config(config)
        _gathered(station)
        made = datetime.now(UTC)  # noqa: TID251 - a command has a clock
        for path in write_sheet(station, month, folder, lang, made):
            _out.print(f"written: {path}", soft_wrap=True)


def _gathered(config: Config) -> YardBook:
    yard = _yard(config)
    gather(data_folder(config) / RECORDS, yard, read_full_codebook())
    return yard


def _yard(config: Config) -> YardBook:
    return YardBook(data_folder(config) / BOOK)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")  # noqa: TID251 - a command has a clock


def _counts(config: Config, told: list[str]) -> dict[str, int]:
    known = read_full_codebook().entries
    found: dict[str, int] = {}
    for each in told:
        label, _, number = each.partition("=")
        if label not in known or not number.isdecimal():
            raise ConfigError(f"--count {each}: say CLASS=PIECES with a class of the codebook, as CU-NO2=48")
        found[label] = found.get(label, 0) + int(number)
    return found


def _check_outlet(config: Config, outlet: str) -> None:
    known = outlets_of(config)
    if outlet not in known:
        raise ConfigError(f"--outlet {outlet}: this line has {', '.join(known)}")


def _words(found: Share) -> str:
    return f"{found.hits} of {found.n} belong there, {found.low:.1%} to {found.high:.1%} (95 %, Clopper-Pearson)"


def _hazard_cells(found: Finding) -> tuple[str, ...]:
    basel = f"{found.basel} (from {found.basel_from})" if found.basel else "-"
    closed = f"{found.closed_utc} {found.closed_by}: {found.how}" if found.closed_utc else ""
    closed = closed or ("OPEN" if found.is_open else "by the line")
    line = f"{found.done.value} {found.detail}".strip()
    return str(found.id), found.found_utc, found.class_id, line, basel, found.picture or "-", closed
