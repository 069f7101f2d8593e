"""Test pieces that pass under the camera: what the model says of each, and shots at them, each a little off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from control.schedule import belt_now
from control.types import Job
from station.marked import marked
from station.wizard.moment import Moment, Steps, Wish, aside, must_hold, until_held
from station.wizard.tasks import HOLD, WAIT
from station.wizard.words import MeasureRefused, PiecePassed, PiecesPassed, Shoot, WatchPieces
from vision.evidence import posterior
from vision.process import LiveEye
from vision.tracker import Tracker, TrackerSettings
from vision.types import LookRequest, Piece

_STEP_MM = 40.0
_MOST_LOOKS = 6
_FEWEST_SIGHTINGS = 2
_TOLD = 3
_LEARNT_MM = 800.0
_SIZES_MM = (20.0, 150.0)
_LONGEST_NS = 40_000_000_000
_PASSING = marked("Keep holding while the test pieces pass.")


@dataclass(frozen=True, slots=True)
class PieceRules:
    """Lines downstream of the datum line at which a piece is decided, and at which it has fallen."""

    labels: tuple[str, ...]
    correlation: float
    decision_mm: float
    close_mm: float


@dataclass(slots=True)
class _Passing:
    """What is known of the pieces so far."""

    tracker: Tracker
    begun: int
    decided: dict[int, PiecePassed]
    shots: dict[int, int]
    searched: int | None = None

    def is_test_piece(self, piece: Piece, ticks_per_mm: float) -> bool:
        """A stain is none, nor is what was found before the belt was learnt."""
        is_late = piece.at - self.begun >= _LEARNT_MM * ticks_per_mm
        return is_late and _SIZES_MM[0] <= piece.length_mm <= _SIZES_MM[1]


def watch_pieces(
    task: WatchPieces, open_eye: Callable[[], LiveEye], rules: PieceRules, numbers: Iterator[int] | None = None
) -> Steps[PiecesPassed]:
    """Until so many pieces have passed everything. ``numbers`` are those of the jobs."""
    eye = yield from aside(open_eye, Wish(sentence=WAIT))
    moment = yield from until_held(HOLD)
    begun_ns = moment.now_ns
    passing = _Passing(Tracker(TrackerSettings(labels=len(rules.labels))), moment.belt.tick, {}, {})
    ids = numbers or count(1)
    while not _is_over(passing, task, rules, moment):
        must_hold(moment)
        if moment.now_ns - begun_ns > _LONGEST_NS:
            raise MeasureRefused(marked("Too few test pieces passed. Lay them into the picture's way and try again."))
        _see(passing, eye, moment)
        _note_reports(passing, moment)
        jobs = tuple(_decide(passing, rules, task.shoot, moment, ids))
        share = len(passing.decided) / max(1, task.pieces)
        moment = yield Wish(run=True, armed=task.shoot is not None, jobs=jobs, share=share, sentence=_PASSING)
    return PiecesPassed(tuple(passing.decided[id_] for id_ in sorted(passing.decided)))


def _is_over(passing: _Passing, task: WatchPieces, rules: PieceRules, moment: Moment) -> bool:
    if len(passing.decided) < task.pieces:
        return False
    last = max(piece.at for piece in passing.decided.values())
    return moment.belt.tick - last > rules.close_mm * moment.belt.ticks_per_mm


def _see(passing: _Passing, eye: LiveEye, moment: Moment) -> None:
    """Search the picture when the belt has moved on, and look at what is whole and not yet decided."""
    frame, tick, tracker = moment.frame, moment.tick, passing.tracker
    if frame is None or tick is None:
        return
    per_mm = moment.belt.ticks_per_mm
    if passing.searched is not None and abs(tick - passing.searched) < _STEP_MM * per_mm:
        return
    passing.searched = tick
    eye.show(frame)
    sightings = eye.find()
    found = tracker.see(tick, per_mm, sightings)
    wanted = [n for n, id_ in enumerate(found) if sightings[n].whole and _wants_look(passing, id_)]
    for look in eye.look([LookRequest(found[n], n) for n in wanted]):
        tracker.add(look)


def _wants_look(passing: _Passing, id_: int) -> bool:
    return id_ not in passing.decided and passing.tracker.piece(id_).evidence.looks < _MOST_LOOKS


def _decide(
    passing: _Passing, rules: PieceRules, shoot: Shoot | None, moment: Moment, ids: Iterator[int]
) -> Iterator[Job]:
    line = rules.decision_mm * moment.belt.ticks_per_mm
    for piece in passing.tracker.pieces():
        is_new = piece.id not in passing.decided and piece.sightings >= _FEWEST_SIGHTINGS
        if not is_new or moment.belt.tick - piece.at < line:
            continue
        if not passing.is_test_piece(piece, moment.belt.ticks_per_mm):
            continue
        known = _passed(piece, rules, moment)
        if shoot is not None and shoot.left_mm <= piece.across_mm <= shoot.right_mm:
            offset_mm = shoot.offsets_mm[len(passing.shots) % len(shoot.offsets_mm)]
            job = aimed(piece, shoot, offset_mm, moment, next(ids))
            passing.shots[job.id] = piece.id
            known = known._replace(offset_mm=offset_mm)
            yield job
        passing.decided[piece.id] = known


def aimed(piece: Piece, shoot: Shoot, offset_mm: float, moment: Moment, job_id: int) -> Job:
    """The shot whose middle hits ``offset_mm`` downstream of the piece's middle, if distance and delay are right."""
    belt = belt_now(moment.belt)
    lead_mm = belt.speed_mm_s * shoot.delay_ms / 1000
    middle_mm = shoot.distance_mm + offset_mm - lead_mm - shoot.pulse_mm / 2
    opens = piece.at + round(middle_mm * belt.ticks_per_mm)
    length = round(shoot.pulse_mm * belt.ticks_per_mm)
    return Job(job_id, moment.belt.count_of(opens), length, shoot.outputs, 0, 0)


def _passed(piece: Piece, rules: PieceRules, moment: Moment) -> PiecePassed:
    shares = posterior(piece.evidence, rules.correlation)
    named = sorted(zip(rules.labels, shares, strict=True), key=lambda pair: -pair[1])[:_TOLD]
    speed = moment.belt.speed_mm_s
    return PiecePassed(piece.at, piece.across_mm, piece.length_mm, tuple(named), None, None, speed)


def _note_reports(passing: _Passing, moment: Moment) -> None:
    for sample in moment.samples:
        for report in sample.reports:
            id_ = passing.shots.get(report.job_id)
            if id_ is not None and id_ in passing.decided:
                passing.decided[id_] = passing.decided[id_]._replace(result=report.result.value)
