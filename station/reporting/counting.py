"""From piece records and moments to what a row says of them; the only way figures of a report are made.

Closing an interval and recounting it later both come through here.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from station.reporting.row import Count, Downtime, DowntimeKind, StateTime

_MG_PER_G = 1000
_NS_PER_MS = 1_000_000
_MS_PER_S = 1000


class Span(NamedTuple):
    """Part of one run: pieces with ``after_piece`` < seq <= ``last_piece``, moments from ``from_ns`` to ``to_ns``."""

    run_id: int
    from_ns: int
    to_ns: int
    after_piece: int
    last_piece: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Pieces of one class, outlet and outcome. ``own_g2`` is the variance of what each piece has for itself,
    ``common_g`` the deviation that all pieces of the class share, ``unweighed`` how many have no mass."""

    class_id: str
    outlet: str
    outcome: str
    pieces: int
    mass_mg: int
    own_g2: float
    common_g: float
    unweighed: int

    def count(self) -> Count:
        """As a row says it."""
        sd_g = round(math.sqrt(self.own_g2 + self.common_g**2), 3)
        common_g = min(round(self.common_g, 3), sd_g)
        return Count(self.class_id, self.outlet, self.outcome, self.pieces, self.mass_mg / _MG_PER_G, sd_g, common_g)


def tally_of(count: Count) -> Tally:
    """What a row says, as far as it says it: how many pieces had no mass is not known any more."""
    own_g2 = count.grams_sd**2 - count.grams_sd_common**2
    mass_mg = round(count.grams * _MG_PER_G)
    return Tally(count.class_id, count.outlet, count.outcome, count.pieces, mass_mg, own_g2, count.grams_sd_common, 0)


class Times(NamedTuple):
    """How long which state lasted, what kept the line from sorting, and the faults that degraded it."""

    states: tuple[StateTime, ...]
    downtime: tuple[Downtime, ...]
    faults: frozenset[str]


def tally(
    connection: sqlite3.Connection, span: Span, rest_outlet: str, factor_sd: Mapping[str, float]
) -> tuple[Tally, ...]:
    """Every piece of the span, once. Masses are whole milligrams, so that every way of adding gives the same sum."""
    found = connection.execute(
        "SELECT label, CASE WHEN outcome = 'ejected' THEN coalesce(outlet, ?1) ELSE ?1 END, outcome, count(*),"
        " sum(CAST(round(coalesce(mass_g, 0) * 1000) AS INTEGER)), coalesce(sum(mass_sd_g * mass_sd_g), 0.0),"
        " coalesce(sum(mass_g * mass_g), 0.0), count(*) - count(mass_g)"
        " FROM pieces NOT INDEXED WHERE seq > ?2 AND seq <= ?3 AND run_id = ?4 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        (rest_outlet, span.after_piece, span.last_piece, span.run_id),
    )
    return tuple(_tally(row, factor_sd.get(row[0], 0.0)) for row in found)


def times(connection: sqlite3.Connection, span: Span) -> Times:
    """From the moments of the run; what was true before the span still is at its beginning."""
    found = connection.execute(
        "SELECT at_ns, state, kind, reason, faults FROM moments WHERE run_id = ?1 AND at_ns < ?3 AND seq >="
        " coalesce((SELECT max(seq) FROM moments WHERE run_id = ?1 AND at_ns <= ?2), 0) ORDER BY seq",
        (span.run_id, span.from_ns, span.to_ns),
    ).fetchall()
    states: dict[str, int] = defaultdict(int)
    downtime: dict[tuple[str, str, str], int] = defaultdict(int)
    faults: set[str] = set()
    ends = [*(row[0] for row in found[1:]), span.to_ns]
    for (at_ns, state, kind, reason, told), end_ns in zip(found, ends, strict=False):
        # Milliseconds of absolute instants, so that the parts of a split interval add up to the whole.
        lasted_ms = end_ns // _NS_PER_MS - max(at_ns, span.from_ns) // _NS_PER_MS
        states[state] += lasted_ms
        faults.update(json.loads(told))
        if kind is not None:
            downtime[state, kind, reason] += lasted_ms
    return Times(
        tuple(StateTime(state, ms / _MS_PER_S) for state, ms in sorted(states.items()) if ms > 0),
        tuple(
            Downtime(state, DowntimeKind(kind), reason, ms / _MS_PER_S)
            for (state, kind, reason), ms in sorted(downtime.items())
            if ms > 0
        ),
        frozenset(faults),
    )


def _tally(row: tuple[str, str, str, int, int, float, float, int], factor_sd: float) -> Tally:
    label, outlet, outcome, pieces, mass_mg, sd2_g2, mass2_g2, unweighed = row
    own_g2 = max(sd2_g2 - factor_sd**2 * mass2_g2, 0.0)
    return Tally(label, outlet, outcome, pieces, mass_mg, own_g2, factor_sd * mass_mg / _MG_PER_G, unweighed)
