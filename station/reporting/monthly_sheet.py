"""The hazards ledger of one month, as CSV for the waste officer's own tools and as a page to print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from station.config import Config, ConfigError
from station.keeping.places import data_folder
from station.reporting.batch_reader import records_are_simulated
from station.reporting.factors import FullCodebook, read_full_codebook
from station.reporting.hazards import PICTURES
from station.reporting.papers import Paper, hazard_lines, inline_pictures, render
from station.reporting.safe_csv import write_csv
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import Finding
from station.weighing import RECORDS

HEADER = (
    "number", "station", "found_utc", "batch", "class_id", "name_en", "name_zh", "line_did", "line_detail",
    "basel_hint", "basel_from", "picture", "needs_person", "closed_utc", "closed_by", "action_taken", "is_simulated",
)  # fmt: skip
_SIMULATED = "simulated-"


def write_sheet(config: Config, month: str, folder: Path, language: str, made: datetime) -> tuple[Path, Path]:
    """Write both files of a month such as ``2027-01``; raises ConfigError, BookRefused, LanguageUnknown."""
    begin, end = _month(month)
    data = data_folder(config)
    book = read_full_codebook()
    simulated = records_are_simulated(data / RECORDS)
    found = YardBook(data / BOOK).findings(from_utc=begin, to_utc=end)
    paper = Paper(language, config.file.station.id, config.file.station.name, simulated, made)
    page = render("month.html", paper, book, _words(month, found, data / PICTURES))
    name = f"{_SIMULATED if simulated else ''}hazards-{month}"
    table, sheet = folder / f"{name}.csv", folder / f"{name}.{language}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_csv(table, HEADER, _rows(found, config.file.station.id, book))
        sheet.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}  cannot be written ({error.strerror}): choose another folder") from error
    return table, sheet


def _words(month: str, found: Sequence[Finding], pictures: Path) -> dict[str, object]:
    shown = [each for each in found if each.needs_person]
    return {
        "month": month,
        "hazards": found,
        "hazard_lines": hazard_lines(found),
        "still_open": sum(each.is_open for each in found),
        "shown": shown,
        "pictures": inline_pictures(pictures, shown),
    }


def _rows(found: Sequence[Finding], station: str, book: FullCodebook) -> Iterator[tuple[str | int | bool | None, ...]]:
    for each in found:
        entry = book.entries.get(each.class_id)
        names = ("", "") if entry is None else (entry.name_en, entry.name_zh)
        yield (
            each.id, station, each.found_utc, each.batch, each.class_id, *names, each.done.value, each.detail,
            each.basel or None, each.basel_from or None, each.picture, each.needs_person, each.closed_utc,
            each.closed_by, each.how, each.is_simulated,
        )  # fmt: skip


def _month(month: str) -> tuple[str, str]:
    """Its first moment and that of the next month, as the book writes moments."""
    try:
        begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise ConfigError(f"{month}  is no month: write it as 2027-01") from error
    end = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    return begin.strftime("%Y-%m-%d"), end.strftime("%Y-%m-%d")
