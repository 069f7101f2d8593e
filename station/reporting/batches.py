"""Batches: what came in, from when to when it was sorted, and whether what came out weighs as much."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from station.marked import marked
from station.store_reader import open_reader

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNU_KEY = re.compile(r"\d{4}")
_LONGEST_TEXT = 120
_HEAVIEST_KG = 1e6
_COVERAGE = 2.0  # standard deviations within which a balance closes: 95 of 100 true ones do
_G_PER_KG = 1000
_MG_PER_KG = 1_000_000


class BatchRefused(Exception):  # noqa: N818 - refused things are named as facts
    """The text says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What is asked when a batch comes in. ``id`` empty: the station gives one. ``supplier`` is a code of the plant's
    own and never leaves the station. ``weight_sd_kg`` None: as the scale at intake is known. The UNU key is four digits
    and for e-waste."""

    origin: str = ""
    supplier: str = ""
    material: str = ""
    weight_kg: float | None = None
    weight_sd_kg: float | None = None
    unu_key: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """``closed_utc`` None: it is open."""

    intake: Intake
    opened_utc: str
    opened_by: str
    closed_utc: str | None
    closed_by: str | None

    @property
    def id(self) -> str:
        return self.intake.id


class OutletShare(NamedTuple):
    """What fell into one outlet. ``is_weighed``: by a person's scale, else estimated from what was seen."""

    outlet: str
    mass_kg: float
    sd_kg: float
    pieces: int
    is_weighed: bool


class Balance(NamedTuple):
    """``closes`` None: nothing to compare with, the intake was not weighed. ``tolerance_kg`` is how far intake and sum
    may lie apart; ``unweighed`` pieces have no estimated mass and lie in none of the sums."""

    batch: str
    intake_kg: float | None
    intake_sd_kg: float | None
    outlets: tuple[OutletShare, ...]
    sum_kg: float
    sum_sd_kg: float
    difference_kg: float | None
    tolerance_kg: float | None
    closes: bool | None
    unweighed: int

    @property
    def sentence(self) -> str:
        """The result in plain words."""
        if self.closes is None or self.difference_kg is None or self.tolerance_kg is None:
            return marked("The intake was not weighed: there is nothing to compare with.")
        more, less = marked("{kg} kg more came out than went in"), marked("{kg} kg less came out than went in")
        apart = (more if self.difference_kg > 0 else less).format(kg=f"{abs(self.difference_kg):.1f}")
        closes = marked("The balance closes: {apart}; {kg} kg can be explained by scales and estimates.")
        open_ = marked("THE BALANCE DOES NOT CLOSE: {apart}; {kg} kg can be explained by scales and estimates.")
        return (closes if self.closes else open_).format(apart=apart, kg=f"{self.tolerance_kg:.1f}")


def with_scale(intake: Intake, sd_kg: float, sd_share: float) -> Intake:
    """Where nobody says how far the intake's scale may be off: ``sd_kg``, and a share of the weight, independently."""
    if intake.weight_kg is None or intake.weight_sd_kg is not None:
        return intake
    return replace(intake, weight_sd_kg=round(math.hypot(sd_kg, sd_share * intake.weight_kg), 3))


def open_batch(connection: sqlite3.Connection, intake: Intake, by: str, now_utc: str) -> str:
    """The id of the batch that is open now; raises BatchRefused with a sentence. Runs in the writer's thread."""
    _check(intake)
    opened = connection.execute("SELECT id FROM batches WHERE closed_utc IS NULL").fetchone()
    if opened is not None:
        raise BatchRefused(marked("Batch {batch} is open: close it first.").format(batch=opened[0]))
    name = intake.id or _next_id(connection, now_utc)
    if connection.execute("SELECT 1 FROM batches WHERE id = ?", (name,)).fetchone():
        raise BatchRefused(marked("There was a batch {name} before: choose another name.").format(name=name))
    connection.execute(
        "INSERT INTO batches (id, origin, supplier, material, weight_kg, weight_sd_kg, unu_key, opened_utc, opened_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (name, intake.origin, intake.supplier, intake.material, _rounded(intake.weight_kg),
         _rounded(intake.weight_sd_kg), intake.unu_key, now_utc, by),
    )  # fmt: skip
    return name


def close_batch(connection: sqlite3.Connection, by: str, now_utc: str) -> str:
    """The id of the batch that was open; raises BatchRefused."""
    opened = connection.execute("SELECT id FROM batches WHERE closed_utc IS NULL").fetchone()
    if opened is None:
        raise BatchRefused(marked("No batch is open."))
    connection.execute(
        "UPDATE batches SET closed_utc = ?, closed_by = ?, is_told = 0 WHERE id = ?", (now_utc, by, opened[0])
    )
    return str(opened[0])


def weigh(connection: sqlite3.Connection, batch: str, outlet: str, mass_kg: float, sd_kg: float, by: str) -> None:
    """A person weighed what fell into an outlet: it takes the place of the estimate. Raises BatchRefused."""
    if not connection.execute("SELECT 1 FROM batches WHERE id = ?", (batch,)).fetchone():
        raise BatchRefused(marked("There is no batch {batch}.").format(batch=batch))
    if not (0 <= mass_kg <= _HEAVIEST_KG and 0 < sd_kg <= _HEAVIEST_KG):
        raise BatchRefused(marked("Give a mass from 0 kg on and a standard deviation above 0 kg."))
    connection.execute(
        "INSERT INTO weighed VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET mass_kg = excluded.mass_kg,"
        " sd_kg = excluded.sd_kg, by = excluded.by",
        (batch, outlet, mass_kg, sd_kg, by),
    )


