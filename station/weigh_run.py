"""The masses of one run: what fell into each outlet, and how far that is from the truth where it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from station.mass_truth import MassErrors, Weighed, compare
from station.plan import Plan
from station.store_reader import open_reader
from station.weighing import OutletMass, run_masses, station_priors

_MOST_COMPARED = 50_000


def masses_of_run(plan: Plan, records: Path) -> Mapping[str, OutletMass]:
    """By outlet, and under ``all`` everything."""
    factor_sd = {label: prior.factor_sd for label, prior in station_priors(plan.config).items()}
    return run_masses(records, plan.run.uuid, factor_sd, plan.config.recipe.rest_outlet)


def errors_of_run(plan: Plan, records: Path, truth: Sequence[Weighed]) -> MassErrors | None:
    """None where nobody knows the truth; of a long run the newest pieces."""
    if not truth:
        return None
    with closing(open_reader(records)) as connection:
        rows = connection.execute(
            "SELECT at, across_mm, mass_g, mass_sd_g FROM pieces"
            " WHERE run_id = (SELECT id FROM runs WHERE uuid = ?) AND mass_g IS NOT NULL ORDER BY seq DESC LIMIT ?",
            (plan.run.uuid, _MOST_COMPARED),
        ).fetchall()
    said = tuple(Weighed(*row) for row in rows)
    return compare(said, truth[-_MOST_COMPARED:], plan.config.calibration.ticks_per_mm)
