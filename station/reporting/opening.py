"""Opens the report of a run: from the station's files to a reporter that has begun."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import time as time_of_day
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from station import setup
from station.codebook import CODEBOOK
from station.config import Config
from station.plan import Plan
from station.reporting.clock import Clock, is_synchronised
from station.reporting.context import Context
from station.reporting.office import Office
from station.reporting.reporter import Reporter, ReporterSettings
from station.reporting.shifts import Shift, ShiftPlan
from station.reporting.trimming import TrimSettings
from station.store import Store
from station.store_reader import open_reader
from station.weighing import station_priors

_NS_PER_S = 1_000_000_000
_SYNC_EVERY = 50


class Report:
    """The reporter with the clocks of this computer."""

    def __init__(self, reporter: Reporter, office: Office) -> None:
        self._reporter = reporter
        self._ticks = 0
        self._is_synchronised = is_synchronised()
        self.office = office

    def begin(self) -> None:
        """Before the first piece."""
        now = _now()
        self._reporter.begin(now.mono_ns, now.wall_ns, self._is_synchronised)

    def tick(self) -> None:
        """Some times a second."""
        self._ticks += 1
        if self._ticks % _SYNC_EVERY == 0:
            self._is_synchronised = is_synchronised()
        now = _now()
        self._reporter.tick(now.mono_ns, now.wall_ns, self._is_synchronised)

    def take(self, message: object) -> None:
        """A message of the vision process, after the desk has it."""
        self._reporter.take(message)

    def end(self) -> None:
        """After the last piece, before the store closes."""
        self._reporter.stop(_now().mono_ns)


class _Now(NamedTuple):
    mono_ns: int
    wall_ns: int


def open_report(plan: Plan, store: Store) -> Report:
    """The report of a planned run, whose store knows of the run already. Raises StoreBusy."""
    reporter = Reporter(store, plan.run.uuid, context(plan), reporter_settings(plan.config), Clock(_newest_ns(store)))
    report = Report(reporter, Office(store, reporter))
    report.begin()
    return report


def context(plan: Plan) -> Context:
    """What is true of a run from its start."""
    config = plan.config
    return Context(
        recipe=setup.recipe(config, plan.card.labels, plan.materials).version,
        model=plan.card.id,
        calibration=f"{config.calibration.made} {config.calibration.by}"[:200],
        codebook=hashlib.sha256(CODEBOOK.read_bytes()).hexdigest()[:12],
        software=plan.run.software,
        rest_outlet=config.recipe.rest_outlet,
        factor_sd=_factor_sd(plan),
    )


def reporter_settings(config: Config) -> ReporterSettings:
    """From the section ``reporting``."""
    section = config.file.reporting
    return ReporterSettings(
        interval_ns=section.interval_s * _NS_PER_S,
        plan=shift_plan(config),
        trim=TrimSettings(section.keep_days, round(section.min_free_gb * 1e9)),
        intake_sd_kg=section.intake_sd_kg,
        intake_sd_share=section.intake_sd_share,
    )


def shift_plan(config: Config) -> ShiftPlan:
    """The plant's shifts by its own clock."""
    section = config.file.reporting
    shifts = tuple(Shift(each.name, _clock(each.begins), _clock(each.ends)) for each in section.shifts)
    return ShiftPlan(shifts, ZoneInfo(section.time_zone))


def _factor_sd(plan: Plan) -> Mapping[str, float]:
    priors = station_priors(plan.config)
    return {label: priors[label].factor_sd for label in sorted(priors) if label in plan.card.labels}


def _newest_ns(store: Store) -> int:
    """The end of the newest row that a clock in order labelled."""
    return read_newest_ns(store.path)


def read_newest_ns(records: Path) -> int:
    """0 before the first."""
    with closing(open_reader(records)) as connection:
        found = connection.execute("SELECT max(to_ns + utc_offset_ns) FROM intervals WHERE clock = 'good'").fetchone()
    return int(found[0] or 0)


def _clock(text: str) -> time_of_day:
    return time_of_day.fromisoformat(text)


def _now() -> _Now:
    return _Now(time.monotonic_ns(), time.time_ns())  # noqa: TID251 - the parent's loop reads both clocks
