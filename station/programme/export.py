"""Open data of the whole programme: a Data Package of daily figures of all stations, real or simulated, never both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from control.types import Outcome
from station.programme.reading import BatchLine, DailyCount, LedgerReader
from station.reporting.batch_reader import reported_class
from station.reporting.factors import FullCodebook, codebook_rows, factor_rows
from station.reporting.hazards import hazards_of
from station.reporting.open_tables import BatchRow, CountDailyRow, DowntimeRow, HazardDailyRow, StationRow, Tables
from station.reporting.package import Licence, PackageFacts, Source, write_package


class Share(NamedTuple):
    """What is given away: days are UTC, both inside, None without bound."""

    is_simulated: bool
    first: date | None
    last: date | None
    publisher: str
    licence: Licence


def export_programme(folder: Path, reader: LedgerReader, book: FullCodebook, share: Share, made: datetime) -> Path:
    """Returns the descriptor; raises PackageRefused."""
    kind = "simulated" if share.is_simulated else "real"
    facts = PackageFacts(
        name="programme-counts",
        title=f"What the stations of {share.publisher} sorted",
        publisher=share.publisher,
        licence=share.licence,
        sources=(
            Source(f"Interval rows of all {kind} stations", None, version("scrap-sorting-station")),
            Source("Codebook of material classes", None, book.digest),
        ),
        is_simulated=share.is_simulated,
        made_utc=made,
        first_day=share.first,
        last_day=share.last,
    )
    return write_package(folder, facts, programme_tables(reader, book, share))


def programme_tables(reader: LedgerReader, book: FullCodebook, share: Share) -> Tables:
    """Who dealt with a hazard is known at its station alone: ``still_open`` is None."""
    kind, first, last = share.is_simulated, _text(share.first), _text(share.last)
    degraded = {
        (line.station, line.day)
        for line in reader.days(is_simulated=kind, first=first, last=last)
        if line.degraded_hours > 0
    }
    daily = reader.daily(is_simulated=kind, first=first, last=last)
    counts = _counts(daily, degraded)
    return Tables(
        codebook=codebook_rows(book, is_simulated=kind),
        stations=_stations(reader, counts, kind),
        batches=[_batch(line) for line in reader.batches(is_simulated=kind) if _is_within(line, first, last)],
        counts_daily=counts,
        hazards_daily=_hazards(daily, hazards_of(book)),
        downtime=_downtime(reader, kind, first, last),
        factors_co2e=factor_rows(book, is_simulated=kind),
    )


def _counts(lines: Sequence[DailyCount], degraded: set[tuple[str, str]]) -> list[CountDailyRow]:
    sums: dict[tuple[str, str, str, str], tuple[int, float]] = {}
    for line in lines:
        key = (line.station, line.day, reported_class(line.class_id, Outcome(line.outcome)), line.outlet)
        pieces, kg = sums.get(key, (0, 0.0))
        sums[key] = (pieces + line.pieces, kg + line.kg)
    return [
        CountDailyRow(
            station=station, day=date.fromisoformat(day), class_id=class_id, outlet=outlet, pieces=pieces,
            kg=round(kg, 6), kg_method="estimated", purity_low=None, purity_high=None, n_sample=None,
            is_degraded=(station, day) in degraded, is_simulated=lines[0].is_simulated,
        )
        for (station, day, class_id, outlet), (pieces, kg) in sorted(sums.items())
    ]  # fmt: skip


def _hazards(lines: Sequence[DailyCount], hazards: Container[str]) -> list[HazardDailyRow]:
    """A station's ledger of hazards holds the pieces of such a class that were not unsure; so do the counts."""
    found: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        if reported_class(line.class_id, Outcome(line.outcome)) in hazards:
            found[line.station, line.day, line.class_id] += line.pieces
    return [
        HazardDailyRow(station, date.fromisoformat(day), class_id, pieces, None, lines[0].is_simulated)
        for (station, day, class_id), pieces in sorted(found.items())
    ]


def _stations(reader: LedgerReader, counts: Sequence[CountDailyRow], is_simulated: bool) -> list[StationRow]:
    found: list[StationRow] = []
    for line in reader.stations():
        if line.is_simulated is not is_simulated:
            continue
        own = [count for count in counts if count.station == line.station]
        days = sorted(count.day for count in own)
        pieces = sum(count.pieces for count in own)
        first, last = (days[0], days[-1]) if days else (None, None)
        found.append(StationRow(line.station, line.name, first, last, pieces, is_simulated))
    return found


def _batch(line: BatchLine) -> BatchRow:
    """Whether it closes is judged at the station, which knows its scales; so is the interval of the sum."""
    closed, weight = line.intake["closed_utc"], line.intake["weight_kg"]
    return BatchRow(
        station=line.station,
        batch=line.batch,
        opened_utc=datetime.fromisoformat(str(line.intake["opened_utc"])),
        closed_utc=None if closed is None else datetime.fromisoformat(str(closed)),
        declared_material=str(line.intake["material"]) or None,
        unu_key=None if line.intake["unu_key"] is None else str(line.intake["unu_key"]),
        intake_kg=None if weight is None else float(weight),
        pieces=line.pieces,
        estimated_kg=round(line.kg, 6),
        estimated_low_kg=None,
        estimated_high_kg=None,
        balance_closes=None,
        is_degraded=line.is_degraded,
        is_simulated=line.is_simulated,
    )


def _is_within(line: BatchLine, first: str | None, last: str | None) -> bool:
    opened = str(line.intake["opened_utc"])[:10]
    closed = str(line.intake["closed_utc"] or "9999")[:10]
    return (last is None or opened <= last) and (first is None or closed >= first)


def _downtime(reader: LedgerReader, is_simulated: bool, first: str | None, last: str | None) -> list[DowntimeRow]:
    sums: dict[tuple[str, str, str, str], float] = {}
    for line in reader.downtime(is_simulated=is_simulated, first=first, last=last):
        key = (line.station, line.day, line.kind, line.reason)
        sums[key] = sums.get(key, 0.0) + line.seconds
    return [
        DowntimeRow(station, _midnight(day), _midnight(day) + timedelta(days=1), kind, reason, seconds, is_simulated)
        for (station, day, kind, reason), seconds in sorted(sums.items())
    ]


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
