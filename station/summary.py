"""The summary of a run: what was seen, what became of it, how long it took, and what truly fell where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from control.belt_scale import Weighed
from control.lateness import ErrorCurve
from control.types import Outcome
from station.mass_truth import MassErrors
from station.store_reader import Counts
from station.tally import Seen
from station.types import Truth
from station.weighing import OutletMass

_KEPT = 200_000


Summary = dict[str, object]


class Quantiles:
    """The newest values of a quantity and their quantiles; asking costs the same after an hour and after a month."""

    def __init__(self) -> None:
        self._values = np.empty(_KEPT, np.float64)
        self._taken = 0

    def __len__(self) -> int:
        return min(self._taken, _KEPT)

    def add(self, values: Iterable[float]) -> None:
        for value in values:
            self._values[self._taken % _KEPT] = value
            self._taken += 1

    def at(self, *shares: float) -> tuple[float | None, ...]:
        """Values at these shares (0 to 1; 1 is the largest), None before the first."""
        known = self._values[: len(self)]
        if not len(known):
            return (None,) * len(shares)
        ranks = [min(len(known) - 1, int(share * len(known))) for share in shares]
        ordered = np.partition(known, ranks)
        return tuple(float(ordered[rank]) for rank in ranks)


class RunFacts(NamedTuple):
    """Everything a summary is made of. ``seen`` is what the tracker saw, the counts are views over the records.

    ``scale`` is what the belt scale has weighed in this run, None without one or before its first reading.
    """

    seen: Seen
    counts: Counts
    rest_outlet: str
    frame_ms: Quantiles
    slack_ms: Quantiles
    truth: Mapping[str, Truth]
    is_simulated: bool
    model: str
    config: str
    memory_mb: Mapping[str, float]
    cpu_s: Mapping[str, float]
    seconds: float
    kept: Mapping[str, int] = {}
    masses: Mapping[str, OutletMass] = {}
    mass_errors: MassErrors | None = None
    recording: Mapping[str, object] | None = None
    shot_error: ErrorCurve | None = None
    scale: Weighed | None = None


def summarize(facts: RunFacts) -> Summary:
    """The summary as plain values; ``conservation_ok`` says that every piece seen has exactly one record, but those
    that were under way when a vision process ended, which ``pieces_unrecorded`` counts.
    """
    seen = facts.seen
    outcomes: Counter[str] = Counter({outcome.value: 0 for outcome in Outcome})
    outlets: dict[str, Counter[str]] = {}
    for row in facts.counts.rows:
        outcomes[row.outcome] += row.pieces
        outlets.setdefault(row.outlet or facts.rest_outlet, Counter())[row.label] += row.pieces
    return {
        "pieces": seen.pieces,
        "pieces_unrecorded": seen.unrecorded,
        "vision_restarts": seen.restarts,
        "outcomes": dict(outcomes),
        "outlets": {outlet: dict(labels) for outlet, labels in sorted(outlets.items())},
        "frames": seen.frames,
        "frames_dropped": seen.frames_dropped,
        "frames_unplaced": seen.frames_unplaced,
        "frame_ms": _named(facts.frame_ms, p50=0.5, p99=0.99, max=1.0),
        "slack_ms": _named(facts.slack_ms, p1=0.01, p50=0.5),
        "truth": {outlet: truth._asdict() for outlet, truth in facts.truth.items()},
        "kept": dict(facts.kept),
        "mass": {outlet: mass._asdict() for outlet, mass in facts.masses.items()},
        "mass_errors": None if facts.mass_errors is None else facts.mass_errors._asdict(),
        "conservation_ok": seen.pieces - seen.unrecorded == sum(outcomes.values()) == facts.counts.pieces,
        "is_simulated": facts.is_simulated,
        "seconds": round(facts.seconds, 1),
        "scale_total_kg": None if facts.scale is None else round(facts.scale.total_kg, 3),
        "scale_is_whole": None if facts.scale is None else facts.scale.is_whole,
        "memory_mb": dict(facts.memory_mb),
        "cpu_s": dict(facts.cpu_s),
        "recording": facts.recording,
        "shot_error": None if facts.shot_error is None else facts.shot_error._asdict(),
        "versions": {"station": version("scrap-sorting-station"), "model": facts.model, "config": facts.config},
    }


def write_summary(path: Path, summary: Summary) -> None:
    """Write it whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def in_words(summary: Summary) -> str:
    """One line for the console."""
    outcomes = summary["outcomes"]
    assert isinstance(outcomes, dict)
    ends = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items() if number)
    kept = "every piece has exactly one record" if summary["conservation_ok"] else "RECORDS AND PIECES DISAGREE"
    unrecorded, restarts = summary["pieces_unrecorded"], summary["vision_restarts"]
    gone = f", but {unrecorded} that were under way when the vision process ended ({restarts} x)" if unrecorded else ""
    return f"{summary['pieces']} pieces: {ends or 'none'}; {kept}{gone}."


def _named(quantiles: Quantiles, **shares: float) -> dict[str, float | None]:
    found = quantiles.at(*shares.values())
    return {name: None if value is None else round(value, 3) for name, value in zip(shares, found, strict=True)}
