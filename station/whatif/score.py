"""Where pieces belong and where they went: purity, recovery and cost, before and after a change.

Where a piece went is what the sorter and its controller said: fired means it is in the outlet. What it *is* comes from
labels, or, without labels, from the recorded decision: then nothing is right or wrong, only the same or other.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from control.rules import rule_for
from control.types import Outcome, Reason, Recipe
from station.types import PieceRecord
from station.whatif.costs import CostTable
from station.whatif.rerun import Origin
from vision.labels import NOTHING, WORLD, Label

_GATE_MM = 40.0
_Z = 1.959964
UNSEEN = "unseen"
_NOT_SORTED = (Reason.bypass, Reason.unfinished)


class Known(NamedTuple):
    """Something that is known to lie on the belt: ``tick`` is the sorter's. ``name`` is its label, or with no labels
    the outlet that the recorded sorter chose."""

    tick: float
    across_mm: float
    name: str


class Reference(NamedTuple):
    """``is_truth`` says whether ``known`` are labels; ``complete``: whatever is not among them is no piece."""

    known: tuple[Known, ...]
    is_truth: bool
    complete: bool


class Judged(NamedTuple):
    """One piece: what it is, where it belongs, where it went and how; ``record`` None when the sorter had none."""

    name: str
    belongs: str
    went: str
    how: str
    record: PieceRecord | None


class Share(NamedTuple):
    """``right`` of ``n``, and the 95 % interval after Wilson (1927); None where there is nothing to divide by."""

    right: int
    n: int

    @property
    def value(self) -> float | None:
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.n:
            return None
        p, n, z2 = self.right / self.n, self.n, _Z * _Z
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)


class OutletScore(NamedTuple):
    purity: Share
    recovery: Share


class Score(NamedTuple):
    """By outlet; ``missed`` belong into one and fell through, by how; ``late`` and fired ``shots``; ``cost`` of all."""

    outlets: Mapping[str, OutletScore]
    missed: Mapping[str, int]
    late: int
    shots: int
    cost: float


def fate(record: PieceRecord) -> str:
    """The outlet it was ejected to, else how it passed."""
    ejected = record.outcome is Outcome.ejected and record.decision.outlet is not None
    return str(record.decision.outlet) if ejected else record.outcome.value


def truth(labels: Sequence[Label], origin: Origin, counter_bits: int, ticks_per_mm: float, last_tick: int) -> Reference:
    """Labels as a reference. They count from the first reading of the recording; labels of a longer recording that
    this one is a part of may be whole turns of the counter away, and are brought back."""
    ticks = [label.at_tick - origin.raw + origin.tick for label in labels]
    reach = 2000 * ticks_per_mm
    inside = any(origin.tick - reach <= tick <= last_tick + reach for tick in ticks)
    turns = 0
    if ticks and not inside:
        middle = sorted(ticks)[len(ticks) // 2]
        turns = round((middle - (origin.tick + last_tick) / 2) / (1 << counter_bits))
    known = (
        Known(tick - turns * (1 << counter_bits), label.across_mm, label.label)
        for tick, label in zip(ticks, labels, strict=True)
    )
    return Reference(tuple(known), is_truth=True, complete=all(label.who == WORLD for label in labels))


def decided_then(records: Iterable[PieceRecord], rest: str) -> Reference:
    """The recorded decisions as a reference."""
    known = (
        Known(
            record.piece.at,
            record.piece.across_mm,
            str(record.decision.outlet) if record.outcome is Outcome.ejected else rest,
        )
        for record in records
    )
    return Reference(tuple(known), is_truth=False, complete=True)


def judge(
    records: Sequence[PieceRecord], reference: Reference, recipe: Recipe, ticks_per_mm: float
) -> tuple[Judged, ...]:
    """Every known piece, and what else was ejected, once. What was decided while nothing was sorted is left out, and
    so is what is known of belt that the sorter never saw."""
    pairs = matched(records, reference.known, ticks_per_mm)
    by_known = {k: records[n] for n, k in pairs.items()}
    first, last = _span(records)
    found = []
    for k, known in enumerate(reference.known):
        record = by_known.get(k)
        if (record is None and not first <= known.tick <= last) or (record and record.decision.reason in _NOT_SORTED):
            continue
        found.append(_judged(known.name, record, reference, recipe))
    for n, record in enumerate(records):
        if n not in pairs and reference.complete and record.decision.reason not in _NOT_SORTED:
            found.append(_judged(NOTHING, record, reference, recipe))
    return tuple(piece for piece in found if piece.name != NOTHING or piece.went != recipe.rest_outlet)


def _span(records: Sequence[PieceRecord]) -> tuple[float, float]:
    """The belt on which pieces were sorted."""
    at = [record.piece.at for record in records if record.decision.reason not in _NOT_SORTED]
    return (min(at), max(at)) if at else (math.inf, -math.inf)


def _judged(name: str, record: PieceRecord | None, reference: Reference, recipe: Recipe) -> Judged:
    belongs = _belongs(name, recipe) if reference.is_truth else name
    if record is None:
        return Judged(name, belongs, recipe.rest_outlet, UNSEEN, None)
    how = fate(record)
    went = how if record.outcome is Outcome.ejected else recipe.rest_outlet
    return Judged(name, belongs, went, how, record)


def _belongs(label: str, recipe: Recipe) -> str:
    rule = rule_for(label, recipe.rules)
    return recipe.rest_outlet if rule is None else rule.outlet


def matched(records: Sequence[PieceRecord], known: Sequence[Known], ticks_per_mm: float) -> dict[int, int]:
    """Number of a record -> number of what is known: one to one, the nearest first, never beyond 40 mm."""
    order = sorted(range(len(known)), key=lambda k: known[k].tick)
    ticks = [known[k].tick for k in order]
    pairs = []
    for n, record in enumerate(records):
        for k in _near(order, ticks, record.piece.at, _GATE_MM * ticks_per_mm):
            along = (known[k].tick - record.piece.at) / ticks_per_mm
            apart = math.hypot(along, known[k].across_mm - record.piece.across_mm)
            if apart <= _GATE_MM:
                pairs.append((apart, n, k))
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, n, k in sorted(pairs):
        if n not in found and k not in taken:
            found[n] = k
            taken.add(k)
    return found


def _near(order: Sequence[int], ticks: Sequence[float], at: float, reach: float) -> Sequence[int]:
    return order[bisect_left(ticks, at - reach) : bisect_right(ticks, at + reach)]


def scored(judged: Sequence[Judged], outlets: Sequence[str], rest: str, costs: CostTable) -> Score:
    """The figures of one run over these outlets and the rest."""
    found = {outlet: _outlet(judged, outlet) for outlet in (*outlets, rest)}
    missed = Counter(piece.how for piece in judged if piece.belongs != rest and piece.went == rest)
    return Score(
        found,
        dict(sorted(missed.items())),
        sum(piece.how == Outcome.late for piece in judged),
        sum(piece.went != rest for piece in judged),
        sum(costs.of(piece.went, piece.belongs, piece.name) for piece in judged),
    )


def _outlet(judged: Sequence[Judged], outlet: str) -> OutletScore:
    """Of what is in it, what belongs there; of what belongs there, what is in it. A thing that is no piece belongs
    nowhere and is missed nowhere."""
    inside = [piece for piece in judged if piece.went == outlet]
    wanted = [piece for piece in judged if piece.belongs == outlet and piece.name != NOTHING]
    right = sum(piece.went == outlet for piece in wanted)
    return OutletScore(
        Share(sum(piece.belongs == outlet and piece.name != NOTHING for piece in inside), len(inside)),
        Share(right, len(wanted)),
    )
