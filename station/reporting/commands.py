"""The commands ``station batch`` and ``station report``: at the running station where one runs, else at its records."""

from __future__ import annotations

import getpass
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from station.config import load_config
from station.plain_errors import plain_errors
from station.reporting.batches import (
    Balance,
    BatchRefused,
    Intake,
    balance,
    close_batch,
    open_batch,
    read_batches,
    weigh,
    with_scale,
)
from station.reporting.office_door import NobodyThere, ask
from station.reporting.outbox import Outbox, ReadOnly
from station.reporting.recount import as_json, in_words, recount
from station.reporting.reporter import stand
from station.store import Store
from station.store_file import StoreRefused

batch_app = typer.Typer(no_args_is_help=True, help="Batches: intake, begin and end, and whether they balance.")
report_app = typer.Typer(no_args_is_help=True, help="What is counted for the programme and waits to be sent.")
_out = Console()
_DIFFERS = 1
_Made = TypeVar("_Made")

ConfigArgument = Annotated[Path, typer.Argument(help="Station file (YAML).", show_default=True)]
BatchArgument = Annotated[str, typer.Argument(help="Name of the batch.")]
By = Annotated[str, typer.Option(help="Who says so; your login name if left out.")]
_DEFAULT = Path("configs/sim.yaml")


@batch_app.command("open")
def open_one(
    config: ConfigArgument = _DEFAULT,
    origin: Annotated[str, typer.Option(help="Where the material comes from.")] = "",
    supplier: Annotated[str, typer.Option(help="Your own code of the supplier; it never leaves the station.")] = "",
    material: Annotated[str, typer.Option(help="What it was declared to be.")] = "",
    weight_kg: Annotated[float | None, typer.Option("--weight-kg", help="What it weighs.")] = None,
    weight_sd_kg: Annotated[float | None, typer.Option("--weight-sd-kg", help="Error of that scale.")] = None,
    unu_key: Annotated[str | None, typer.Option("--unu-key", help="Four digits, for e-waste.")] = None,
    name: Annotated[str, typer.Option("--id", help="Its name; the station gives one if left out.")] = "",
    by: By = "",
) -> None:
    """Begin a batch: from now on pieces count for it."""
    intake = Intake(origin, supplier, material, weight_kg, weight_sd_kg, unu_key, name)
    words: dict[str, str | float | None] = {
        "origin": origin, "supplier": supplier, "material": material, "weight_kg": weight_kg,
        "weight_sd_kg": weight_sd_kg, "unu_key": unu_key, "id": name,
    }  # fmt: skip

    def work(connection: sqlite3.Connection) -> str:
        section = load_config(config).file.reporting
        whole = with_scale(intake, section.intake_sd_kg, section.intake_sd_share)
        return open_batch(connection, whole, _who(by), _now())

    told = _do(config, "open", by, words, work)
    _out.print(f"Batch {escape(told)} is open.")


@batch_app.command("close")
def close_one(config: ConfigArgument = _DEFAULT, by: By = "") -> None:
    """End the batch that is open and print its balance."""
    told = _do(config, "close", by, {}, lambda connection: close_batch(connection, _who(by), _now()))
    _out.print(f"Batch {escape(told)} is closed.")
    _print_balance(balance(_records(config), told))


@batch_app.command("list")
def list_all(config: ConfigArgument = _DEFAULT) -> None:
    """All batches, the newest first."""
    table = Table("batch", "origin", "material", "weight kg", "opened", "closed")
    with plain_errors(sqlite3.Error):
        for batch in read_batches(_records(config)):
            intake = batch.intake
            weight = "not weighed" if intake.weight_kg is None else f"{intake.weight_kg:.1f} ± {intake.weight_sd_kg}"
            words = (batch.id, intake.origin, intake.material, weight, batch.opened_utc, batch.closed_utc or "open")
            table.add_row(*map(escape, words))
    _out.print(table)


@batch_app.command("balance")
def balance_one(config: ConfigArgument, batch: BatchArgument) -> None:
    """Intake against the sum of outlets, with what scales and estimates may be off. Exit code 1: it does not close."""
    with plain_errors(BatchRefused, sqlite3.Error):
        found = balance(_records(config), batch)
    _print_balance(found)
    if found.closes is False:
        raise typer.Exit(_DIFFERS)


@batch_app.command("weigh")
def weigh_one(
    config: ConfigArgument,
    batch: BatchArgument,
    outlet: Annotated[str, typer.Argument(help="Which outlet was weighed.")],
    mass_kg: Annotated[float, typer.Argument(help="What fell into it, kg.")],
    sd_kg: Annotated[float, typer.Option("--sd-kg", help="Error of that scale, kg.")],
    by: By = "",
) -> None:
    """What a scale says of one outlet takes the place of the estimate."""

    def work(connection: sqlite3.Connection) -> str:
        weigh(connection, batch, outlet, mass_kg, sd_kg, _who(by))
        return ""

    words: dict[str, str | float | None] = {"batch": batch, "outlet": outlet, "mass_kg": mass_kg, "sd_kg": sd_kg}
    _do(config, "weigh", by, words, work)


