"""``station export`` gives away daily figures, never pictures, suppliers or origins, and says what is simulated."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from station.cli import app
from station.reporting.factors import read_full_codebook
from station.reporting.open_records import Days, station_tables
from station.reporting.yard_book import BOOK, YardBook
from station.store_rows import Run
from tests.station.reporting.recorded_batch import (
    BATCH,
    REAL_RUN,
    data_of,
    record_batch,
    station,
    take_sample,
)
from tests.station.reporting.yard import LINE_RUN

ALL_DAYS = Days(None, None)


def site(folder: Path, run: Run = REAL_RUN) -> Path:
    station(folder)
    record_batch(folder, run)
    return folder / "configs" / "sim.yaml"


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_counts_of_the_package_are_those_of_the_records_and_frictionless_agrees(tmp_path: Path) -> None:
    from frictionless import Package

    config = site(tmp_path)
    take_sample(tmp_path, {"CU-NO2": 48, "FE-SHRED": 2})
    done = command("export", config, tmp_path / "open", "--pieces")
    assert done.exit_code == 0, done.output
    assert Package(str(tmp_path / "open" / "datapackage.json")).validate().flatten(["type", "note"]) == []

    counts = read(tmp_path / "open" / "counts_daily.csv")
    assert sum(int(row["pieces"]) for row in counts) == 301 == len(read(tmp_path / "open" / "pieces.csv"))
    [copper] = [row for row in counts if row["outlet"] == "copper"]
    assert (copper["class_id"], copper["pieces"], copper["n_sample"]) == ("CU-NO2", "181", "50")
    assert 0.86 < float(copper["purity_low"]) < 0.96 < float(copper["purity_high"]) < 1
    assert {row["class_id"] for row in counts} == {"CU-NO2", "PWB", "BAT-LI", "UNKNOWN"}
    hazards = {
        row["class_id"]: (row["findings"], row["still_open"]) for row in read(tmp_path / "open/hazards_daily.csv")
    }
    assert hazards == {"PWB": ("18", "1"), "BAT-LI": ("1", "1")}
    [batch] = read(tmp_path / "open" / "batches.csv")
    assert (batch["batch"], batch["pieces"], batch["intake_kg"], batch["balance_closes"]) == (
        BATCH,
        "300",
        "10",
        "true",
    )


def test_by_default_there_are_no_pieces_pictures_suppliers_or_origins(tmp_path: Path) -> None:
    config = site(tmp_path)
    assert command("export", config, tmp_path / "open").exit_code == 0
    written = sorted(path.name for path in (tmp_path / "open").iterdir())
    assert written == [
        "batches.csv", "codebook.csv", "counts_daily.csv", "csv-metadata.json", "datapackage.json", "downtime.csv",
        "factors_co2e.csv", "hazards_daily.csv", "stations.csv",
    ]  # fmt: skip
    everything = b"".join(path.read_bytes() for path in (tmp_path / "open").iterdir())
    for secret in (b"SUP-9", b"Manila", b"PNG", REAL_RUN.uuid.encode(), b"Mei"):
        assert secret not in everything


def test_a_simulated_station_exports_simulated_files_only(tmp_path: Path) -> None:
    config = site(tmp_path, LINE_RUN)
    done = command("export", config, tmp_path / "open")
    assert "SIMULATED" in done.output
    assert all(path.name.startswith("simulated-") for path in (tmp_path / "open").glob("*.csv"))


def test_days_out_of_range_are_left_out(tmp_path: Path) -> None:
    site(tmp_path)
    config = station(tmp_path / "again")
    data_of(tmp_path).rename(tmp_path / "moved")
    (tmp_path / "again" / "data").mkdir()
    (tmp_path / "moved").rename(data_of(tmp_path / "again"))
    book = read_full_codebook()
    day = date(2027, 1, 15)
    inside = station_tables(config, book, Days(day, day), with_pieces=True)
    outside = station_tables(config, book, Days(date(2027, 1, 16), None), with_pieces=True)
    assert sum(row.pieces for row in inside.counts_daily) == 301
    assert (list(outside.counts_daily), list(outside.hazards_daily), outside.pieces) == ([], [], [])
    assert outside.stations[0].first_day is None


def test_what_cannot_be_done_is_a_sentence(tmp_path: Path) -> None:
    config = site(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for arguments in (
        ("export", config, tmp_path / "full"),
        ("export", config, tmp_path / "o", "--from", "yesterday"),
        ("export", config, tmp_path / "o", "--licence", "mine"),
        ("sample", "add", config, "--outlet", "gold", "--count", "CU-NO2=1", "--by", "Mei"),
        ("sample", "add", config, "--outlet", "copper", "--count", "GOLD=1", "--by", "Mei"),
        ("sample", "add", config, "--outlet", "copper", "--count", "CU-NO2=0", "--by", "Mei"),
        ("sample", "withdraw", config, "7", "--by", "Mei"),
        ("hazards", "close", config, "--by", "Mei", "--how", "sand box"),
        ("batch", "report", config, "none", "--html", tmp_path / "r.html"),
    ):
        done = command(*arguments)
        assert done.exit_code == 2, arguments
        assert "Traceback" not in done.output


def test_samples_are_added_shown_and_withdrawn_by_command(tmp_path: Path) -> None:
    config = site(tmp_path)
    adding = ("sample", "add", config, "--outlet", "copper", "--count", "CU-NO2=48", "--count", "FE-SHRED=2")
    done = command(*adding, "--by", "Mei", "--method", "xrf")
    assert done.exit_code == 0, done.output
    [sample] = YardBook(data_of(tmp_path) / BOOK).samples(BATCH)
    assert (sample.by, sample.n, sample.is_simulated) == ("Mei", 50, False)
    assert "48 of 50" in " ".join(done.output.split())
    assert "copper" in command("sample", "list", config).output
    assert command("sample", "withdraw", config, str(sample.id), "--by", "Mei").exit_code == 0
    assert YardBook(data_of(tmp_path) / BOOK).samples(BATCH) == ()


def test_hazards_are_shown_and_closed_by_command(tmp_path: Path) -> None:
    config = site(tmp_path)
    assert "19 findings shown, 2 open" in command("hazards", "list", config, "--all").output
    done = command("hazards", "close", config, "--class", "PWB", "--by", "Mei", "--how", "found in the rest bin")
    assert "1 findings are closed" in done.output
    assert "1 findings shown, 1 open" in command("hazards", "list", config).output
    done = command("hazards", "month", config, "2027-01", tmp_path / "out", "--lang", "zh")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_command_writes_paper_and_signature(tmp_path: Path, language: str) -> None:
    config = site(tmp_path)
    done = command("batch", "report", config, BATCH, "--html", tmp_path / "r.html", "--lang", language)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "r.html.minisig").exists()
    assert "minisign -V" in done.output
