"""The codebook with all its fields and the edition of each code system, and the set of factors of avoided emissions."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

from station.codebook import CODEBOOK
from station.config import ConfigError
from station.reporting.open_tables import CodebookRow, FactorRow

EDITIONS = CODEBOOK.with_name("codebook-editions.csv")
_SORTED = "sort"
_RESIDUE = "residue"
_SEVERE = 2


class Editions(NamedTuple):
    """Which edition the codes of each system are taken from; ``basel_from`` is the day its annexes are in force."""

    isri: str
    hs: str
    basel_from: date
    gbt: str


class Factor(NamedTuple):
    """Kilograms of CO2e saved per tonne, lower and upper end."""

    low_kg_per_t: float
    high_kg_per_t: float


class Entry(NamedTuple):
    """One class. Several codes are separated by |, empty text means none. ``factor`` None: no figure is known, or none
    may be claimed (residue, hazards)."""

    id: str
    name_en: str
    name_zh: str
    family: str
    hazard_level: int
    action: str
    isri: str
    basel: str
    hs: str
    gbt: str
    density_kg_m3: float | None
    factor: Factor | None
    source: str
    is_verified: bool

    @property
    def is_product(self) -> bool:
        """Something a plant wants to sell: it is sorted, and no hazard."""
        return self.action == _SORTED and self.hazard_level < _SEVERE

    @property
    def is_hazard(self) -> bool:
        """Something people are told of: to be diverted, or to stop the line."""
        return self.action not in (_SORTED, _RESIDUE)

    def name(self, language: str) -> str:
        """In English, or in Chinese where that is asked for."""
        return self.name_zh if language.startswith("zh") else self.name_en


@dataclass(frozen=True, slots=True)
class FullCodebook:
    """``digest``: SHA-256 of the file. ``factor_set`` names the version of the factors."""

    entries: Mapping[str, Entry]
    editions: Editions
    digest: str

    @property
    def factor_set(self) -> str:
        return f"codebook-{self.digest[:12]}"


def read_full_codebook(path: Path = CODEBOOK, editions: Path = EDITIONS) -> FullCodebook:
    """Raises ConfigError when either file cannot be read."""
    try:
        content = path.read_bytes()
        rows = csv.DictReader(content.decode("utf-8").splitlines())
        entries = {row["class_id"]: _entry(row) for row in rows}
        return FullCodebook(entries, _editions(editions), hashlib.sha256(content).hexdigest())
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}  is not the codebook ({error!r}): restore it from the release") from error


def codebook_rows(book: FullCodebook, *, is_simulated: bool) -> list[CodebookRow]:
    """For a package of open data."""
    return [_row(entry, book.editions, is_simulated) for entry in book.entries.values()]


def factor_rows(book: FullCodebook, *, is_simulated: bool) -> list[FactorRow]:
    """For a package of open data; only classes with a factor that may be used."""
    return [
        FactorRow(
            book.factor_set,
            entry.id,
            entry.factor.low_kg_per_t,
            entry.factor.high_kg_per_t,
            _part(entry.source, "co2e"),
            entry.is_verified,
            is_simulated,
        )
        for entry in book.entries.values()
        if entry.factor is not None
    ]


def _row(entry: Entry, editions: Editions, is_simulated: bool) -> CodebookRow:
    return CodebookRow(
        class_id=entry.id,
        name_en=entry.name_en,
        name_zh=entry.name_zh,
        family=entry.family,
        hazard_level=entry.hazard_level,
        action=entry.action,
        isri_codes=entry.isri or None,
        isri_edition=editions.isri if entry.isri else None,
        basel_code=entry.basel or None,
        basel_from=editions.basel_from if entry.basel else None,
        hs_code=entry.hs or None,
        hs_edition=editions.hs if entry.hs else None,
        gbt_standard=entry.gbt or None,
        density_kg_m3=entry.density_kg_m3,
        source=entry.source or None,
        is_verified=entry.is_verified,
        is_simulated=is_simulated,
    )


def _entry(row: Mapping[str, str]) -> Entry:
    low, high = row["co2e_saved_kg_per_t_low"], row["co2e_saved_kg_per_t_high"]
    level, action = int(row["hazard_level"]), row["action"]
    may_claim = action == _SORTED and level < _SEVERE
    return Entry(
        id=row["class_id"],
        name_en=row["name_en"],
        name_zh=row["name_zh"],
        family=row["family"],
        hazard_level=level,
        action=action,
        isri=row["isri_codes"],
        basel=row["basel_code"],
        hs=row["hs_code"],
        gbt=row["gbt_standard"],
        density_kg_m3=float(row["density_kg_m3"]) if row["density_kg_m3"] else None,
        factor=Factor(float(low), float(high)) if low and high and may_claim else None,
        source=row["source"],
        is_verified=row["verified"] == "yes",
    )


def _editions(path: Path) -> Editions:
    with path.open(encoding="utf-8", newline="") as lines:
        told = {row["system"]: row["edition"] for row in csv.DictReader(lines)}
    return Editions(told["isri"], told["hs"], date.fromisoformat(told["basel"]), told["gbt"])


def _part(source: str, field: str) -> str | None:
    """What the source says of one field: ``isri=S1; co2e=S6..S9`` -> ``S6..S9``."""
    parts = dict(part.strip().split("=", 1) for part in source.split(";") if "=" in part)
    return parts.get(field)
