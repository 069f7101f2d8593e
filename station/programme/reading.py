"""What the ledger tells: stations, gaps, conflicts and totals, for the pages and for exports. Only ever reads."""

from __future__ import annotations

import json
import math
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, Executable, Table, and_, func, select
from sqlalchemy.engine import RowMapping

from control.types import Outcome
from station.programme.registry import Registered, Registry
from station.programme.tables import batch_sums, batches, chains, conflicts, days, downtime, refusals, rows, totals
from station.reporting.batch_reader import reported_class

_MOST_SHOWN = 500


class StationLine(NamedTuple):
    """One station as the programme sees it. Times are milliseconds since 1970, None when it was never heard."""

    station: str
    name: str
    is_simulated: bool
    is_revoked: bool
    last_ms: int | None
    applied: int
    waiting: int
    withheld: int
    conflicts: int
    refusals: int


class ChainLine(NamedTuple):
    epoch: str
    applied_through: int
    waiting: int
    withheld: int
    first_ms: int
    last_ms: int
    channel: str
    last_to_utc: str
    gaps: tuple[tuple[int, int], ...]


class ConflictLine(NamedTuple):
    station: str
    epoch: str
    sequence: int
    code: str
    hash: str
    held_hash: str | None
    received_ms: int


class RefusalLine(NamedTuple):
    station: str
    code: str
    times: int
    last_ms: int
    reason: str


class DailyCount(NamedTuple):
    """``kg_sd`` is the standard deviation of ``kg``; what all pieces of a class share is added, the rest squared."""

    station: str
    is_simulated: bool
    day: str
    class_id: str
    outlet: str
    outcome: str
    pieces: int
    kg: float
    kg_sd: float


class DayLine(NamedTuple):
    """``untrusted`` intervals were labelled by a clock that was not to be trusted."""

    station: str
    is_simulated: bool
    day: str
    intervals: int
    hours: float
    degraded_hours: float
    untrusted: int


class DowntimeLine(NamedTuple):
    station: str
    is_simulated: bool
    day: str
    state: str
    kind: str
    reason: str
    seconds: float


class BatchLine(NamedTuple):
    """``intake`` holds the fields of ``station.reporting.row.Intake``."""

    station: str
    is_simulated: bool
    batch: str
    intake: dict[str, str | float | None]
    pieces: int
    kg: float
    is_degraded: bool


class ClassLine(NamedTuple):
    """Sums over stations: one class in one outlet."""

    class_id: str
    outlet: str
    pieces: int
    kg: float
    kg_sd: float


