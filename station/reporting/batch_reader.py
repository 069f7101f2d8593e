"""Reading a batch for its paper: the totals, which outlive all details, and what the interval rows say beside them."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from control.types import Outcome
from station.config import ConfigError
from station.reporting.row import IntervalRow, RowKind, parse
from station.store_gap import restorations
from station.store_reader import open_reader

UNKNOWN = "UNKNOWN"
_TWO_SIDED = 1.96
_MG_PER_KG = 1e6
_G_PER_KG = 1000


class Kg(NamedTuple):
    """A mass and its standard deviation; the bounds are those of 95 %."""

    kg: float
    sd_kg: float

    @property
    def low(self) -> float:
        return max(self.kg - _TWO_SIDED * self.sd_kg, 0.0)

    @property
    def high(self) -> float:
        return self.kg + _TWO_SIDED * self.sd_kg


class Total(NamedTuple):
    """Pieces of one class, outlet and outcome; ``own_g2`` and ``common_g`` as in ``counting.Tally``."""

    class_id: str
    outlet: str
    outcome: Outcome
    pieces: int
    degraded: int
    mass_mg: int
    own_g2: float
    common_g: float

    @property
    def reported_class(self) -> str:
        """What was not recognised is counted as that, never among a product."""
        return reported_class(self.class_id, self.outcome)


class BatchIntake(NamedTuple):
    """What was entered when the batch came; ``supplier`` never leaves the station by itself."""

    id: str
    origin: str
    supplier: str
    material: str
    weight: Kg | None
    unu_key: str | None
    opened_utc: str
    closed_utc: str | None


class Stop(NamedTuple):
    """Time without sorting: ``kind`` held (our cause) or suspended (another's)."""

    kind: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the interval rows of a batch say: by which model and recipe, how long, what stood in the way.

    ``thinned``: rows were removed by the bound on the disk and are missing here (never in the totals).
    """

    seconds: float
    degraded_seconds: float
    degraded_reasons: tuple[str, ...]
    stops: tuple[Stop, ...]
    models: tuple[str, ...]
    recipes: tuple[str, ...]
    calibrations: tuple[str, ...]
    codebooks: tuple[str, ...]
    software: tuple[str, ...]
    clock_trusted: bool
    first_utc: str | None
    last_utc: str | None
    thinned: bool


class BatchRecords(NamedTuple):
    """Everything the records know of a batch; ``weighed`` are weights of outlets from a scale, ``restored`` says what
    is missing where the database was damaged and restored meanwhile."""

    station: str
    is_simulated: bool
    intake: BatchIntake
    totals: tuple[Total, ...]
    weighed: Mapping[str, Kg]
    circumstances: Circumstances
    restored: tuple[str, ...] = ()


def reported_class(class_id: str, outcome: Outcome) -> str:
    """The class that reports count a piece under: ``UNKNOWN`` for what no class was sure enough of."""
    return UNKNOWN if outcome is Outcome.unsure or not class_id else class_id


def mass_of(totals: Iterable[Total]) -> Kg:
    """The sum: what each piece has for itself adds in squares, what a class shares adds up before it is squared."""
    mass_mg, own_g2 = 0, 0.0
    common_g: dict[str, float] = defaultdict(float)
    for each in totals:
        mass_mg += each.mass_mg
        own_g2 += each.own_g2
        common_g[each.class_id] += each.common_g
    sd_g = math.sqrt(own_g2 + sum(shared**2 for shared in common_g.values()))
    return Kg(mass_mg / _MG_PER_KG, sd_g / _G_PER_KG)


def records_are_simulated(records: Path) -> bool:
    """One database never holds both; raises ConfigError where nothing was recorded yet."""
    with _reading(records) as reader:
        found = reader.execute("SELECT is_simulated FROM runs LIMIT 1").fetchone()
    if found is None:
        raise ConfigError(f"{records}  holds no run yet: run the station first")
    return bool(found[0])


def newest_batch(records: Path) -> str | None:
    """The batch that is open, else the one opened last; None when there never was one."""
    with _reading(records) as reader:
        found = reader.execute(
            "SELECT id FROM batches ORDER BY closed_utc IS NULL DESC, opened_utc DESC LIMIT 1"
        ).fetchone()
    return None if found is None else str(found[0])


def read_batch(records: Path, batch: str) -> BatchRecords:
    """Raises ConfigError when there is no such batch."""
    with _reading(records) as reader:
        intake = _intake(reader, batch, records)
        run = reader.execute("SELECT station, is_simulated FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        totals = tuple(
            Total(class_id, outlet, Outcome(outcome), *rest)
            for class_id, outlet, outcome, *rest in reader.execute(
                "SELECT class_id, outlet, outcome, sum(pieces), sum(degraded), sum(mass_mg), sum(own_g2), sum(common_g)"
                " FROM totals WHERE batch = ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
                (batch,),
            )
        )
        weighed = reader.execute("SELECT outlet, mass_kg, sd_kg FROM weighed WHERE batch = ?", (batch,)).fetchall()
        rows = _rows(reader, batch)
        restored = restorations(reader, batch)
    return BatchRecords(
        str(run[0]), bool(run[1]), intake, totals, {outlet: Kg(kg, sd) for outlet, kg, sd in weighed},
        circumstances(rows, sum(each.pieces for each in totals)), restored,
    )  # fmt: skip


def circumstances(rows: Sequence[IntervalRow], pieces: int) -> Circumstances:
    """What these rows say together; ``pieces`` are those of the totals."""
    stops: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        for each in row.downtime:
            stops[each.kind.value, each.reason] += each.seconds
    return Circumstances(
        seconds=sum(row.seconds for row in rows),
        degraded_seconds=sum(row.seconds for row in rows if row.degraded),
        degraded_reasons=tuple(sorted({reason for row in rows for reason in row.degraded_reasons})),
        stops=tuple(Stop(*key, seconds) for key, seconds in sorted(stops.items(), key=lambda item: -item[1])),
        models=_used(row.model for row in rows),
        recipes=_used(row.recipe for row in rows),
        calibrations=_used(row.calibration for row in rows),
        codebooks=_used(row.codebook for row in rows),
        software=_used(row.software for row in rows),
        clock_trusted=all(row.clock_trusted for row in rows),
        first_utc=rows[0].from_utc if rows else None,
        last_utc=rows[-1].to_utc if rows else None,
        thinned=sum(count.pieces for row in rows for count in row.counts) < pieces,
    )


def _used(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if each))


def _intake(reader: sqlite3.Connection, batch: str, records: Path) -> BatchIntake:
    found = reader.execute(
        "SELECT id, origin, supplier, material, weight_kg, weight_sd_kg, unu_key, opened_utc, closed_utc"
        " FROM batches WHERE id = ?",
        (batch,),
    ).fetchone()
    if found is None:
        known = [str(row[0]) for row in reader.execute("SELECT id FROM batches ORDER BY rowid DESC LIMIT 5")]
        raise ConfigError(f"{records}  knows no batch {batch}; the newest are: {', '.join(known) or 'none'}")
    name, origin, supplier, material, kg, sd_kg, unu_key, opened, closed = found
    weight = None if kg is None else Kg(float(kg), float(sd_kg or 0.0))
    return BatchIntake(name, origin, supplier, material, weight, unu_key, opened, closed)


def _rows(reader: sqlite3.Connection, batch: str) -> list[IntervalRow]:
    """The interval rows of a batch that are still there, in their order."""
    found = reader.execute(
        "SELECT intervals.told FROM intervals JOIN contexts ON contexts.id = context_id WHERE kind = ?"
        " AND intervals.told IS NOT NULL AND json_extract(contexts.told, '$.batch') = ? ORDER BY epoch_id, sequence",
        (RowKind.interval.value, batch),
    )
    return [parse(str(told).encode()) for (told,) in found]


@contextmanager
def _reading(records: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(open_reader(records)) as reader:
            yield reader
    except sqlite3.Error as error:
        raise ConfigError(f"{records}  cannot be read ({error}): run the station first") from error
