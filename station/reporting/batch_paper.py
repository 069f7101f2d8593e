"""The batch report as one self-contained page to print and sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from gettext import NullTranslations
from pathlib import Path
from typing import NamedTuple

from station.config import Config
from station.keeping.places import data_folder
from station.language import translations
from station.marked import marked
from station.reporting.batch_reader import BatchRecords, Circumstances, read_batch
from station.reporting.batch_sums import BatchSums, sum_batch
from station.reporting.batches import balance
from station.reporting.factors import FullCodebook, read_full_codebook
from station.reporting.hazards import PICTURES, gather
from station.reporting.papers import Paper, hazard_lines, inline_pictures, render
from station.reporting.recipe_outlets import accepted_labels
from station.reporting.signature import SigningKey, sign_file, station_key
from station.reporting.yard_book import BOOK, YardBook
from station.reporting.yard_words import Finding, HandSample
from station.weighing import RECORDS

_MOST_SHOWN = 12
_USED = (
    ("models", marked("Model")),
    ("recipes", marked("Recipe")),
    ("calibrations", marked("Calibration")),
    ("codebooks", marked("Codebook")),
    ("software", marked("Program")),
)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """Everything a batch report is made of."""

    records: BatchRecords
    samples: tuple[HandSample, ...]
    sums: BatchSums
    hazards: tuple[Finding, ...]


class Issued(NamedTuple):
    """Where the report and its signature lie, and the public key to check it with."""

    paper: Path
    signature: Path
    public_key: str


def read_report(config: Config, batch: str, book: FullCodebook) -> BatchReport:
    """Raises ConfigError when there is no such batch, BookRefused when the yard book cannot be read."""
    data = data_folder(config)
    yard = YardBook(data / BOOK)
    gather(data / RECORDS, yard, book)
    records = read_batch(data / RECORDS, batch)
    samples = yard.samples(batch)
    drawn = balance(data / RECORDS, batch)
    sums = sum_batch(records, drawn, samples, accepted_labels(config), book)
    return BatchReport(records, samples, sums, yard.findings(batch=batch))


def issue(config: Config, batch: str, path: Path, language: str, made: datetime, *, with_supplier: bool) -> Issued:
    """Write the report and its signature.

    Raises what ``read_report`` raises, LanguageUnknown, SignatureRefused and OSError.
    """
    book = read_full_codebook()
    report = read_report(config, batch, book)
    key = station_key(data_folder(config))
    paper = Paper(language, report.records.station, config.file.station.name, report.records.is_simulated, made)
    text = batch_page(report, paper, book, key, data_folder(config) / PICTURES, path.name, with_supplier)
    path.write_text(text, encoding="utf-8")
    return Issued(path, sign_file(key, path, trusted_comment(report.records, made)), key.public_line)


def trusted_comment(records: BatchRecords, made: datetime) -> str:
    """What the signature says beside the file itself."""
    batch = records.intake.id.replace("\n", " ").replace("\r", " ")
    simulated = "true" if records.is_simulated else "false"
    return f"station={records.station} batch={batch} time={made.isoformat()} is_simulated={simulated}"


def batch_page(
    report: BatchReport,
    paper: Paper,
    book: FullCodebook,
    key: SigningKey,
    pictures: Path,
    file_name: str,
    with_supplier: bool = False,
) -> str:
    """HTML that needs nothing else; ``file_name`` is what the page will be called."""
    records, facts = report.records, report.records.circumstances
    shown = _shown(report.hazards)
    words: dict[str, object] = {
        "intake": records.intake,
        "supplier": records.intake.supplier if with_supplier else "",
        "facts": facts,
        "restored": records.restored,
        "sums": report.sums,
        "samples": report.samples,
        "hazards": report.hazards,
        "hazard_lines": hazard_lines(report.hazards),
        "still_open": sum(each.is_open for each in report.hazards),
        "shown": shown,
        "pictures": inline_pictures(pictures, shown),
        "factor_set": book.factor_set,
        "used": _used(facts, translations(paper.language)),
        "file_name": file_name,
        "public_key": key.public_line,
    }
    return render("batch.html", paper, book, words)


def _shown(hazards: Sequence[Finding]) -> tuple[Finding, ...]:
    """What needs a person first, then what has a picture, oldest first."""
    ordered = sorted(hazards, key=lambda found: (not found.needs_person, found.picture is None, found.id))
    return tuple(ordered[:_MOST_SHOWN])


def _used(facts: Circumstances, spoken: NullTranslations) -> list[tuple[str, tuple[str, ...]]]:
    found = {
        "models": facts.models,
        "recipes": facts.recipes,
        "calibrations": facts.calibrations,
        "codebooks": facts.codebooks,
        "software": facts.software,
    }
    return [(spoken.gettext(title), found[name]) for name, title in _USED]