def read_batches(records: Path) -> tuple[Batch, ...]:
    """All batches, the newest first."""
    with closing(open_reader(records)) as connection:
        found = connection.execute(
            "SELECT origin, supplier, material, weight_kg, weight_sd_kg, unu_key, id, opened_utc, opened_by,"
            " closed_utc, closed_by FROM batches ORDER BY opened_utc DESC, id DESC"
        ).fetchall()
    return tuple(Batch(Intake(*row[:7]), *row[7:]) for row in found)


def balance(records: Path, batch: str) -> Balance:
    """Intake against outlets, from all intervals closed so far. Raises BatchRefused when there is no such batch."""
    found = next((each for each in read_batches(records) if each.id == batch), None)
    if found is None:
        raise BatchRefused(marked("There is no batch {batch}.").format(batch=batch))
    with closing(open_reader(records)) as connection:
        rows = connection.execute(
            "SELECT class_id, outlet, sum(pieces), sum(unweighed), sum(mass_mg), sum(own_g2), sum(common_g)"
            " FROM totals WHERE batch = ? GROUP BY 1, 2",
            (batch,),
        ).fetchall()
        scaled = {
            str(outlet): (float(mass_kg), float(sd_kg))
            for outlet, mass_kg, sd_kg in connection.execute(
                "SELECT outlet, mass_kg, sd_kg FROM weighed WHERE batch = ?", (batch,)
            )
        }
    return _balance(found, [_Part(*row) for row in rows], scaled)


class _Part(NamedTuple):
    class_id: str
    outlet: str
    pieces: int
    unweighed: int
    mass_mg: int
    own_g2: float
    common_g: float


def _balance(batch: Batch, parts: list[_Part], scaled: Mapping[str, tuple[float, float]]) -> Balance:
    outlets = sorted({part.outlet for part in parts} | scaled.keys())
    shares = tuple(_share(outlet, [part for part in parts if part.outlet == outlet], scaled) for outlet in outlets)
    seen = [part for part in parts if part.outlet not in scaled]
    estimated2 = _sd_kg(seen) ** 2
    sum_sd = math.sqrt(estimated2 + sum(sd_kg**2 for _, sd_kg in scaled.values()))
    sum_kg = sum(share.mass_kg for share in shares)
    weight, weight_sd = batch.intake.weight_kg, batch.intake.weight_sd_kg
    difference = None if weight is None else sum_kg - weight
    tolerance = None if difference is None else _COVERAGE * math.hypot(sum_sd, weight_sd or 0.0)
    closes = None if difference is None or tolerance is None else abs(difference) <= tolerance
    unweighed = sum(part.unweighed for part in seen)
    return Balance(batch.id, weight, weight_sd, shares, sum_kg, sum_sd, difference, tolerance, closes, unweighed)


def _share(outlet: str, parts: list[_Part], scaled: Mapping[str, tuple[float, float]]) -> OutletShare:
    pieces = sum(part.pieces for part in parts)
    if outlet in scaled:
        return OutletShare(outlet, *scaled[outlet], pieces, is_weighed=True)
    return OutletShare(outlet, sum(part.mass_mg for part in parts) / _MG_PER_KG, _sd_kg(parts), pieces, False)


def _sd_kg(parts: list[_Part]) -> float:
    """What each piece has for itself adds in squares, what all of a class share adds up within the class."""
    common: dict[str, float] = defaultdict(float)
    for part in parts:
        common[part.class_id] += part.common_g
    own_g2 = sum(part.own_g2 for part in parts)
    return math.sqrt(own_g2 + sum(sd_g**2 for sd_g in common.values())) / _G_PER_KG


def _check(intake: Intake) -> None:
    if intake.id and not _ID.fullmatch(intake.id):
        raise BatchRefused(marked("A batch is named by letters, digits, points, dashes and underscores, at most 64."))
    for text in (intake.origin, intake.supplier, intake.material):
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise BatchRefused(marked("Texts are at most {most} characters on one line.").format(most=_LONGEST_TEXT))
    for weight in (intake.weight_kg, intake.weight_sd_kg):
        if weight is not None and not 0 < weight <= _HEAVIEST_KG:
            raise BatchRefused(
                marked("A weight lies above 0 kg and at or below 1,000,000 kg; leave it out if it is not known.")
            )
    if intake.unu_key is not None and not _UNU_KEY.fullmatch(intake.unu_key):
        raise BatchRefused(marked("A UNU key is four digits, like 0601; leave it out for anything but e-waste."))


def _next_id(connection: sqlite3.Connection, now_utc: str) -> str:
    day = now_utc[:10].replace("-", "")
    taken = {str(row[0]) for row in connection.execute("SELECT id FROM batches WHERE id LIKE ?", (f"{day}-%",))}
    return next(name for name in (f"{day}-{n}" for n in range(1, len(taken) + 2)) if name not in taken)


def _rounded(weight: float | None) -> float | None:
    return None if weight is None else round(weight, 3)
