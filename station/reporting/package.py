"""Writing open data: a Data Package (version 2) of CSV files with CSVW metadata beside it, whole or not at all.

Sources: https://datapackage.org (Data Package, Data Resource, Table Schema, version 2.0) and
https://www.w3.org/TR/tabular-metadata/ (CSV on the Web).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from station.reporting import open_table_words as words
from station.reporting.csvw import csvw_metadata
from station.reporting.open_tables import Cell, Column, Row, Table, Tables
from station.reporting.safe_csv import utc_text, write_csv

DESCRIPTOR = "datapackage.json"
CSVW = "csv-metadata.json"
_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_SIMULATED = "simulated-"


class PackageRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The package is not written; the text says why. Nothing was left behind."""


class Licence(NamedTuple):
    """``name`` is the SPDX identifier."""

    name: str
    title: str
    path: str


class Source(NamedTuple):
    """Where figures come from; ``path`` is an address, or None."""

    title: str
    path: str | None = None
    version: str | None = None


LICENCES = {
    found.name: found
    for found in (
        Licence("CC-BY-4.0", "Creative Commons Attribution 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        Licence("CC0-1.0", "CC0 1.0 Universal", "https://creativecommons.org/publicdomain/zero/1.0/"),
        Licence("ODC-By-1.0", "Open Data Commons Attribution 1.0", "https://opendatacommons.org/licenses/by/1-0/"),
    )
}


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What a package says of itself. ``name`` is lower-case letters, digits and hyphens; ``first_day`` and
    ``last_day`` (UTC, both inside) are None when there is no bound; ``made_utc`` has its zone."""

    name: str
    title: str
    publisher: str
    licence: Licence
    sources: tuple[Source, ...]
    is_simulated: bool
    made_utc: datetime
    first_day: date | None = None
    last_day: date | None = None


def write_package(folder: Path, facts: PackageFacts, tables: Tables) -> Path:
    """Write all tables with their descriptions into a new folder and return the path of the descriptor.

    Raises PackageRefused when a row is not of the kind (real, simulated) that the package says, when the folder holds
    something already, or when it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PackageRefused(f"{folder} is not empty: name a new folder, so that nothing old is mixed in.")
    draft = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _write(draft, facts, tables)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise PackageRefused(f"{folder} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder / DESCRIPTOR


def file_name(table: Table, facts: PackageFacts) -> str:
    """A simulated table says so in its name."""
    return f"{_SIMULATED if facts.is_simulated else ''}{table.name}.csv"


def _write(folder: Path, facts: PackageFacts, tables: Tables) -> None:
    present = list(_present(tables))
    for table, rows in present:
        columns = [column.name for column in table.columns]
        write_csv(folder / file_name(table, facts), columns, _checked(table, rows, facts))
    known = [table for table, _ in present]
    _write_json(folder / DESCRIPTOR, _descriptor(facts, known))
    names = {table.name: file_name(table, facts) for table in known}
    _write_json(folder / CSVW, csvw_metadata(_title(facts), facts.licence.path, facts.made_utc, known, names))


def _present(tables: Tables) -> Iterator[tuple[Table, Sequence[Row]]]:
    yield words.CODEBOOK, tables.codebook
    yield words.STATIONS, tables.stations
    yield words.BATCHES, tables.batches
    yield words.COUNTS_DAILY, tables.counts_daily
    yield words.HAZARDS_DAILY, tables.hazards_daily
    yield words.DOWNTIME, tables.downtime
    yield words.FACTORS_CO2E, tables.factors_co2e
    if tables.pieces is not None:
        yield words.PIECES, tables.pieces


def _checked(table: Table, rows: Sequence[Row], facts: PackageFacts) -> Iterator[Sequence[Cell]]:
    for row in rows:
        if row.is_simulated is not facts.is_simulated:
            kind, other = ("simulated", "real") if facts.is_simulated else ("real", "simulated")
            raise PackageRefused(f"A package of {kind} figures may not contain {other} ones ({table.name}: {row}).")
        yield list(row._asdict().values())


def _title(facts: PackageFacts) -> str:
    return f"SIMULATED, not measured: {facts.title}" if facts.is_simulated else facts.title


def _descriptor(facts: PackageFacts, tables: Sequence[Table]) -> dict[str, object]:
    has_links = {table.name for table in tables}
    told: dict[str, object] = {
        "$schema": _PROFILE,
        "name": f"{_SIMULATED if facts.is_simulated else ''}{facts.name}",
        "title": _title(facts),
        "description": _description(facts),
        "version": "1.0.0",
        "created": utc_text(facts.made_utc),
        "is_simulated": facts.is_simulated,
        "licenses": [facts.licence._asdict()],
        "contributors": [{"title": facts.publisher, "roles": ["publisher"]}],
        "sources": [_without_none(source._asdict()) for source in facts.sources],
        "resources": [_resource(table, facts, has_links) for table in tables],
    }
    if facts.first_day is not None or facts.last_day is not None:
        told["temporal"] = _without_none(
            {"start": _day(facts.first_day), "end": _day(facts.last_day)},
        )
    return told


def _description(facts: PackageFacts) -> str:
    simulated = "Everything here was SIMULATED; nothing was measured on a real belt. " if facts.is_simulated else ""
    return (
        f"{simulated}Times are UTC, units stand in the column names, an empty cell means not measured. Text that begins"
        " like a formula has an apostrophe in front. Classes of single pieces are the opinion of a classifier; purity"
        " comes from pieces looked at by hand only. Basel codes are hints, never a legal classification."
    )


def _resource(table: Table, facts: PackageFacts, known: set[str]) -> dict[str, object]:
    schema: dict[str, object] = {
        "fields": [_field(column) for column in table.columns],
        "missingValues": [""],
        "primaryKey": list(table.key),
    }
    links = [link for link in table.links if link.table in known]
    if links:
        schema["foreignKeys"] = [
            {"fields": [link.column], "reference": {"resource": link.table, "fields": [link.column]}} for link in links
        ]
    return {
        "name": table.name,
        "type": "table",
        "path": file_name(table, facts),
        "title": f"{'SIMULATED ' if facts.is_simulated else ''}{table.name}",
        "description": table.says,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "header": True, "lineTerminator": "\r\n"},
        "schema": schema,
    }


def _field(column: Column) -> dict[str, object]:
    rules: dict[str, object] = {}
    if column.required:
        rules["required"] = True
    if column.least is not None:
        rules["minimum"] = column.least
    if column.words:
        rules["enum"] = list(column.words)
    told: dict[str, object] = {"name": column.name, "type": column.kind.value, "description": column.says}
    return {**told, "constraints": rules} if rules else told


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _without_none(told: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in told.items() if value is not None}


def _write_json(path: Path, told: dict[str, object]) -> None:
    path.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