class LedgerReader:
    """Every call reads in a transaction of its own. Days are ISO 8601 (UTC), both ends inside, None: no bound."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        self._engine = engine
        self._registry = registry

    def stations(self) -> tuple[StationLine, ...]:
        """All that are registered."""
        heard = self._by_station(
            select(
                chains.c.station,
                func.max(chains.c.last_ms).label("last_ms"),
                func.sum(chains.c.applied_through).label("applied"),
                func.sum(chains.c.waiting).label("waiting"),
                func.sum(chains.c.withheld).label("withheld"),
            ).group_by(chains.c.station)
        )
        parted = self._by_station(select(conflicts.c.station, func.count().label("n")).group_by(conflicts.c.station))
        refused = self._by_station(
            select(refusals.c.station, func.sum(refusals.c.times).label("n")).group_by(refusals.c.station)
        )
        return tuple(_station_line(one, heard, parted, refused) for one in self._registry.all())

    def chains(self, station: str) -> tuple[ChainLine, ...]:
        """Newest first, with the ranges of rows that are missing or withheld."""
        wanted = select(chains).where(chains.c.station == station).order_by(chains.c.last_ms.desc())
        return tuple(
            ChainLine(
                line["epoch"], line["applied_through"], line["waiting"], line["withheld"], line["first_ms"],
                line["last_ms"], line["channel"], line["last_to_utc"], self._gaps(line),
            )
            for line in self._ask(wanted)
        )  # fmt: skip

    def conflicts(self, station: str | None = None) -> tuple[ConflictLine, ...]:
        wanted = select(*(conflicts.c[name] for name in ConflictLine._fields)).order_by(conflicts.c.received_ms.desc())
        if station is not None:
            wanted = wanted.where(conflicts.c.station == station)
        return tuple(ConflictLine(**line) for line in self._ask(wanted.limit(_MOST_SHOWN)))

    def refusals(self, station: str) -> tuple[RefusalLine, ...]:
        wanted = select(refusals).where(refusals.c.station == station).order_by(refusals.c.last_ms.desc())
        return tuple(RefusalLine(**line) for line in self._ask(wanted))

    def daily(
        self, *, is_simulated: bool, first: str | None = None, last: str | None = None, station: str | None = None
    ) -> tuple[DailyCount, ...]:
        """Counts and mass by station, day, class, outlet and outcome; real or simulated, never both."""
        wanted = select(totals).where(*_within(totals, is_simulated, first, last, station)).where(totals.c.pieces > 0)
        order = list(totals.primary_key)
        return tuple(
            DailyCount(
                line["station"], line["is_simulated"], line["day"], line["class_id"], line["outlet"], line["outcome"],
                line["pieces"], line["mg"] / 1e6, _kg_sd(line["own_variance_g2"], line["common_mg"]),
            )
            for line in self._ask(wanted.order_by(*order))
        )  # fmt: skip

    def classes(
        self, *, is_simulated: bool, first: str | None = None, last: str | None = None, station: str | None = None
    ) -> tuple[ClassLine, ...]:
        """The same added up over stations and days; what no class was sure enough of is counted as that."""
        place = (totals.c.class_id, totals.c.outlet, totals.c.outcome)
        names = ("pieces", "mg", "own_variance_g2", "common_mg")
        sums = select(*place, *(func.sum(totals.c[name]).label(name) for name in names)).group_by(*place)
        found: dict[tuple[str, str], list[float]] = {}
        for line in self._ask(sums.where(*_within(totals, is_simulated, first, last, station))):
            key = (reported_class(line["class_id"], Outcome(line["outcome"])), line["outlet"])
            amounts = found.setdefault(key, [0.0] * len(names))
            for place_of, name in enumerate(names):
                amounts[place_of] += float(line[name])
        return tuple(
            ClassLine(class_id, outlet, int(pieces), mg / 1e6, _kg_sd(variance, common))
            for (class_id, outlet), (pieces, mg, variance, common) in sorted(found.items())
            if pieces
        )

    def pieces_by_day(
        self, *, is_simulated: bool, first: str | None = None, last: str | None = None, station: str | None = None
    ) -> dict[str, int]:
        """Pieces of all classes by day."""
        sums = select(totals.c.day, func.sum(totals.c.pieces).label("pieces")).group_by(totals.c.day)
        wanted = sums.where(*_within(totals, is_simulated, first, last, station))
        return {line["day"]: int(line["pieces"]) for line in self._ask(wanted)}

    def days(
        self, *, is_simulated: bool, first: str | None = None, last: str | None = None, station: str | None = None
    ) -> tuple[DayLine, ...]:
        wanted = select(days).where(*_within(days, is_simulated, first, last, station)).where(days.c.intervals > 0)
        return tuple(
            DayLine(line["station"], line["is_simulated"], line["day"], line["intervals"], line["ms"] / 3.6e6,
                    line["degraded_ms"] / 3.6e6, line["untrusted"])
            for line in self._ask(wanted.order_by(days.c.day.desc(), days.c.station))
        )  # fmt: skip

    def downtime(
        self, *, is_simulated: bool, first: str | None = None, last: str | None = None, station: str | None = None
    ) -> tuple[DowntimeLine, ...]:
        wanted = select(downtime).where(*_within(downtime, is_simulated, first, last, station)).where(downtime.c.ms > 0)
        order = list(downtime.primary_key)
        return tuple(
            DowntimeLine(
                line["station"], line["is_simulated"], line["day"], line["state"], line["kind"], line["reason"],
                line["ms"] / 1000,
            )
            for line in self._ask(wanted.order_by(*order))
        )  # fmt: skip

    def batches(self, *, is_simulated: bool) -> tuple[BatchLine, ...]:
        """All whose intake was told."""
        sums = batch_sums.c
        same = (sums.station == batches.c.station, sums.is_simulated == batches.c.is_simulated,
                sums.batch == batches.c.batch)  # fmt: skip
        wanted = (
            select(batches, sums.pieces, sums.mg, sums.degraded)
            .outerjoin(batch_sums, and_(*same))
            .where(batches.c.is_simulated == is_simulated)
            .order_by(*batches.primary_key)
        )
        return tuple(
            BatchLine(
                line["station"], line["is_simulated"], line["batch"], json.loads(line["intake"]),
                line["pieces"] or 0, (line["mg"] or 0) / 1e6, bool(line["degraded"]),
            )
            for line in self._ask(wanted)
        )  # fmt: skip

    def _gaps(self, chain: RowMapping) -> tuple[tuple[int, int], ...]:
        if not chain["waiting"] and not chain["withheld"]:
            return ()
        here = (rows.c.station == chain["station"], rows.c.epoch == chain["epoch"])
        withheld = select(rows.c.sequence).where(*here, rows.c.state == "withheld").limit(_MOST_SHOWN)
        beyond = select(rows.c.sequence).where(*here, rows.c.sequence > chain["applied_through"])
        gaps = [(line["sequence"], line["sequence"]) for line in self._ask(withheld)]
        expected = chain["applied_through"] + 1
        for line in self._ask(beyond.order_by(rows.c.sequence)):
            if line["sequence"] > expected:
                gaps.append((expected, line["sequence"] - 1))
            expected = line["sequence"] + 1
        return tuple(sorted(gaps))

    def _by_station(self, wanted: Executable) -> dict[str, RowMapping]:
        return {line["station"]: line for line in self._ask(wanted)}

    def _ask(self, wanted: Executable) -> list[RowMapping]:
        with self._engine.begin() as connection:
            return list(connection.execute(wanted).mappings())


def _within(
    table: Table, is_simulated: bool, first: str | None, last: str | None, station: str | None
) -> tuple[ColumnElement[bool], ...]:
    conditions: list[ColumnElement[bool]] = [table.c.is_simulated.is_(is_simulated)]
    if first is not None:
        conditions.append(table.c.day >= first)
    if last is not None:
        conditions.append(table.c.day <= last)
    if station is not None:
        conditions.append(table.c.station == station)
    return tuple(conditions)


def _station_line(
    one: Registered,
    heard: dict[str, RowMapping],
    parted: dict[str, RowMapping],
    refused: dict[str, RowMapping],
) -> StationLine:
    told = heard.get(one.station)
    sums = [0 if told is None else int(told[name]) for name in ("applied", "waiting", "withheld")]
    trouble = [int(found[one.station]["n"]) if one.station in found else 0 for found in (parted, refused)]
    last_ms = None if told is None else int(told["last_ms"])
    return StationLine(one.station, one.name, one.is_simulated, one.revoked_ms is not None, last_ms, *sums, *trouble)


def _kg_sd(own_variance_g2: float, common_mg: float) -> float:
    return math.sqrt(max(0.0, own_variance_g2) + (common_mg / 1000) ** 2) / 1000
