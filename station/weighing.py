"""Masses of a station: priors with the factors its scale taught, the scale's own list, and what the records sum to."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from station.belt_scale import Factor, Weighing, fit_factors
from station.config import Config, ConfigError
from station.mass import ClassTotal, Mass, MassPrior, PriorsRefused, estimate, read_priors, summed, total
from station.store_reader import open_reader

FACTORS = "mass-factors.json"
RECORDS = "records.sqlite"
ALL_OUTLETS = "all"


class WeighingRow(NamedTuple):
    """One line of the scale's list: what fell into ``outlet`` (or ``all``) between two UTC instants in nanoseconds."""

    from_ns: int
    to_ns: int
    outlet: str
    mass_g: float
    sd_g: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What the scale taught: factors by class, from how many weighings, by whom and when."""

    made: str
    by: str
    weighings: int
    factors: Mapping[str, Factor]


class OutletMass(NamedTuple):
    """Estimated mass in one outlet and its standard deviation; ``unweighed`` pieces have none."""

    kg: float
    sd_kg: float
    unweighed: int


def station_priors(config: Config) -> Mapping[str, MassPrior]:
    """The priors of a station, corrected by what its scale taught; raises ConfigError."""
    section = config.file.mass
    try:
        priors = read_priors() if section.priors is None else read_priors(config.resolve(section.priors))
    except PriorsRefused as error:
        raise ConfigError(str(error)) from error
    correction = station_correction(config)
    factors = {} if correction is None else correction.factors
    return {
        label: prior._replace(factor=factors[label].factor, factor_sd=factors[label].sd) if label in factors else prior
        for label, prior in priors.items()
    }


def station_correction(config: Config) -> Correction | None:
    """What the scale of this station taught last; None before the first time. Raises ConfigError."""
    return read_correction(_factors_file(config))


def correct(config: Config, by: str, now: datetime) -> Correction:
    """Fit the factors to everything the scale said so far and keep them for the next start.

    Raises ConfigError when no scale is configured, its list cannot be read or no record lies in it.
    """
    section = config.file.mass
    if section.weighings is None:
        raise ConfigError(f"{config.path}  mass.weighings  no belt scale is configured: name the file with its totals")
    priors = read_priors() if section.priors is None else read_priors(config.resolve(section.priors))
    records = _data(config) / RECORDS
    rows = read_weighings(config.resolve(section.weighings))
    weighings = tuple(_weighing(records, row, priors, config.recipe.rest_outlet) for row in rows)
    used = tuple(weighing for weighing in weighings if weighing.estimated)
    if not used:
        raise ConfigError(f"{config.path}  mass.weighings  no recorded piece falls into any weighing; check the times")
    factors = fit_factors(used, {label: prior.factor_sd for label, prior in priors.items()})
    correction = Correction(now.astimezone(UTC).isoformat(timespec="seconds"), by, len(used), factors)
    _write(_factors_file(config), correction)
    return correction


def read_correction(path: Path) -> Correction | None:
    """None when nothing was corrected yet; raises ConfigError when the file is damaged."""
    if not path.exists():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        factors = {label: Factor(float(factor), float(sd)) for label, (factor, sd) in told["factors"].items()}
        return Correction(str(told["made"]), str(told["by"]), int(told["weighings"]), factors)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}  cannot be read ({error!r}): run station mass again, or delete it") from error


def read_weighings(path: Path) -> tuple[WeighingRow, ...]:
    """Columns from_utc, to_utc (ISO 8601), outlet, mass_kg, sd_kg; raises ConfigError that names the line."""
    found = []
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), start=2):
                try:
                    found.append(_weighing_row(row))
                except (KeyError, ValueError, TypeError) as error:
                    raise ConfigError(
                        f"{path}:{number}  is no weighing ({error!r}): give from_utc, to_utc, outlet, mass_kg, sd_kg"
                    ) from error
    except OSError as error:
        raise ConfigError(f"{path}  cannot be read ({error.strerror}): check mass.weighings") from error
    return tuple(found)


def run_masses(records: Path, run: str, factor_sd: Mapping[str, float], rest_outlet: str) -> Mapping[str, OutletMass]:
    """Estimated mass by outlet of one run, and under ``all`` the sum of everything."""
    with closing(open_reader(records)) as connection:
        rows = connection.execute(
            "SELECT label, CASE WHEN outcome = 'ejected' THEN outlet END, coalesce(sum(mass_g), 0),"
            " coalesce(sum(mass_sd_g * mass_sd_g), 0), coalesce(sum(mass_g * mass_g), 0), count(*) - count(mass_g)"
            " FROM pieces WHERE run_id = (SELECT id FROM runs WHERE uuid = ?) GROUP BY 1, 2",
            (run,),
        ).fetchall()
    sums: dict[str, dict[str, ClassTotal]] = defaultdict(dict)
    unweighed: dict[str, int] = defaultdict(int)
    for label, outlet, mass_g, sd2_g2, mass2_g2, without in rows:
        own = max(sd2_g2 - factor_sd.get(label, 0.0) ** 2 * mass2_g2, 0.0)
        for place in (outlet or rest_outlet, ALL_OUTLETS):
            before = sums[place].get(label, ClassTotal(0.0, 0.0))
            sums[place][label] = ClassTotal(before.mass_g + mass_g, before.own_g2 + own)
            unweighed[place] += without
    return {place: _outlet(total(found, factor_sd), unweighed[place]) for place, found in sorted(sums.items())}


def _outlet(mass: Mass, unweighed: int) -> OutletMass:
    return OutletMass(round(mass.mass_g / 1000, 4), round(mass.sd_g / 1000, 4), unweighed)


def _weighing(records: Path, row: WeighingRow, priors: Mapping[str, MassPrior], rest_outlet: str) -> Weighing:
    """What the priors alone say about the pieces of one weighing, from what was seen of each."""
    masses: dict[str, list[Mass]] = defaultdict(list)
    for labels, label, scores, area_mm2 in _pieces(records, row, rest_outlet):
        shares = [0.0 if score is None else float(score) for score in json.loads(scores)]
        mass = estimate(tuple(priors.get(name) for name in json.loads(labels)), shares, area_mm2)
        if mass is not None:
            masses[label].append(mass)
    estimated = {label: summed(found, priors[label].factor_sd) for label, found in masses.items() if label in priors}
    return Weighing(row.mass_g, row.sd_g, estimated)


def _pieces(records: Path, row: WeighingRow, rest_outlet: str) -> Iterable[tuple[str, str, str, float]]:
    try:
        with closing(open_reader(records)) as connection:
            yield from connection.execute(
                "SELECT runs.labels, label, scores, area_mm2 FROM pieces JOIN runs ON runs.id = pieces.run_id"
                " WHERE closed_ns + utc_offset_ns >= ? AND closed_ns + utc_offset_ns < ?"
                " AND (? = 'all' OR ? = CASE WHEN outcome = 'ejected' THEN outlet ELSE ? END)",
                (row.from_ns, row.to_ns, row.outlet, row.outlet, rest_outlet),
            )
    except sqlite3.OperationalError as error:
        raise ConfigError(f"{records}  cannot be read ({error}): run the station first") from error


def _weighing_row(row: Mapping[str, str]) -> WeighingRow:
    begin, end = _utc_ns(row["from_utc"]), _utc_ns(row["to_utc"])
    mass_g, sd_g = float(row["mass_kg"]) * 1000, float(row["sd_kg"]) * 1000
    if end <= begin or mass_g < 0 or not sd_g > 0:
        raise ValueError("the end must lie after the begin, the mass at or above 0, its deviation above 0")
    return WeighingRow(begin, end, row["outlet"], mass_g, sd_g)


def _utc_ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1e6) * 1000


def _write(path: Path, correction: Correction) -> None:
    """Whole or not at all; the one before is kept under its date."""
    if path.exists():
        before = read_correction(path)
        stamp = "unknown" if before is None else before.made.replace(":", "-")
        path.replace(path.with_name(f"{path.stem}-{stamp}{path.suffix}"))
    told = {
        "made": correction.made,
        "by": correction.by,
        "weighings": correction.weighings,
        "factors": {label: [round(f.factor, 5), round(f.sd, 5)] for label, f in sorted(correction.factors.items())},
    }
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def _data(config: Config) -> Path:
    return config.resolve(config.file.station.data_folder)


def _factors_file(config: Config) -> Path:
    return _data(config) / FACTORS
