"""The tables of an open-data package: one row type each, with what every column means and which unit it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

Cell = str | int | float | bool | date | datetime | None


class Kind(StrEnum):
    """What a column holds; the words of Table Schema. Times are UTC, ``date`` is a UTC day."""

    string = "string"
    integer = "integer"
    number = "number"
    boolean = "boolean"
    date = "date"
    datetime = "datetime"


class Column(NamedTuple):
    """``required``: never empty. ``least`` bounds numbers. ``words``: the only values it may have."""

    name: str
    kind: Kind
    says: str
    required: bool = False
    least: float | None = None
    words: tuple[str, ...] = ()


class Link(NamedTuple):
    """Values of ``column`` stand in the column of the same name of ``table``."""

    column: str
    table: str


@dataclass(frozen=True, slots=True)
class Table:
    """``key``: columns that together name a row."""

    name: str
    says: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    links: tuple[Link, ...] = ()


class Row(Protocol):
    """A row of any table: a named tuple whose fields are the table's columns in order."""

    @property
    def is_simulated(self) -> bool: ...

    def _asdict(self) -> dict[str, Cell]: ...


class CodebookRow(NamedTuple):
    class_id: str
    name_en: str
    name_zh: str
    family: str
    hazard_level: int
    action: str
    isri_codes: str | None
    isri_edition: str | None
    basel_code: str | None
    basel_from: date | None
    hs_code: str | None
    hs_edition: str | None
    gbt_standard: str | None
    density_kg_m3: float | None
    source: str | None
    is_verified: bool
    is_simulated: bool


class StationRow(NamedTuple):
    station: str
    name: str | None
    first_day: date | None
    last_day: date | None
    pieces: int
    is_simulated: bool


class BatchRow(NamedTuple):
    station: str
    batch: str
    opened_utc: datetime
    closed_utc: datetime | None
    declared_material: str | None
    unu_key: str | None
    intake_kg: float | None
    pieces: int
    estimated_kg: float | None
    estimated_low_kg: float | None
    estimated_high_kg: float | None
    balance_closes: bool | None
    is_degraded: bool
    is_simulated: bool


class CountDailyRow(NamedTuple):
    station: str
    day: date
    class_id: str
    outlet: str
    pieces: int
    kg: float | None
    kg_method: str | None
    purity_low: float | None
    purity_high: float | None
    n_sample: int | None
    is_degraded: bool
    is_simulated: bool


class HazardDailyRow(NamedTuple):
    station: str
    day: date
    class_id: str
    findings: int
    still_open: int | None
    is_simulated: bool


class DowntimeRow(NamedTuple):
    station: str
    from_utc: datetime
    to_utc: datetime
    kind: str
    reason: str
    seconds: float
    is_simulated: bool


class FactorRow(NamedTuple):
    factor_set: str
    class_id: str
    co2e_saved_kg_per_t_low: float
    co2e_saved_kg_per_t_high: float
    source: str | None
    is_verified: bool
    is_simulated: bool


class PieceRow(NamedTuple):
    station: str
    piece: int
    closed_utc: datetime
    class_id: str
    outlet: str
    outcome: str
    kg: float | None
    is_degraded: bool
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything of one package; ``pieces`` None leaves that table out, which is the default of sharing."""

    codebook: Sequence[CodebookRow]
    stations: Sequence[StationRow]
    batches: Sequence[BatchRow]
    counts_daily: Sequence[CountDailyRow]
    hazards_daily: Sequence[HazardDailyRow]
    downtime: Sequence[DowntimeRow]
    factors_co2e: Sequence[FactorRow]
    pieces: Sequence[PieceRow] | None = None
