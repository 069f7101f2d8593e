"""Every hazardous piece of the records stands in the ledger once, and stays there until a person has dealt with it."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from control.types import Decision, Outcome, Reason
from station.config import ConfigError
from station.faults import FAULTS
from station.reporting.factors import read_full_codebook
from station.reporting.hazard_pictures import HazardPictures
from station.reporting.hazard_watch import HazardWatch
from station.reporting.hazards import PICTURES, gather, hazards_of
from station.reporting.monthly_sheet import write_sheet
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import BookRefused, Deed, Finding
from tests.station.pieces import closed_piece
from tests.station.reporting.recorded_batch import BATCH, REAL_RUN, data_of, keep_picture, record_batch, station
from tests.station.reporting.yard import LINE_RUN

CODEBOOK = read_full_codebook()
MADE = datetime(2027, 2, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    record_batch(tmp_path)
    return tmp_path


def gathered(site: Path) -> YardBook:
    yard = YardBook(data_of(site) / BOOK)
    gather(data_of(site) / "records.sqlite", yard, CODEBOOK)
    return yard


def of_class(found: tuple[Finding, ...], class_id: str) -> list[Finding]:
    return [each for each in found if each.class_id == class_id]


def test_what_was_found_what_the_line_did_and_the_basel_hint_with_its_edition_are_written_down(site: Path) -> None:
    found = gathered(site).findings()
    [battery] = of_class(found, "BAT-LI")
    assert (battery.done, battery.needs_person, battery.is_open) == (Deed.stopped, True, True)
    assert (battery.basel, battery.basel_from, battery.batch) == ("A1170|A1181|Y49", "2025-01-01", BATCH)
    boards = of_class(found, "PWB")
    assert [each.done for each in boards] == [Deed.diverted] * 17 + [Deed.missed]
    assert {each.detail for each in boards[:17]} == {"quarantine"}


def test_what_was_diverted_by_rule_needs_nobody_and_what_was_missed_does(site: Path) -> None:
    open_ones = gathered(site).findings(only_open=True)
    assert [(each.class_id, each.done) for each in open_ones] == [("PWB", Deed.missed), ("BAT-LI", Deed.stopped)]


def test_a_piece_that_was_not_recognised_is_no_finding(site: Path) -> None:
    assert len(gathered(site).findings()) == 19


def test_following_the_records_again_adds_nothing(site: Path) -> None:
    yard = gathered(site)
    assert gather(data_of(site) / "records.sqlite", yard, CODEBOOK) == 0
    assert len(yard.findings()) == 19


def test_a_database_that_was_restored_is_followed_anew_without_doubles(site: Path) -> None:
    yard = gathered(site)
    with closing(sqlite3.connect(data_of(site) / "records.sqlite")) as records:
        records.execute("INSERT INTO epochs (uuid, after_piece, cause) VALUES ('again', 0, 'restored')")
        records.commit()
    assert gather(data_of(site) / "records.sqlite", yard, CODEBOOK) == 0
    assert len(yard.findings()) == 19


def test_closing_needs_a_name_and_a_deed_and_every_word_is_kept(site: Path) -> None:
    yard = gathered(site)
    [battery] = of_class(yard.findings(), "BAT-LI")
    with pytest.raises(BookRefused, match="who closes"):
        yard.close_findings([battery.id], " ", "sand box", "2027-01-15T10:00:00+00:00")
    with pytest.raises(BookRefused, match="no finding 999"):
        yard.close_findings([battery.id, 999], "Mei", "sand box", "2027-01-15T10:00:00+00:00")
    assert yard.findings(only_open=True)[-1].id == battery.id

    yard.close_findings([battery.id], "Mei", "sand box", "2027-01-15T10:00:00+00:00")
    yard.close_findings([battery.id], "Chen", "handed to the recycler", "2027-01-16T10:00:00+00:00")
    [battery] = of_class(yard.findings(), "BAT-LI")
    assert (battery.closed_by, battery.how, battery.is_open) == ("Chen", "handed to the recycler", False)
    assert [act[1] for act in yard.acts(battery.id)] == ["Mei", "Chen"]


def test_the_kept_picture_belongs_to_its_finding_even_when_it_comes_later(site: Path) -> None:
    yard = gathered(site)
    [battery] = of_class(yard.findings(), "BAT-LI")
    assert battery.picture == f"{REAL_RUN.uuid}-1018.png"
    assert battery.picture_sha256
    missed = next(each for each in yard.findings() if each.done is Deed.missed)
    assert missed.picture is None
    keep_picture(data_of(site), REAL_RUN.uuid, missed.piece)
    gather(data_of(site) / "records.sqlite", yard, CODEBOOK)
    assert next(each for each in yard.findings() if each.done is Deed.missed).picture is not None


def test_the_ledger_follows_while_the_line_runs_and_once_more_at_the_end(site: Path) -> None:
    with HazardWatch(data_of(site) / "records.sqlite", turn_s=3600) as watch:
        pass
    assert len(YardBook(data_of(site) / BOOK).findings()) == 19
    assert watch.waiting is not None


def test_what_nobody_has_closed_stays_an_alarm_also_after_a_restart(site: Path) -> None:
    yard = gathered(site)
    [battery] = of_class(yard.findings(), "BAT-LI")
    with HazardWatch(data_of(site) / "records.sqlite") as watch:
        pass
    assert watch.waiting == f"findings {battery.id} BAT-LI"
    assert "hazard-waiting" in FAULTS
    yard.close_findings([battery.id], "Mei", "sand box", "2027-01-15T10:00:00+00:00")
    with HazardWatch(data_of(site) / "records.sqlite") as watch:
        pass
    assert watch.waiting is None


def test_the_sheet_of_a_month_has_every_finding_and_says_who_closed_it(site: Path) -> None:
    yard = gathered(site)
    [battery] = of_class(yard.findings(), "BAT-LI")
    yard.close_findings([battery.id], "陈梅", "=cmd", "2027-01-15T10:00:00+00:00")
    config = station(site / "own")
    shutil_data(site, config.resolve(config.file.station.data_folder))

    table, page = write_sheet(config, "2027-01", site / "out", "zh", MADE)
    assert (table.name, page.name) == ("hazards-2027-01.csv", "hazards-2027-01.zh.html")
    with table.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 19
    [told] = [row for row in rows if row["class_id"] == "BAT-LI"]
    assert (told["closed_by"], told["action_taken"], told["basel_from"]) == ("陈梅", "'=cmd", "2025-01-01")
    text = page.read_text(encoding="utf-8")
    assert "锂电池" in text
    assert "data:image/png;base64," in text
    assert "陈梅" in text
    assert len(write_sheet(config, "2026-12", site / "out", "en", MADE)) == 2
    assert "None were seen" in (site / "out" / "hazards-2026-12.en.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="is no month"):
        write_sheet(config, "2027-13", site / "out", "en", MADE)


def shutil_data(site: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    data_of(site).rename(target)


def test_a_simulated_ledger_says_so_in_names_rows_and_on_the_page(tmp_path: Path) -> None:
    config = station(tmp_path)
    record_batch(tmp_path, LINE_RUN)
    gathered(tmp_path)
    table, page = write_sheet(config, "2027-01", tmp_path / "out", "en", MADE)
    assert table.name.startswith("simulated-")
    assert page.name.startswith("simulated-")
    assert "SIMULATED" in page.read_text(encoding="utf-8")
    with table.open(encoding="utf-8-sig", newline="") as lines:
        assert {row["is_simulated"] for row in csv.DictReader(lines)} == {"true"}


def test_pictures_of_what_needs_a_person_are_kept_always_and_of_the_rest_a_few_a_minute(tmp_path: Path) -> None:
    pictures = HazardPictures(tmp_path / PICTURES, hazards_of(CODEBOOK), most_per_min=2, most_diverted=3)
    second = 1_000_000_000

    def seen(number: int, label: str, reason: Reason = Reason.rule, outcome: Outcome = Outcome.ejected) -> None:
        found = closed_piece(number, label, outcome, "quarantine")
        found = replace(found, decision=Decision(number, label, 0.9, "quarantine", reason), closed_ns=number * second)
        if pictures.wants(found):
            pictures.keep(found, b"png")

    for number in range(0, 20):
        seen(number, "BAT-NICD" if number % 2 else "PWB")
    for number in range(60, 70):
        seen(number, "PWB")
    seen(90, "CU-NO2")
    seen(88, "PWB", outcome=Outcome.late)
    seen(91, "CU-NO2", Reason.hazard)
    kept = {int(path.stem.rpartition("-")[2]) for path in (tmp_path / PICTURES).glob("*.png")}
    assert kept == {*range(1, 20, 2), 60, 62, 88, 91}


def test_a_book_of_another_program_or_a_newer_station_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / BOOK
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE notes (text)")
    with pytest.raises(BookRefused, match="another program"):
        YardBook(path).samples()
    path.unlink()
    YardBook(path).note_findings([], "epoch", 1)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(BookRefused, match="newer station"):
        YardBook(path).samples()
