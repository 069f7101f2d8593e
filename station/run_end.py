"""The end of a run: everything on the disk, and what it comes to."""

from __future__ import annotations

import time
from dataclasses import asdict

from station.company import Company
from station.desk import Desk
from station.lines import Line
from station.meter import Meter
from station.plan import Plan, RunOptions
from station.store import Store
from station.store_reader import read_counts
from station.summary import RunFacts, Summary, summarize, write_summary
from station.weigh_run import errors_of_run, masses_of_run
from vision.labels import labels_beside, write_labels


def conclude(
    plan: Plan, options: RunOptions, store: Store, desk: Desk, meter: Meter, line: Line, company: Company
) -> Summary:
    """Close report and store; the summary and the labels are written where they were asked for."""
    company.report.end()
    store.end_run(plan.run.uuid, time.monotonic_ns())  # noqa: TID251
    store.flush()
    desk.save_openings()
    summary = summarize(_facts(plan, store, desk, meter, line, company))
    if options.summary is not None:
        write_summary(options.summary, summary)
    labels = line.labels()
    if options.record is not None and labels:
        write_labels(labels_beside(options.record), labels)
    return summary


def _facts(plan: Plan, store: Store, desk: Desk, meter: Meter, line: Line, company: Company) -> RunFacts:
    post = company.post
    return RunFacts(
        seen=desk.tally.seen,
        counts=read_counts(store.path, plan.run.uuid),
        rest_outlet=plan.config.recipe.rest_outlet,
        frame_ms=desk.frame_ms,
        slack_ms=desk.slack_ms,
        truth=desk.true_shares,
        is_simulated=plan.run.is_simulated,
        model=plan.card.id,
        config=plan.config.digest[:12],
        memory_mb={name: round(figures.memory_mb, 1) for name, figures in meter.use.items()},
        cpu_s={name: round(figures.cpu_s, 2) for name, figures in meter.use.items()},
        recording=None if post is None or post.news is None else post.news._asdict(),
        seconds=(time.monotonic_ns() - plan.run.started_ns) / 1e9,  # noqa: TID251
        kept=asdict(company.kept.counts),
        masses=masses_of_run(plan, store.path),
        mass_errors=errors_of_run(plan, store.path, line.true_masses()),
        shot_error=meter.control.shot_error if meter.control else None,
        scale=company.scale.weighed,
    )
