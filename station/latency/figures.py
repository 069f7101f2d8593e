"""From what the emulated controller truly did to the figures: where jets hit, how late, how long outputs stayed on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from control.types import Ejector
from hil.types import ValveEvent
from station.latency.paper import PaperBelt


class Blast(NamedTuple):
    """One opening of one output: where on the belt it acted, and how long it was on."""

    output: int
    first_mm: float
    last_mm: float
    on_ms: float
    opened_ns: int
    closed_ns: int
    speed_mm_s: float


class Quantiles(NamedTuple):
    """Of absolute values; 0 where there are none."""

    p50: float
    p99: float
    p999: float
    most: float


def blasts_of(events: Iterable[ValveEvent], ejectors: Sequence[Ejector]) -> list[Blast]:
    """Pairs of on and off; what is still on at the end is left out."""
    delay_s = {ejector.output: ejector.delay_ms / 1000 for ejector in ejectors}
    since: dict[int, ValveEvent] = {}
    blasts = []
    for event in events:
        if event.on:
            since[event.output] = event
        elif event.output in since:
            on = since.pop(event.output)
            first, last = (e.pos_mm + e.speed_mm_s * delay_s[event.output] for e in (on, event))
            on_ms = (event.t_ns - on.t_ns) / 1e6
            blasts.append(Blast(event.output, first, last, on_ms, on.t_ns, event.t_ns, on.speed_mm_s))
    return blasts


def misses_mm(blasts: Iterable[Blast], belt: PaperBelt) -> list[float]:
    """How far behind (positive) or ahead of the nearest piece under its nozzle the middle of each blast was."""
    turns = _turns(belt)
    by_output = {ejector.output: n for n, ejector in enumerate(belt.ejectors)}
    period_mm = belt.spacing_mm * len(belt.ejectors)
    misses = []
    for blast in blasts:
        n = by_output[blast.output]
        at_mm = (blast.first_mm + blast.last_mm) / 2 - belt.ejectors[n].distance_mm
        misses.append(math.remainder(at_mm - turns[n] * belt.spacing_mm, period_mm))
    return misses


def _turns(belt: PaperBelt) -> dict[int, int]:
    """The first piece of each ejector; its others follow at even distances."""
    order = {ejector.output: n for n, ejector in enumerate(belt.ejectors)}
    return {order[belt.piece(number).ejector.output]: number for number in range(len(belt.ejectors))}


def seen_off_mm(at_mm: Sequence[float], spacing_mm: float) -> list[float]:
    """How far places that should lie ``spacing_mm`` apart are from the even grid that fits them best."""
    turns = [2 * math.pi * at / spacing_mm for at in at_mm]
    middle = math.atan2(sum(map(math.sin, turns)), sum(map(math.cos, turns))) * spacing_mm / (2 * math.pi)
    return [math.remainder(at - middle, spacing_mm) for at in at_mm]


def too_long(blasts: Iterable[Blast], limits_ms: Sequence[float]) -> int:
    """Openings that lasted longer than the output's limit (and the two milliseconds that a scan may take)."""
    return sum(blast.on_ms > limits_ms[blast.output] + 2.0 for blast in blasts)


def quantiles(values: Iterable[float]) -> Quantiles:
    """Nearest rank, of absolute values."""
    ranked = sorted(map(abs, values))
    if not ranked:
        return Quantiles(0.0, 0.0, 0.0, 0.0)
    p50, p99, p999 = (ranked[max(0, math.ceil(share * len(ranked)) - 1)] for share in (0.5, 0.99, 0.999))
    return Quantiles(p50, p99, p999, ranked[-1])


def all_off_ms(events: Sequence[ValveEvent], since_ns: int) -> float | None:
    """How long after that instant the last output went off; 0 when none was on any more, None when one still is."""
    on: set[int] = set()
    last_ns = since_ns
    for event in sorted(events, key=lambda event: event.t_ns):
        (on.add if event.on else on.discard)(event.output)
        if event.t_ns > since_ns:
            last_ns = event.t_ns
    return None if on else (last_ns - since_ns) / 1e6
