"""CSV on the Web metadata: the same tables described in JSON-LD (https://www.w3.org/TR/tabular-metadata/)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from station.reporting.open_tables import Column, Kind, Table
from station.reporting.safe_csv import utc_text

_CONTEXT = ["http://www.w3.org/ns/csvw", {"@language": "en"}]
_DIALECT = {"encoding": "utf-8", "delimiter": ",", "header": True, "lineTerminators": ["\r\n"]}
_PATTERN = "yyyy-MM-ddTHH:mm:ss.SSSX"


def csvw_metadata(
    title: str, licence: str, made_utc: datetime, tables: Sequence[Table], files: Mapping[str, str]
) -> dict[str, object]:
    """A table group; ``files`` are the CSV names by table, ``licence`` is an address."""
    return {
        "@context": _CONTEXT,
        "@type": "TableGroup",
        "dc:title": title,
        "dc:license": {"@id": licence},
        "dc:created": {"@value": utc_text(made_utc), "@type": "xsd:dateTime"},
        "dialect": _DIALECT,
        "tables": [_table(table, files) for table in tables],
    }


def _table(table: Table, files: Mapping[str, str]) -> dict[str, object]:
    schema: dict[str, object] = {
        "@type": "Schema",
        "columns": [_column(column) for column in table.columns],
        "primaryKey": list(table.key),
    }
    links = [link for link in table.links if link.table in files]
    if links:
        schema["foreignKeys"] = [
            {
                "columnReference": link.column,
                "reference": {"resource": files[link.table], "columnReference": link.column},
            }
            for link in links
        ]
    return {"@type": "Table", "url": files[table.name], "dc:description": table.says, "tableSchema": schema}


def _column(column: Column) -> dict[str, object]:
    return {
        "@type": "Column",
        "name": column.name,
        "titles": column.name,
        "dc:description": column.says,
        "datatype": _datatype(column),
        "required": column.required,
    }


def _datatype(column: Column) -> dict[str, object]:
    """Datatype names of CSVW; booleans and times say their format."""
    match column.kind:
        case Kind.boolean:
            return {"base": "boolean", "format": "true|false"}
        case Kind.datetime:
            return {"base": "dateTime", "format": _PATTERN}
        case Kind.string if column.words:
            return {"base": "string", "format": "|".join(column.words)}
        case kind:
            base: dict[str, object] = {"base": kind.value}
            return base if column.least is None else {**base, "minimum": column.least}
