"""``station bench latency``: measures, keeps the figures with the installation, and says which promises were kept."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from station.config import load_config
from station.latency.bench import Figures, Load, emulator_of, load_of, measure
from station.latency.kills import LIMIT_MS, Death, kill_all
from station.latency.line import BenchLine, Hogs, tcp_machine
from station.plan import plan_bench

STORED_AS = "latency.json"


def bench_latency(path: Path, load: Load, *, kills: bool, json_file: Path | None, console: Console) -> bool:
    """True when every promise was kept; the figures lie in the data folder afterwards."""
    config = load_of(load_config(path), load)
    plan = plan_bench(config)
    with BenchLine(emulator_of(config), tcp_machine(config)) as line, Hogs(load.hogs):
        figures = measure(plan, load, line, console.print)
    files = [config.resolve(config.file.station.data_folder) / STORED_AS, *([] if json_file is None else [json_file])]
    _keep(files, _told(load, figures, ()))  # what took so long is kept whatever happens to the victims
    with Hogs(load.hogs if kills else 0):
        deaths = kill_all(plan, load, console.print) if kills else ()
    _keep(files, _told(load, figures, deaths))
    _show(console, figures, deaths)
    return all(figures.bars.values()) and all(death.is_kept for death in deaths)


def _keep(files: Sequence[Path], told: dict[str, object]) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _told(load: Load, figures: Figures, deaths: tuple[Death, ...]) -> dict[str, object]:
    return {
        "made_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "is_simulated": True,
        "seconds": load.seconds,
        "speed_mm_s": load.speed_mm_s,
        "shots_per_s": load.shots_per_s,
        "hogs": load.hogs,
        **figures._asdict(),
        "jobs": figures.jobs._asdict(),
        "placement_mm": figures.placement_mm._asdict(),
        "ramping_mm": figures.ramping_mm._asdict(),
        "seen_mm": figures.seen_mm._asdict(),
        "off_after_kill_ms": {death.victim: death.off_ms for death in deaths},
        "bars": {**figures.bars, **{_bar(death): death.is_kept for death in deaths}},
    }


def _bar(death: Death) -> str:
    return f"{death.victim} lost: all off within {LIMIT_MS:.0f} ms"


def _show(console: Console, figures: Figures, deaths: tuple[Death, ...]) -> None:
    """The figures, and each promise with whether it was kept."""
    jobs, place = figures.jobs, figures.placement_mm
    rows = {
        "pieces with a record": f"{figures.pieces}: {', '.join(f'{n} {name}' for name, n in figures.outcomes.items())}",
        "jobs sent / one result / several / none": f"{jobs.sent} / {jobs.once} / {jobs.twice} / {jobs.never}",
        "results": ", ".join(f"{n} {name}" for name, n in jobs.results),
        "placement at the nozzle, mm p50 / p99 / p99.9 / max": " / ".join(f"{value:.3f}" for value in place),
        "placement, mean, mm": f"{figures.placement_bias_mm:+.3f}",
        "of it where pieces were seen, mm": " / ".join(f"{value:.3f}" for value in figures.seen_mm),
        "while the belt ramps up, mm p50 / max": f"{figures.ramping_mm.p50:.3f} / {figures.ramping_mm.most:.3f}",
        "fired behind its count, mm p99.9 / max": f"{figures.behind_mm_p999:.2f} / {figures.behind_mm_max:.2f}",
        "openings, of so many": f"{figures.openings} of {figures.expected_openings}",
        "troubles on the way": "; ".join(figures.troubles) or "none",
        "longest on, too long": f"{figures.longest_on_ms:.1f} ms, {figures.too_long}",
        "slack when sent, ms least / p50": f"{figures.slack_ms_least:.0f} / {figures.slack_ms_p50:.0f}",
        "round trip, us p50 / p99": f"{figures.round_trip_us_p50:.0f} / {figures.round_trip_us_p99:.0f}",
        "polls, late ones": f"{figures.polls}, {figures.late_polls}",
        "real-time priority: control, controller": f"{figures.control_fifo}, {figures.controller_fifo}",
        **{f"{d.victim} lost, all off after ms": "still on" if d.off_ms is None else f"{d.off_ms:.0f}" for d in deaths},
        **{bar: "kept" if kept else "BROKEN" for bar, kept in figures.bars.items()},
        **{_bar(death): "kept" if death.is_kept else "BROKEN" for death in deaths},
    }
    table = Table(title="Latency of the hand, on the emulated controller")
    for heading in ("figure", "value"):
        table.add_column(heading)
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
