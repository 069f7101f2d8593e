"""The programme's open data are those of its ledger, of one kind, and a foreign validator agrees."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from frictionless import Package
from typer.testing import CliRunner

from station.cli import app
from station.programme.words import Sender
from station.reporting.outbox import Outbox, ReadOnly
from station.reporting.row import Count, Intake, RowKind, seal
from tests.station.programme.books import opened, real
from tests.station.programme.receivers import register
from tests.station.reporting.recorded_batch import data_of, record_batch, station
from tests.station.reporting.rows import ROW, chain


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_package_of_all_stations_is_valid_complete_and_of_one_kind(database: str, tmp_path: Path) -> None:
    register(database, "real-line", tmp_path, is_simulated=False)
    register(database, ROW.station, tmp_path)
    sure, unsure = (
        Count("CU-NO2", "copper", "ejected", 7, 70.5, 1.0, 0.5),
        Count("CU-NO2", "rest", "unsure", 2, 9.0, 1, 1),
    )
    first = real(replace(ROW, counts=(sure, unsure)))
    intake = Intake("municipal", "mixed", 812.5, 0.5, None, ROW.from_utc, None)
    told = replace(first, sequence=2, kind=RowKind.batch, counts=(), states=(), downtime=(), intake=intake)
    with opened(database) as book:
        book.take(chain(3))
        assert book.take([first, seal(told, first.hash)], sender=Sender("real-line", False)).acknowledged_through == 2
    for kind, prefix in (((), ""), (("--simulated",), "simulated-")):
        folder = tmp_path / f"open{prefix}"
        done = CliRunner().invoke(app, ["programme", "export", str(folder), "--database", database, *kind])
        assert done.exit_code == 0, done.output
        assert Package(str(folder / "datapackage.json")).validate().flatten(["type", "note"]) == []
    counts = read(tmp_path / "open" / "counts_daily.csv")
    assert {(row["class_id"], row["outlet"], row["pieces"], row["kg"]) for row in counts} == {
        ("CU-NO2", "copper", "7", "0.0705"), ("UNKNOWN", "rest", "2", "0.009"),
    }  # fmt: skip
    assert {row["is_simulated"] for row in counts} == {"false"}
    [batch] = read(tmp_path / "open" / "batches.csv")
    assert (batch["batch"], batch["pieces"], batch["intake_kg"], batch["is_degraded"]) == ("B-17", "9", "812.5", "true")
    [pause] = read(tmp_path / "open" / "downtime.csv")
    assert (pause["from_utc"], pause["reason"], pause["seconds"]) == (
        "2027-01-15T00:00:00.000Z",
        "camera-silent",
        "9.5",
    )
    simulated = read(tmp_path / "opensimulated-" / "simulated-counts_daily.csv")
    assert [row["pieces"] for row in simulated] == ["6"]


def test_a_folder_that_holds_something_is_left_alone(database: str, tmp_path: Path) -> None:
    with opened(database):
        pass
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "old").write_text("x")
    done = CliRunner().invoke(app, ["programme", "export", str(tmp_path / "open"), "--database", database])
    assert done.exit_code == 2


def test_the_programme_counts_the_hazards_that_its_station_found(database: str, tmp_path: Path) -> None:
    config = station(tmp_path)
    record_batch(tmp_path)
    register(database, "demo-line", tmp_path, is_simulated=False)
    waiting = Outbox(ReadOnly(data_of(tmp_path) / "records.sqlite")).pending()
    with opened(database) as book:
        book.take([each.row for each in waiting], sender=Sender("demo-line", False), epoch=waiting[0].epoch)
    of_station = ["export", str(config.path), str(tmp_path / "here")]
    for command in (["programme", "export", str(tmp_path / "there"), "--database", database], of_station):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    there, here = (
        {(row["day"], row["class_id"]): row["findings"] for row in read(tmp_path / folder / "hazards_daily.csv")}
        for folder in ("there", "here")
    )
    assert there == here == {("2027-01-15", "BAT-LI"): "1", ("2027-01-15", "PWB"): "18"}
