"""The open-data tables of one station, from its records and its yard book."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from control.types import Outcome
from station.config import Config, ConfigError
from station.keeping.places import data_folder
from station.reporting.batch_reader import mass_of, read_batch, records_are_simulated, reported_class
from station.reporting.batches import balance
from station.reporting.estimates import Share, purity
from station.reporting.factors import FullCodebook, codebook_rows, factor_rows
from station.reporting.hazards import gather
from station.reporting.open_tables import (
    BatchRow,
    CountDailyRow,
    DowntimeRow,
    HazardDailyRow,
    PieceRow,
    StationRow,
    Tables,
)
from station.reporting.recipe_outlets import accepted_labels
from station.reporting.row import RowKind, parse
from station.reporting.yard_book import BOOK, YardBook
from station.store_reader import open_reader
from station.weighing import RECORDS, station_correction

_MG_PER_KG = 1e6
_FIRST, _LAST = "0000-00-00", "9999-99-99"


class Days(NamedTuple):
    """UTC days, both inside; None: no bound."""

    first: date | None
    last: date | None

    @property
    def bounds(self) -> tuple[str, str]:
        """As text, for comparing."""
        return (
            _FIRST if self.first is None else self.first.isoformat(),
            _LAST if self.last is None else self.last.isoformat(),
        )


def station_tables(config: Config, book: FullCodebook, days: Days, *, with_pieces: bool) -> Tables:
    """Daily figures, and every piece only when asked for; raises ConfigError and BookRefused."""
    data = data_folder(config)
    records, yard = data / RECORDS, YardBook(data / BOOK)
    simulated = records_are_simulated(records)
    gather(records, yard, book)
    try:
        with closing(open_reader(records)) as reader:
            counts = _counts(reader, config, days, _purity(config, yard), simulated)
            return Tables(
                codebook=codebook_rows(book, is_simulated=simulated),
                stations=_station(config, counts, simulated),
                batches=_batches(reader, records, days),
                counts_daily=counts,
                hazards_daily=_hazards(config, yard, days, simulated),
                downtime=_downtime(reader, days),
                factors_co2e=factor_rows(book, is_simulated=simulated),
                pieces=_pieces(reader, config, days) if with_pieces else None,
            )
    except sqlite3.Error as error:
        raise ConfigError(f"{records}  cannot be read ({error}): run the station first") from error


def _purity(config: Config, yard: YardBook) -> Mapping[tuple[str, str], Share | None]:
    """By day and outlet; outlets into which no rule leads have none."""
    accepted = accepted_labels(config)
    seen: dict[tuple[str, str], list[Mapping[str, int]]] = defaultdict(list)
    for sample in yard.samples():
        if sample.outlet in accepted:
            seen[sample.taken_utc[:10], sample.outlet].append(sample.pieces)
    return {key: purity(found, accepted[key[1]]) for key, found in seen.items()}


def _counts(
    reader: sqlite3.Connection,
    config: Config,
    days: Days,
    found: Mapping[tuple[str, str], Share | None],
    simulated: bool,
) -> list[CountDailyRow]:
    method = "estimated" if station_correction(config) is None else "estimated-scale-corrected"
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for day, class_id, outlet, outcome, *figures in reader.execute(
        "SELECT day, class_id, outlet, outcome, sum(pieces), sum(mass_mg), sum(degraded) FROM totals"
        " WHERE day BETWEEN ? AND ? GROUP BY 1, 2, 3, 4",
        days.bounds,
    ):
        line = sums[day, reported_class(class_id, Outcome(outcome)), outlet]
        line[:] = [old + new for old, new in zip(line, figures, strict=True)]
    rows = []
    for (day, class_id, outlet), (pieces, mass_mg, degraded) in sorted(sums.items()):
        share = found.get((day, outlet))
        rows.append(
            CountDailyRow(
                station=config.file.station.id,
                day=date.fromisoformat(day),
                class_id=class_id,
                outlet=outlet,
                pieces=pieces,
                kg=mass_mg / _MG_PER_KG if mass_mg else None,
                kg_method=method if mass_mg else None,
                purity_low=None if share is None else round(share.low, 4),
                purity_high=None if share is None else round(share.high, 4),
                n_sample=None if share is None else share.n,
                is_degraded=degraded > 0,
                is_simulated=simulated,
            )
        )
    return rows


def _station(config: Config, counts: list[CountDailyRow], simulated: bool) -> list[StationRow]:
    days = [row.day for row in counts]
    section = config.file.station
    first, last = (min(days), max(days)) if days else (None, None)
    return [StationRow(section.id, section.name, first, last, sum(row.pieces for row in counts), simulated)]


def _batches(reader: sqlite3.Connection, records: Path, days: Days) -> list[BatchRow]:
    first, last = days.bounds
    names = reader.execute(
        "SELECT id FROM batches WHERE substr(opened_utc, 1, 10) <= ? AND coalesce(substr(closed_utc, 1, 10), ?) >= ?"
        " ORDER BY rowid",
        (last, _LAST, first),
    ).fetchall()
    return [_batch(records, str(name[0])) for name in names]


def _batch(records: Path, name: str) -> BatchRow:
    found = read_batch(records, name)
    intake, mass = found.intake, mass_of(found.totals)
    return BatchRow(
        station=found.station,
        batch=intake.id,
        opened_utc=datetime.fromisoformat(intake.opened_utc),
        closed_utc=None if intake.closed_utc is None else datetime.fromisoformat(intake.closed_utc),
        declared_material=intake.material or None,
        unu_key=intake.unu_key,
        intake_kg=None if intake.weight is None else intake.weight.kg,
        pieces=sum(each.pieces for each in found.totals),
        estimated_kg=mass.kg,
        estimated_low_kg=mass.low,
        estimated_high_kg=mass.high,
        balance_closes=balance(records, name).closes,
        is_degraded=any(each.degraded for each in found.totals),
        is_simulated=found.is_simulated,
    )


def _hazards(config: Config, yard: YardBook, days: Days, simulated: bool) -> list[HazardDailyRow]:
    first, last = days.bounds
    lines: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for found in yard.findings(from_utc=first, to_utc=last + "~"):
        line = lines[found.found_utc[:10], found.class_id]
        line[0] += 1
        line[1] += found.is_open
    station = config.file.station.id
    return [
        HazardDailyRow(station, date.fromisoformat(day), class_id, findings, still_open, simulated)
        for (day, class_id), (findings, still_open) in sorted(lines.items())
    ]


def _downtime(reader: sqlite3.Connection, days: Days) -> list[DowntimeRow]:
    told = reader.execute(
        "SELECT told FROM intervals WHERE kind = ? AND told IS NOT NULL ORDER BY epoch_id, sequence",
        (RowKind.interval.value,),
    )
    first, last = days.bounds
    lines: dict[tuple[str, str, str, str, bool, str], float] = defaultdict(float)
    for row in (parse(str(text).encode()) for (text,) in told):
        if first <= row.from_utc[:10] <= last:
            for stop in row.downtime:
                key = (row.from_utc, stop.kind.value, stop.reason, row.to_utc, row.is_simulated, row.station)
                lines[key] += stop.seconds
    return [
        DowntimeRow(
            station, datetime.fromisoformat(begin), datetime.fromisoformat(end), kind, reason, seconds, simulated
        )
        for (begin, kind, reason, end, simulated, station), seconds in lines.items()
    ]


def _pieces(reader: sqlite3.Connection, config: Config, days: Days) -> list[PieceRow]:
    first, last = days.bounds
    rest = config.recipe.rest_outlet
    found = reader.execute(
        "SELECT closed_pieces.station, seq, closed_utc, label, outlet, outcome, mass_g, degraded, is_simulated"
        " FROM closed_pieces JOIN runs ON runs.id = run_id WHERE substr(closed_utc, 1, 10) BETWEEN ? AND ?"
        " ORDER BY seq",
        (first, last),
    )
    return [
        PieceRow(
            station=station,
            piece=seq,
            closed_utc=datetime.fromisoformat(closed_utc),
            class_id=reported_class(label, Outcome(outcome)),
            outlet=(outlet or rest) if outcome == Outcome.ejected.value else rest,
            outcome=outcome,
            kg=None if mass_g is None else mass_g / 1000,
            is_degraded=bool(degraded),
            is_simulated=bool(simulated),
        )
        for station, seq, closed_utc, label, outlet, outcome, mass_g, degraded, simulated in found
    ]
