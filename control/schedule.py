"""When to fire: a decided piece becomes an ejection in ticks, is late, or is left alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from control.belt import Belt
from control.lane_book import LaneBook, LaneLimits, Opening
from control.neighbours import Bystander, JetSettings, Reach, is_hit, spare
from control.outline import Jet, Span, bounds, lanes_under, share_hit, spans_of
from control.types import Decision, Ejection, Ejector, EjectorKind, Job, Late, Reason
from vision.types import Piece

_JOB_IDS = 1 << 32
_LONGEST_SILENCE_NS = 300_000_000


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """How shots are cut: ``margin_mm`` is added to the piece's length, half before and half behind it.

    A lane fires when the piece reaches ``lane_overlap_mm`` into it with ``lane_share`` of its area. Below
    ``min_slack_ms`` a shot is late; it is cut when its slack falls below ``cut_ms``. A lane may be open for
    ``max_duty`` of any ``duty_window_ms``.
    """

    margin_mm: float = 20.0
    min_slack_ms: float = 30.0
    min_pulse_ms: float = 8.0
    max_pulse_ms: float = 150.0
    lane_overlap_mm: float = 5.0
    lane_share: float = 0.04
    cut_ms: float = 150.0
    max_duty: float = 0.8
    duty_window_ms: float = 1000.0
    jet: JetSettings = field(default_factory=JetSettings)


class BeltNow(NamedTuple):
    """Where the belt stands, how fast it runs and how much faster it gets, at the moment of planning."""

    tick: int
    speed_mm_s: float
    ticks_per_mm: float
    acceleration_mm_s2: float = 0.0


class Withheld(NamedTuple):
    """The shot could be fired and is not; ``reason`` is a word of ``Reason``."""

    piece_id: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else a shot has to respect.

    ``others`` are pieces with what it costs to hit each of them, ``gain`` is what the shot is worth, ``dead`` a mask
    of outputs that do nothing.
    """

    others: tuple[tuple[Piece, float], ...] = ()
    gain: float = math.inf
    dead: int = 0


Shot = Ejection | Late | Withheld
ALONE = Surroundings()


def belt_now(belt: Belt, now_ns: int | None = None) -> BeltNow:
    """The facts of a belt that planning needs: at its latest reading, or ``now_ns``, when it has moved on since."""
    motion = belt.motion()
    tick = belt.tick
    if now_ns is not None and belt.latest_ns is not None:
        since_s = min(_LONGEST_SILENCE_NS, max(0, now_ns - belt.latest_ns)) / 1e9
        tick += round(since_s * max(0.0, motion.speed_mm_s) * belt.ticks_per_mm)
    return BeltNow(tick, motion.speed_mm_s, belt.ticks_per_mm, motion.acceleration_mm_s2)


def plan(
    piece: Piece,
    decision: Decision,
    ejectors: Sequence[Ejector],
    belt: BeltNow,
    settings: ScheduleSettings,
    around: Surroundings = ALONE,
    book: LaneBook | None = None,
) -> Shot | None:
    """Ejection by the first bar of the decided outlet that can and may be fired, or why the last one is not.

    None when there is nothing to fire: the piece passes, or no ejector of the outlet reaches it. An ejection is not
    yet noted in ``book``.
    """
    bars = groupby(sorted((e for e in ejectors if e.outlet == decision.outlet), key=_distance), key=_distance)
    shot: Shot | None = None
    for _, bar in bars:
        cutter = _Cutter(piece, belt, settings, around, book or LaneBook())
        found = cutter.cut(tuple(bar))
        if isinstance(found, Ejection):
            return found
        shot = found or shot
    return shot


def opens_about(piece: Piece, outlet: str, ejectors: Iterable[Ejector], belt: BeltNow) -> int | None:
    """Roughly the tick at which the first bar of the outlet would open, never later than it; None without a bar."""
    bar = [ejector for ejector in ejectors if ejector.outlet == outlet]
    if not bar:
        return None
    nearest, delay_ms = min(e.distance_mm for e in bar), max(e.delay_ms for e in bar)
    lead_mm = max(0.0, belt.speed_mm_s) * delay_ms / 1000.0
    return piece.at + math.floor(belt.ticks_per_mm * (nearest - piece.length_mm - lead_mm))


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