@report_app.command("recount")
def recount_all(
    config: ConfigArgument = _DEFAULT,
    machine: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Count everything again from the piece records. Exit code 1: something differs, and the first place is named."""
    with plain_errors(sqlite3.Error):
        found = recount(_records(config))
    _out.print(escape(as_json(found) if machine else in_words(found)), soft_wrap=True, highlight=False)
    if found.difference is not None:
        raise typer.Exit(_DIFFERS)


@report_app.command("shift")
def name_shift(
    config: ConfigArgument = _DEFAULT,
    name: Annotated[str | None, typer.Option(help="The shift from now on; left out, the plan counts again.")] = None,
) -> None:
    """Name the shift by hand."""

    def work(connection: sqlite3.Connection) -> str:
        stand(connection, "shift", name)
        return name or ""

    _do(config, "shift", "", {"shift": name}, work)


@report_app.command("outbox")
def show_outbox(config: ConfigArgument = _DEFAULT) -> None:
    """What waits for the programme, what was set aside, how long the disk bears it."""
    with plain_errors(sqlite3.Error):
        outbox = Outbox(ReadOnly(_records(config)))
        found, aside = outbox.forecast(), outbox.quarantined()
    days = "an unknown time" if found.days_left is None else f"{found.days_left:g} days"
    oldest = "" if found.oldest_utc is None else f", the oldest since {found.oldest_utc}"
    _out.print(f"{found.waiting} rows wait ({found.waiting_bytes / 1e6:.1f} MB){oldest}.")
    _out.print(f"At the present rate the disk is full in {days}, if nothing is acknowledged or trimmed.")
    for row in aside:
        _out.print(f"Set aside: row {row.sequence} of {row.epoch}: {escape(row.reason)}", soft_wrap=True)


@report_app.command("quarantine")
def export_quarantine(
    config: ConfigArgument,
    file: Annotated[Path, typer.Argument(help="Where to write it, one JSON object a line.")],
) -> None:
    """Export the rows that the receiver would not take, with its reasons."""
    with plain_errors(sqlite3.Error, OSError):
        written = Outbox(ReadOnly(_records(config))).export_quarantine(file)
    _out.print(f"{written} rows written.")


@report_app.command("retry")
def retry(config: ConfigArgument = _DEFAULT) -> None:
    """All rows that were set aside wait again."""

    def work(connection: sqlite3.Connection) -> str:
        sql = "UPDATE intervals SET delivery = 'waiting', refusals = 0, reason = '' WHERE delivery = 'quarantined'"
        return str(connection.execute(sql).rowcount)

    _out.print(f"{_do(config, 'retry', '', {}, work)} rows wait again.")


def _do(
    config: Path,
    verb: str,
    by: str,
    words: dict[str, str | float | None],
    work: Callable[[sqlite3.Connection], str],
) -> str:
    """At the running station, or at its records when none runs. Ends with a refusal's sentence."""
    with plain_errors(BatchRefused, NobodyThere):
        records = _records(config)
        try:
            told = ask(records.parent, verb, _who(by), **words)
        except NobodyThere:
            with _opened(records) as store:
                return store.change(work)
        if told.refusal is not None:
            raise BatchRefused(told.refusal)
        return told.told


@contextmanager
def _opened(records: Path) -> Iterator[Store]:
    if not records.exists():
        raise StoreRefused(f"There are no records {records} yet: run the station first.")
    store = Store.open(records)
    try:
        yield store
    finally:
        store.close()


def _records(config: Path) -> Path:
    with plain_errors():
        station = load_config(config)
        return station.resolve(station.file.station.data_folder) / "records.sqlite"


def _print_balance(found: Balance) -> None:
    table = Table("outlet", "kg", "±", "pieces", "")
    for share in found.outlets:
        how = "weighed" if share.is_weighed else "estimated"
        table.add_row(share.outlet, f"{share.mass_kg:.2f}", f"{share.sd_kg:.2f}", str(share.pieces), how)
    table.add_row("sum", f"{found.sum_kg:.2f}", f"{found.sum_sd_kg:.2f}", "", "")
    if found.intake_kg is not None:
        table.add_row("intake", f"{found.intake_kg:.2f}", f"{found.intake_sd_kg or 0:.2f}", "", "weighed")
    _out.print(table)
    _out.print(found.sentence, style=None if found.closes is not False else "red")
    if found.unweighed:
        _out.print(f"{found.unweighed} pieces have no estimated mass and lie in none of the sums.")


def _who(by: str) -> str:
    return by.strip() or getpass.getuser()


def _now() -> str:
    moment = datetime.now(UTC)  # noqa: TID251 - a command has a clock
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
