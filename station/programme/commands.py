"""Commands of the programme's side: serve, and who may send or look."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.table import Table

from station.plain_errors import plain_errors

if TYPE_CHECKING:
    from station.programme.registry import Registry
    from station.reporting.mqtt.settings import BrokerSettings
    from station.reporting.mqtt.settings import TlsFiles as BrokerTls

app = typer.Typer(no_args_is_help=True, help="The programme's side: receive the counts of many stations.")
station_app = typer.Typer(no_args_is_help=True, help="Which stations may send.")
viewer_app = typer.Typer(no_args_is_help=True, help="Who may look at the receiver's pages.")
app.add_typer(station_app, name="station")
app.add_typer(viewer_app, name="viewer")
_out = Console()

_DEFAULT = "sqlite:///data/programme/programme.db"
Database = Annotated[str, typer.Option(help="sqlite:///FILE; or --database-file for one with a password.")]
DatabaseFile = Annotated[Path | None, typer.Option(help="File whose one line is the database's URL (PostgreSQL).")]
StationId = Annotated[str, typer.Argument(help="The id in the station's settings.")]
TokenFile = Annotated[Path | None, typer.Option(help="Write the token there (mode 600) instead of showing it.")]


@app.command()
def serve(
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
    host: Annotated[str, typer.Option(help="Address to listen at; others than this computer need TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port.")] = 8440,
    cert: Annotated[Path | None, typer.Option(help="PEM certificate chain of the receiver.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM key of the receiver.")] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="PEM of the CA whose certificates stations may show; the name is their id.")
    ] = None,
    broker: Annotated[str | None, typer.Option(help="MQTT broker HOST:PORT to hear rows from as well.")] = None,
    broker_ca: Annotated[Path | None, typer.Option(help="PEM of the broker's CA.")] = None,
    broker_cert: Annotated[Path | None, typer.Option(help="PEM certificate to show to the broker.")] = None,
    broker_key: Annotated[Path | None, typer.Option(help="PEM key of that certificate.")] = None,
    broker_user_file: Annotated[Path | None, typer.Option(help="File with user name and password, two lines.")] = None,
    broker_clear_text: Annotated[bool, typer.Option("--broker-clear-text", help="The broker has no TLS.")] = False,
    group: Annotated[str, typer.Option(help="Group in the topics scrap/<group>/<station>/rows.")] = "programme",
) -> None:
    """Receive interval rows over HTTPS and MQTT, apply each once, acknowledge, and show totals. Ctrl-C stops."""
    from station.programme.door import DoorClosed, TlsFiles
    from station.programme.serve import ReceiverRefused, ReceiverSettings, run_receiver
    from station.programme.tables import DatabaseRefused
    from station.reporting.mqtt.settings import TlsFiles as BrokerTls

    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=Console(stderr=True), show_path=False)]
    )
    with plain_errors(DatabaseRefused, DoorClosed, ReceiverRefused):
        if (cert is None) != (key is None) or (client_ca is not None and cert is None):
            raise ReceiverRefused("--cert and --key go together, and --client-ca needs both.")
        tls = None if cert is None or key is None else TlsFiles(cert, key, client_ca)
        broker_tls = None if broker_clear_text else BrokerTls(broker_ca, broker_cert, broker_key)
        found = None if broker is None else _broker(broker, broker_tls, broker_user_file)
        settings = ReceiverSettings(_url(database, database_file), host, port, tls, found, group)
        run_receiver(settings, lambda address: _out.print(f"Receiving at {address} (Ctrl-C stops)", soft_wrap=True))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="New folder for the package.")],
    publisher: Annotated[str, typer.Option(help="Who publishes it.")] = "the recycling programme",
    simulated: Annotated[bool, typer.Option("--simulated", help="Simulated stations instead of real ones.")] = False,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, UTC.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, UTC, inside.")] = None,
    licence: Annotated[str, typer.Option(help="SPDX name of the licence.")] = "CC-BY-4.0",
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Write open data of all stations: a Data Package of daily figures. Works beside a running receiver."""
    from station.programme.export import Share, export_programme
    from station.programme.reading import LedgerReader
    from station.programme.tables import open_reader
    from station.reporting.factors import read_full_codebook
    from station.reporting.package import LICENCES, PackageRefused

    url = _url(database, database_file)
    with _registry(url) as registry, plain_errors(PackageRefused):
        if licence not in LICENCES:
            raise PackageRefused(f"--licence {licence}: choose one of {', '.join(LICENCES)}.")
        engine = open_reader(url)
        days = [None if day is None else day.date() for day in (first, last)]
        share = Share(simulated, days[0], days[1], publisher, LICENCES[licence])
        try:
            reader = LedgerReader(engine, registry)
            made = datetime.now(UTC)  # noqa: TID251 - a command has a clock
            written = export_programme(folder, reader, read_full_codebook(), share, made)
        finally:
            engine.dispose()
    _out.print(f"written: {written} ({'SIMULATED' if simulated else 'real'} figures)", soft_wrap=True)