def outputs_of(mask: int) -> tuple[int, ...]:
    """The outputs in a bit mask, lowest first."""
    return tuple(n for n in range(mask.bit_length()) if mask >> n & 1)


def _distance(ejector: Ejector) -> float:
    return ejector.distance_mm


class _Cutter:
    """Cuts one piece's shot by one bar; along the belt it counts ticks from the piece's centre."""

    def __init__(
        self, piece: Piece, belt: BeltNow, settings: ScheduleSettings, around: Surroundings, book: LaneBook
    ) -> None:
        self._piece = piece
        self._belt = belt
        self._settings = settings
        self._around = around
        self._book = book
        self._own = spans_of(piece, belt.ticks_per_mm, piece.at)
        self._per_ms = max(0.0, belt.ticks_per_mm * belt.speed_mm_s / 1000.0)

    def cut(self, bar: tuple[Ejector, ...]) -> Shot | None:
        """None when the piece lies under no lane of the bar."""
        settings = self._settings
        lanes = lanes_under(self._own, bar, settings.lane_overlap_mm, settings.lane_share)
        if not lanes:
            return None
        alive = tuple(lane for lane in lanes if not self._around.dead >> lane.output & 1)
        jet = self._aim(lanes)
        if alive != lanes and self._share(jet._replace(lanes=alive)) < settings.jet.enough:
            return Withheld(self._piece.id, Reason.lane_dead)
        jet = jet._replace(lanes=alive)
        late = self._late(self._opening(jet))
        if late is not None:
            return late
        others = self._bystanders()
        spared = spare(jet, self._own, others, self._around.gain, self._reach(lanes), settings.jet)
        if spared is None:
            return Withheld(self._piece.id, Reason.neighbour)
        return self._enter(spared, others)

    def _enter(self, jet: Jet, others: Sequence[Bystander]) -> Shot:
        """Among what the lanes already have to do: as wanted, or, when that is too long, after a pause."""
        outputs = [lane.output for lane in jet.lanes]
        wanted, limits = self._opening(jet), self._limits(jet.lanes)
        fitted = self._book.fit(outputs, wanted, limits)
        busy = self._book.busy_until(outputs, wanted)
        if fitted is None and busy is not None:
            paused = Opening(busy + math.ceil(limits.rest), wanted.close_tick)
            shortened = jet._replace(first=jet.first + paused.open_tick - wanted.open_tick)
            is_worth = self._share(shortened) >= self._settings.jet.enough and paused.open_tick < paused.close_tick
            fitted = self._book.fit(outputs, paused, limits) if is_worth else None
        if fitted is None:
            return Withheld(self._piece.id, Reason.lane_busy)
        if fitted != wanted and self._newly_hit(jet, fitted, wanted, others):
            return Withheld(self._piece.id, Reason.neighbour)
        mask = sum({1 << output for output in outputs})
        return self._late(fitted) or Ejection(self._piece.id, mask, fitted.open_tick, fitted.close_tick)

    def _newly_hit(self, jet: Jet, fitted: Opening, wanted: Opening, others: Sequence[Bystander]) -> bool:
        """True when joining another opening would hit somebody whom the shot alone would spare."""
        reach, settings = self._reach(jet.lanes), self._settings.jet
        joined = jet._replace(
            first=jet.first + fitted.open_tick - wanted.open_tick, last=jet.last + fitted.close_tick - wanted.close_tick
        )
        return any(is_hit(one, joined, reach, settings) and not is_hit(one, jet, reach, settings) for one in others)

    def _aim(self, lanes: tuple[Ejector, ...]) -> Jet:
        """Where on the belt the lanes should act; limits of time hold only while the belt moves."""
        first, last = bounds(self._own)
        if lanes[0].kind is EjectorKind.pusher:
            return Jet(lanes, (first + last) / 2, (first + last) / 2 + max(1.0, self._shortest(lanes)))
        margin = self._belt.ticks_per_mm * self._settings.margin_mm
        length = last - first + margin
        if self._per_ms > 0:
            length = max(self._shortest(lanes), min(self._longest(lanes), length))
        middle = (first + last) / 2
        return Jet(lanes, middle - length / 2, middle + length / 2)

    def _shortest(self, lanes: Iterable[Ejector]) -> float:
        return self._per_ms * max(self._settings.min_pulse_ms, *(lane.hold_ms for lane in lanes))

    def _longest(self, lanes: Iterable[Ejector]) -> float:
        limit = self._settings.max_pulse_ms
        return self._per_ms * min(limit if lane.longest_ms is None else lane.longest_ms for lane in lanes)

    def _limits(self, lanes: Sequence[Ejector]) -> LaneLimits:
        if self._per_ms == 0:
            return LaneLimits(0.0, math.inf, 0.0, math.inf)
        window = self._settings.duty_window_ms * self._per_ms
        rest = self._per_ms * max(lane.rest_ms for lane in lanes)
        longest = self._longest(lanes) + 2  # both edges are rounded
        return LaneLimits(rest, longest, window, max(longest, self._settings.max_duty * window))

    def _reach(self, lanes: Sequence[Ejector]) -> Reach:
        """Lanes of one job open together, so one with a shorter delay acts earlier than it should."""
        leads = [self._lead(lane, 0.0) for lane in lanes]
        beyond = self._belt.ticks_per_mm * self._settings.jet.reach_mm + max(leads) - min(leads) + 1
        in_the_way = max(0.0 if lane.kind is EjectorKind.valve else lane.rest_ms for lane in lanes)
        return Reach(beyond, beyond + in_the_way * self._per_ms, self._shortest(lanes))

    def _opening(self, jet: Jet) -> Opening:
        """The output's own window: earlier than the effect by what the belt runs during the delay."""
        opens = min(jet.first + self._ahead(lane, jet.first) for lane in jet.lanes)
        closes = max(jet.last + self._ahead(lane, jet.last) for lane in jet.lanes)
        open_tick = self._piece.at + math.floor(opens + 0.5)
        return Opening(open_tick, max(open_tick + 1, open_tick + math.floor(closes - opens + 0.5)))

    def _ahead(self, lane: Ejector, at: float) -> float:
        return self._belt.ticks_per_mm * lane.distance_mm - self._lead(lane, at)

    def _lead(self, lane: Ejector, at: float) -> float:
        """Ticks that the belt runs between output and effect, with the speed it will have by then (v2 = u2 + 2as)."""
        belt = self._belt
        ahead_mm = (at + self._piece.at - belt.tick) / belt.ticks_per_mm + lane.distance_mm
        u, a, delay_s = max(0.0, belt.speed_mm_s), belt.acceleration_mm_s2, lane.delay_ms / 1000.0
        v = math.sqrt(min((1.5 * u) ** 2, max((0.5 * u) ** 2, u * u + 2 * a * max(0.0, ahead_mm))))
        return belt.ticks_per_mm * max(0.0, v * delay_s - a * delay_s * delay_s / 2)

    def _late(self, opening: Opening) -> Late | None:
        slack = slack_ms(opening.open_tick, self._belt)
        missing = self._settings.min_slack_ms - slack
        return Late(self._piece.id, missing) if missing > 0 else None

    def _share(self, jet: Jet) -> float:
        if jet.lanes and jet.lanes[0].kind is EjectorKind.pusher:
            return 1.0
        return share_hit(self._own, jet, 0.0, self._settings.jet.spill_mm)

    def _bystanders(self) -> tuple[Bystander, ...]:
        around = self._around.others
        return tuple(Bystander(self._spans(piece), harm) for piece, harm in around if harm > 0)

    def _spans(self, piece: Piece) -> tuple[Span, ...]:
        return spans_of(piece, self._belt.ticks_per_mm, self._piece.at)
