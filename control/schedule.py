"""When to fire: a decided piece becomes an ejection in ticks, or it is late; formulas of the machine contract."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from control.belt import Belt
from control.types import Decision, Ejection, Ejector, Job, Late
from vision.types import Piece

_JOB_IDS = 1 << 32


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """How shots are cut: ``margin_mm`` is added to the piece's length, half before and half behind it.

    A lane fires when the piece reaches ``lane_overlap_mm`` into it. Below ``min_slack_ms`` a shot is late.
    """

    margin_mm: float = 20.0
    min_slack_ms: float = 30.0
    min_pulse_ms: float = 8.0
    max_pulse_ms: float = 150.0
    lane_overlap_mm: float = 5.0


class BeltNow(NamedTuple):
    """Where the belt stands and how fast it runs at the moment of planning."""

    tick: int
    speed_mm_s: float
    ticks_per_mm: float


def belt_now(belt: Belt) -> BeltNow:
    """The facts of a belt that planning needs."""
    return BeltNow(belt.tick, belt.speed_mm_s, belt.ticks_per_mm)


def plan(
    piece: Piece, decision: Decision, ejectors: Sequence[Ejector], belt: BeltNow, settings: ScheduleSettings
) -> Ejection | Late | None:
    """Ejection by the first bar of the decided outlet that can still be reached, or Late by its last one.

    None when there is nothing to fire: the piece passes, or no ejector of the outlet reaches it.
    """
    bars = _bars((ejector for ejector in ejectors if ejector.outlet == decision.outlet), piece, settings)
    late: Late | None = None
    for lanes in bars:
        ejection = _cut(piece, lanes, belt, settings)
        slack = slack_ms(ejection.open_tick, belt)
        if slack >= settings.min_slack_ms:
            return ejection
        late = Late(piece.id, settings.min_slack_ms - slack)
    return late


def slack_ms(tick: int, belt: BeltNow) -> float:
    """Time until the belt reaches ``tick``; a belt that does not advance has all the time in the world (inf).

    Negative when the tick has passed, minus infinity when it has passed and the belt stands.
    """
    ahead = tick - belt.tick
    if belt.speed_mm_s > 0:
        return 1000.0 * ahead / (belt.ticks_per_mm * belt.speed_mm_s)
    return math.inf if ahead > 0 else -math.inf


def to_job(ejection: Ejection, belt: Belt, class_code: int, flags: int) -> Job:
    """The ejection as the controller gets it: the piece's id, and raw counts of the belt's present epoch."""
    return Job(
        ejection.piece_id % _JOB_IDS,
        belt.count_of(ejection.open_tick),
        ejection.close_tick - ejection.open_tick,
        ejection.outputs,
        class_code,
        flags,
    )


def lanes_under(piece: Piece, lanes: Iterable[Ejector], overlap_mm: float) -> tuple[Ejector, ...]:
    """Lanes the piece reaches at least ``overlap_mm`` into, and always the lane under its centre."""
    return tuple(lane for lane in lanes if _overlap_mm(piece, lane) >= overlap_mm or _under_centre(piece, lane))


def _bars(ejectors: Iterable[Ejector], piece: Piece, settings: ScheduleSettings) -> list[tuple[Ejector, ...]]:
    """Lanes to drive, one entry per bar, upstream first; a bar is what acts at one place with one delay."""
    ordered = sorted(ejectors, key=_place)
    bars = (lanes_under(piece, lanes, settings.lane_overlap_mm) for _, lanes in groupby(ordered, key=_place))
    return [lanes for lanes in bars if lanes]


def _place(ejector: Ejector) -> tuple[float, float]:
    return ejector.distance_mm, ejector.delay_ms


def _overlap_mm(piece: Piece, lane: Ejector) -> float:
    return min(piece.right_mm, lane.right_mm) - max(piece.left_mm, lane.left_mm)


def _under_centre(piece: Piece, lane: Ejector) -> bool:
    return lane.left_mm <= piece.across_mm < lane.right_mm


def _cut(piece: Piece, lanes: tuple[Ejector, ...], belt: BeltNow, settings: ScheduleSettings) -> Ejection:
    distance_mm, delay_ms = _place(lanes[0])
    speed_mm_s = max(0.0, belt.speed_mm_s)
    middle = piece.at + belt.ticks_per_mm * (distance_mm - speed_mm_s * delay_ms / 1000.0)
    length = _length_ticks(piece, belt, settings)
    open_tick = round(middle - length / 2)
    outputs = sum({1 << lane.output for lane in lanes})
    return Ejection(piece.id, outputs, open_tick, open_tick + length)


def _length_ticks(piece: Piece, belt: BeltNow, settings: ScheduleSettings) -> int:
    """Length of the shot; the pulse limits are times, so they hold only while the belt moves."""
    length = belt.ticks_per_mm * (piece.length_mm + settings.margin_mm)
    if belt.speed_mm_s > 0:
        ticks_per_ms = belt.ticks_per_mm * belt.speed_mm_s / 1000.0
        length = max(settings.min_pulse_ms * ticks_per_ms, min(settings.max_pulse_ms * ticks_per_ms, length))
    return max(1, round(length))