@app.command()
def thin(
    older_than_days: Annotated[float, typer.Option(min=30, help="Rows received before that lose their content.")] = 400,
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Let go of old rows' content; totals, hashes and conflicts stay. On SQLite the receiver has to stand meanwhile."""
    from station.programme.tables import DatabaseRefused, open_databases
    from station.programme.thinning import thin as let_go

    with plain_errors(DatabaseRefused):
        databases = open_databases(_url(database, database_file))
        try:
            count = let_go(databases.writer, _now_ms() - round(older_than_days * 86_400_000))
        finally:
            databases.close()
    _out.print(f"{count} rows lost their content; their totals stay.")


@app.command()
def bench(
    stations: Annotated[int, typer.Option(min=1, max=20_000, help="Simulated stations.")] = 2000,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="Minute reports of each.")] = 3,
    database_file: DatabaseFile = None,
) -> None:
    """Measure how many stations' minute reports are kept up here: real receiver, one request a row, 20-40 counts each.

    Without a database file into a SQLite ledger that goes away; a PostgreSQL database has to be an empty one.
    """
    from station.programme.bench import measure

    found = measure(stations, minutes, None if database_file is None else _url("", database_file))
    _out.print(
        f"{found.rows} rows of {found.stations} stations: {found.rows_s:.0f} rows/s kept up, that is the minute reports"
        f" of {found.stations_kept_up} stations; {found.cpu_ms:.1f} ms CPU a row at the receiver, 99 % answered within"
        f" {found.p99_ms:.0f} ms, {found.bytes_per_row:.0f} bytes a row on the wire."
        f" Sent {found.pieces} pieces, counted {found.counted}.",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    if found.pieces != found.counted:
        raise typer.Exit(1)


@station_app.command("add")
def add_station(
    station: StationId,
    name: Annotated[str, typer.Option(help="What the pages show; without it the id.")] = "",
    simulated: Annotated[bool, typer.Option("--simulated", help="It may send simulated rows only.")] = False,
    token_file: TokenFile = None,
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Register a station and make its token."""
    with _registry(_url(database, database_file)) as registry:
        registry.add(station, name or station, _now_ms(), is_simulated=simulated)
        _hand_over(registry.new_token(station, _now_ms()), token_file)


@station_app.command("token")
def new_token(
    station: StationId,
    token_file: TokenFile = None,
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Make a further token; older ones go on working until the station is revoked. A revoked station may send again."""
    with _registry(_url(database, database_file)) as registry:
        _hand_over(registry.new_token(station, _now_ms()), token_file)


@station_app.command("revoke")
def revoke(station: StationId, database: Database = _DEFAULT, database_file: DatabaseFile = None) -> None:
    """From now on this station may not send: tokens, certificate and broker. What it sent stays."""
    with _registry(_url(database, database_file)) as registry:
        registry.revoke(station, _now_ms())


@station_app.command("allow")
def allow(station: StationId, database: Database = _DEFAULT, database_file: DatabaseFile = None) -> None:
    """A revoked station may send again by certificate or broker."""
    with _registry(_url(database, database_file)) as registry:
        registry.allow(station)


@station_app.command("list")
def list_stations(database: Database = _DEFAULT, database_file: DatabaseFile = None) -> None:
    """Who is registered."""
    with _registry(_url(database, database_file)) as registry:
        table = Table("station", "name", "kind", "registered (UTC)", "may send")
        for one in registry.all():
            since = datetime.fromtimestamp(one.registered_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
            kind = "simulated" if one.is_simulated else "real"
            table.add_row(one.station, escape(one.name), kind, since, "no" if one.revoked_ms else "yes")
        _out.print(table)


@viewer_app.command("add")
def add_viewer(
    name: Annotated[str, typer.Argument(help="Who looks.")],
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Make a password for the pages; without any viewer they are for this computer alone."""
    with _registry(_url(database, database_file)) as registry:
        _hand_over(registry.new_viewer(name, _now_ms()), None)


@viewer_app.command("remove")
def remove_viewer(
    name: Annotated[str, typer.Argument(help="Who looked.")],
    database: Database = _DEFAULT,
    database_file: DatabaseFile = None,
) -> None:
    """Take a viewer's password away."""
    with _registry(_url(database, database_file)) as registry:
        registry.remove_viewer(name)


@contextmanager
def _registry(url: str) -> Iterator[Registry]:
    from station.programme.registry import Registry, RegistryRefused
    from station.programme.tables import DatabaseRefused, open_registry

    with plain_errors(DatabaseRefused, RegistryRefused):
        engine = open_registry(url)
        try:
            yield Registry(engine)
        finally:
            engine.dispose()


def _url(database: str, file: Path | None) -> str:
    from station.programme.tables import DatabaseRefused

    if file is None:
        return database
    with plain_errors(DatabaseRefused):
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DatabaseRefused(f"{file} cannot be read ({error}).") from error


def _broker(address: str, tls: BrokerTls | None, user_file: Path | None) -> BrokerSettings:
    from station.programme.serve import ReceiverRefused
    from station.reporting.mqtt.settings import BrokerSettings

    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ReceiverRefused(f"{address!r} is no broker: HOST:PORT.")
    return BrokerSettings(host, int(port), tls, user_file)


def _hand_over(secret: str, file: Path | None) -> None:
    """Shown or written this once; the receiver keeps only its hash."""
    if file is None:
        _out.print(secret, soft_wrap=True, highlight=False)
        return
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(secret + "\n", encoding="utf-8")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
