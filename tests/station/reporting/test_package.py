"""An open-data package is valid for foreign readers, safe in a spreadsheet, and never mixes real with simulated."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.reporting import open_table_words as table_words
from station.reporting.open_tables import Table
from station.reporting.package import CSVW, DESCRIPTOR, PackageRefused, write_package
from station.reporting.safe_csv import cell_text
from tests.station.reporting.tables_of_a_day import facts, tables

ALL = [found for found in vars(table_words).values() if isinstance(found, Table)]


def problems(descriptor: Path) -> list[object]:
    """What the frictionless package has against it."""
    from frictionless import Package

    return list(Package(str(descriptor)).validate().flatten(["type", "fieldName", "rowNumber", "note"]))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(params=[False, True], ids=["real", "simulated"])
def is_simulated(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_foreign_validator_finds_nothing_wrong(tmp_path: Path, is_simulated: bool) -> None:
    descriptor = write_package(tmp_path / "open", facts(is_simulated), tables(is_simulated))
    assert problems(descriptor) == []


def test_the_validator_would_see_a_broken_table(tmp_path: Path) -> None:
    descriptor = write_package(tmp_path / "open", facts(), tables())
    counts = tmp_path / "open" / "counts_daily.csv"
    counts.write_bytes(counts.read_bytes().replace(b",12,", b",many,").replace(b"CU-NO2", b"CU-NO9"))
    assert {problem[0] for problem in problems(descriptor) if isinstance(problem, list)} >= {
        "type-error",
        "foreign-key",
    }


def test_simulated_figures_say_so_in_title_name_file_names_and_every_row(tmp_path: Path) -> None:
    descriptor = write_package(tmp_path / "open", facts(is_simulated=True), tables(is_simulated=True))
    told = json.loads(descriptor.read_text(encoding="utf-8"))
    assert told["title"].startswith("SIMULATED")
    assert told["name"].startswith("simulated-")
    assert json.loads((tmp_path / "open" / CSVW).read_text(encoding="utf-8"))["dc:title"].startswith("SIMULATED")
    files = sorted((tmp_path / "open").glob("*.csv"))
    assert len(files) == len(ALL)
    for file in files:
        assert file.name.startswith("simulated-")
        assert {row["is_simulated"] for row in read(file)} == {"true"}


@pytest.mark.parametrize("table", ["stations", "counts_daily", "hazards_daily", "pieces", "downtime", "batches"])
def test_one_simulated_row_among_real_ones_stops_the_whole_package(tmp_path: Path, table: str) -> None:
    mixed = replace(tables(), **{table: getattr(tables(is_simulated=True), table)})
    with pytest.raises(PackageRefused, match="simulated"):
        write_package(tmp_path / "open", facts(), mixed)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    write_package(tmp_path / "open", facts(), tables())
    with pytest.raises(PackageRefused, match="not empty"):
        write_package(tmp_path / "open", facts(is_simulated=True), tables(is_simulated=True))
    assert (tmp_path / "open" / "counts_daily.csv").exists()


def test_single_pieces_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    write_package(tmp_path / "open", facts(), replace(tables(), pieces=None))
    assert not (tmp_path / "open" / "pieces.csv").exists()
    assert "pieces" not in [
        found["name"] for found in json.loads((tmp_path / "open" / DESCRIPTOR).read_text())["resources"]
    ]


def test_a_chinese_spreadsheet_opens_it_rightly(tmp_path: Path) -> None:
    write_package(tmp_path / "open", facts(), tables())
    written = (tmp_path / "open" / "batches.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfstation,")
    assert written.count(b"\r\n") == 2
    assert read(tmp_path / "open" / "batches.csv")[0]["declared_material"] == "铜线, mixed"


def test_what_was_not_measured_is_empty(tmp_path: Path) -> None:
    write_package(tmp_path / "open", facts(), tables())
    [batch] = read(tmp_path / "open" / "batches.csv")
    assert (batch["closed_utc"], batch["unu_key"], batch["opened_utc"]) == ("", "", "2027-01-16T08:00:00.000Z")


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2", "@cmd", "\t=1", "＝1+1"])
def test_no_text_is_a_formula(tmp_path: Path, text: str) -> None:
    descriptor = write_package(tmp_path / "open", facts(), tables(material=text))
    assert read(tmp_path / "open" / "batches.csv")[0]["declared_material"] == f"'{text}"
    assert problems(descriptor) == []


@given(st.text())
def test_text_never_begins_like_a_formula_and_is_otherwise_kept(text: str) -> None:
    told = cell_text(text)
    assert told[:1] not in set("=+-@\t\r\n＝＋－＠")
    assert told.removeprefix("'") == text or told == text


def test_numbers_below_zero_stay_numbers_and_what_is_no_number_is_refused() -> None:
    assert cell_text(-2.5) == "-2.5"
    with pytest.raises(ValueError, match="no measurement"):
        cell_text(float("nan"))


def test_times_are_utc_and_never_without_a_zone() -> None:
    assert cell_text(datetime(2027, 1, 1, 7, 30, tzinfo=timezone(timedelta(hours=8)))) == "2026-12-31T23:30:00.000Z"
    assert cell_text(datetime(2027, 1, 1, tzinfo=UTC)) == "2027-01-01T00:00:00.000Z"
    with pytest.raises(ValueError, match="time zone"):
        cell_text(datetime(2027, 1, 1))


def test_every_column_is_a_field_of_its_row_and_has_its_unit_or_a_meaning(tmp_path: Path) -> None:
    given_rows = tables()
    for table in ALL:
        [row] = getattr(given_rows, table.name)
        assert [column.name for column in table.columns] == list(row._asdict())
        assert table.columns[-1].name == "is_simulated"
        assert all(column.says.endswith(".") for column in table.columns)
        assert set(table.key) <= {column.name for column in table.columns if column.required}


def test_the_csvw_metadata_describes_the_same_files(tmp_path: Path, is_simulated: bool) -> None:
    write_package(tmp_path / "open", facts(is_simulated), tables(is_simulated))
    told = json.loads((tmp_path / "open" / CSVW).read_text(encoding="utf-8"))
    assert told["@context"][0] == "http://www.w3.org/ns/csvw"
    assert told["@type"] == "TableGroup"
    assert {table["url"] for table in told["tables"]} == {file.name for file in (tmp_path / "open").glob("*.csv")}
    for table in told["tables"]:
        columns = table["tableSchema"]["columns"]
        with (tmp_path / "open" / table["url"]).open(encoding="utf-8-sig", newline="") as lines:
            assert next(csv.reader(lines)) == [column["titles"] for column in columns]
        assert set(table["tableSchema"]["primaryKey"]) <= {column["name"] for column in columns}
        for link in table["tableSchema"].get("foreignKeys", []):
            assert (tmp_path / "open" / link["reference"]["resource"]).exists()
        assert {column["datatype"]["base"] for column in columns} <= {
            "string", "integer", "number", "boolean", "date", "dateTime",
        }  # fmt: skip
