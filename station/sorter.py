"""The sorter: one pure step from what was seen and heard to what is fired, recorded and said.

No device, thread, picture or clock lives here: the same inputs give the same outputs, which is what replay compares.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from control.belt import Belt
from control.schedule import BeltNow, ScheduleSettings, Withheld, belt_now, slack_ms, to_job
from control.types import (
    JOB_FLAG_HAZARD,
    JOB_FLAG_SIMULATED,
    Command,
    Decision,
    Ejection,
    Ejector,
    Job,
    Late,
    MachineDown,
    MachineSample,
    Reason,
    Recipe,
)
from station.faults import FAULTS, Effect, FaultBook
from station.judge import Judge
from station.ledger import Entry, Ledger, Provenance
from station.mass import MassPrior
from station.shots import Neighbour, Shots, is_near
from station.slip import SlipWatch
from station.state import POWERS, Facts, next_state
from station.types import Inputs, Mark, Order, OrderAnswer, Outputs, PieceRecord, State, Status
from station.valves import Valves
from station.watch import Watch
from vision.tracker import Tracker, TrackerSettings
from vision.types import Eye, LookRequest, Piece, Sighting

_STANDSTILL_MM_S = 5.0
_AT_REST_MM = 1.0
_HELD = ("control-held", "orders-late")
_CAUSES = {State.fault: Effect.stop, State.estop: Effect.stop, State.bypass: Effect.bypass, State.paused: Effect.pause}


@dataclass(frozen=True, slots=True)
class SorterSettings:
    """``decision_mm`` is the decision line, ``close_mm`` where pieces have fallen, both downstream of the datum line;
    ``purge_mm`` is the belt that must pass before anything is ejected after a start; ``step_mm`` is how far the belt
    moves between two frames that are searched; ``sure`` is the confidence beyond which a piece is not looked at again.
    """

    ticks_per_mm: float
    counter_bits: int
    max_speed_mm_s: float
    step_mm: float
    decision_mm: float
    close_mm: float
    purge_mm: float
    sure: float
    max_looks: int
    max_looks_per_step: int
    min_sightings: int
    labels: tuple[str, ...]
    class_codes: tuple[int, ...]
    correlation: float
    ejectors: tuple[Ejector, ...]
    recipe: Recipe
    schedule: ScheduleSettings
    tracker: TrackerSettings
    provenance: Provenance
    is_simulated: bool
    masses: tuple[MassPrior | None, ...] = ()


class Sorter:
    """Turns ``Inputs`` into ``Outputs``, one step at a time."""

    def __init__(self, settings: SorterSettings, latched: tuple[tuple[str, str], ...] = ()) -> None:
        """``latched`` are stop faults to begin with, code and detail: what ended the sorter before this one."""
        self._settings = settings
        self._belt = Belt(settings.ticks_per_mm, settings.counter_bits, settings.max_speed_mm_s)
        self._tracker = Tracker(settings.tracker)
        close_line = round(settings.close_mm * settings.ticks_per_mm)
        self._ledger = Ledger(settings.provenance, close_line, settings.masses)
        self._judge = Judge(settings.labels, settings.correlation, settings.recipe)
        self._shots = Shots(settings.ejectors, settings.schedule)
        self._valves = Valves(settings.ejectors, settings.schedule.max_pulse_ms)
        self._slip = SlipWatch(settings.ticks_per_mm)
        self._seen_ns: int | None = None
        self._faults = FaultBook()
        self._latched = latched
        self._state = State.idle
        self._watch = Watch()
        self._hazard: dict[str, str] = {}
        self._alarm: dict[str, str] = {}
        self._searched_tick: int | None = None
        self._start_tick = 0
        self._decided: set[int] = set()
        self._entered = 0
        self._newest_piece = 0

    def step(self, inputs: Inputs, eye: Eye) -> Outputs:
        """One step: hear the machine, judge the faults, move the state, see, decide, schedule, close."""
        flushed = self._hear(inputs)
        self._note_faults(inputs)
        answers, cancelled = self._move(inputs)
        marks, looked = self._see(inputs, eye)
        self._decide_due()
        jobs = self._cut_due(inputs.now_ns)
        closed = self._ledger.close(self._belt.tick, inputs.now_ns)
        return Outputs(
            command=self._command(jobs),
            records=flushed + cancelled + closed,
            marks=marks,
            answers=answers,
            status=self.status(inputs.now_ns),
            looked=looked,
        )

    def finish(self, now_ns: int) -> tuple[PieceRecord, ...]:
        """Close every piece that is still open, because the run ends here."""
        for piece in self._tracker.pieces():
            if self._is_due(piece):
                self._enter(piece, self._judge.decide(piece)._replace(outlet=None, reason=Reason.unfinished))
            self._forget(piece.id)
        self._shots.clear()
        return self._ledger.cancel(now_ns)

    def change(self, settings: SorterSettings) -> None:
        """Go on with other settings; what is on the belt stays as it is. The tracker's labels stay the same."""
        before, self._settings = self._settings, settings
        judged = (settings.labels, settings.correlation, settings.recipe)
        if judged != (before.labels, before.correlation, before.recipe):
            self._judge = Judge(*judged)
        self._shots.change(settings.ejectors, settings.schedule)

    def _forget(self, id_: int) -> None:
        self._tracker.close(id_)
        self._decided.discard(id_)

    def _hear(self, inputs: Inputs) -> tuple[PieceRecord, ...]:
        """Take what the machine said; a lost machine or a new encoder epoch cancels what was planned."""
        flushed: tuple[PieceRecord, ...] = ()
        for item in inputs.machine:
            if isinstance(item, MachineDown):
                flushed += self._hear_down(item, inputs.now_ns)
            else:
                flushed += self._hear_sample(item, inputs.now_ns)
        return flushed

    def _hear_down(self, down: MachineDown, now_ns: int) -> tuple[PieceRecord, ...]:
        """A machine that is merely held goes on counting; one that is lost may come back with another count."""
        lost = down.code not in _HELD
        self._watch.hear_down(down, lost=lost)
        if not lost:
            return ()
        self._belt.restart()
        self._shots.clear()
        return self._ledger.lose(now_ns)

    def _hear_sample(self, sample: MachineSample, now_ns: int) -> tuple[PieceRecord, ...]:
        news = self._belt.take(sample)
        if sample.reports or sample.outputs is not None or sample.felt is not None:
            self._valves.hear(sample, belt_now(self._belt))
        self._watch.hear_sample(sample, news)
        self._ledger.report(sample.reports)
        if not news.epoch:
            return ()
        self._slip.forget()
        return self.finish(now_ns)

    def _note_faults(self, inputs: Inputs) -> None:
        """Which faults are present now; what was found in the last step is told once."""
        self._watch.count_frames(inputs)
        self._faults.see(
            dict(self._latched)
            | self._watch.conditions(inputs)
            | dict(self._valves.conditions())
            | self._slip.conditions()
            | self._hazard
            | self._alarm,
            inputs.now_ns,
        )
        self._latched, self._hazard, self._alarm = (), {}, {}

    def _move(self, inputs: Inputs) -> tuple[tuple[OrderAnswer, ...], tuple[PieceRecord, ...]]:
        """Move the state by itself once, then by each order; leaving the powers to eject cancels what was planned."""
        before = self._state
        self._state, _ = next_state(self._state, self._facts(), None)
        answers = []
        for given in inputs.orders:
            state, refusal = next_state(self._state, self._facts(), given.order)
            if given.order is Order.reset and refusal is None:
                self._faults.reset()
            if state is State.starting and self._state is not State.starting:
                self._start_tick = self._belt.tick
                self._valves.forgive()
            self._state = state
            answers.append(OrderAnswer(given.number, refusal))
        answers += [self._judge.change(given, self._settings.ejectors) for given in inputs.recipes]
        stopped = self._state is not before and self._state in (State.idle, State.setup, State.fault, State.estop)
        if not stopped:
            return tuple(answers), ()
        self._shots.clear()
        return tuple(answers), self._ledger.cancel(inputs.now_ns)

    def _facts(self) -> Facts:
        sample = self._watch.sample
        code = self._faults.first(Effect.stop, present=True)
        purge_ticks = self._settings.purge_mm * self._settings.ticks_per_mm
        return Facts(
            estop_ok=sample is None or sample.interlocks.estop_ok,
            stop=self._faults.has(Effect.stop),
            stop_sentence=None if code is None else FAULTS[code].sentence,
            bypass=self._faults.has(Effect.bypass),
            pause=self._faults.has(Effect.pause),
            ready=self._belt.tick - self._start_tick >= purge_ticks,
            connected=sample is not None,
        )

    def _see(self, inputs: Inputs, eye: Eye) -> tuple[tuple[Mark, ...], bool]:
        """Search the frame when the belt has moved far enough; one mark per sighting."""
        frame = inputs.frame
        if frame is None:
            return (), False
        tick = frame.tick if frame.tick is not None else self._belt.tick_at(frame.captured_ns)
        if tick is None:
            self._watch.count_unplaced(inputs.now_ns)
            return (), False
        self._seen_ns = frame.captured_ns
        if not self._far_enough(tick):
            return (), False
        self._searched_tick = tick
        sightings = eye.find()
        ids = self._tracker.see(tick, self._settings.ticks_per_mm, sightings)
        self._newest_piece = max((self._newest_piece, *ids))
        self._slip.see(tick, sightings, ids)
        for look in eye.look(self._requests(ids, sightings)):
            self._tracker.add(look)
        return tuple(self._mark(sighting, id_) for sighting, id_ in zip(sightings, ids, strict=True)), True

    def _far_enough(self, tick: int) -> bool:
        """A step further, or come to rest somewhere else: then the marks on a standing picture are right."""
        last = self._searched_tick
        resting = abs(self._belt.speed_mm_s) < _STANDSTILL_MM_S
        step_mm = _AT_REST_MM if resting else self._settings.step_mm
        return last is None or abs(tick - last) >= step_mm * self._settings.ticks_per_mm

    def _requests(self, ids: tuple[int, ...], sightings: tuple[Sighting, ...]) -> tuple[LookRequest, ...]:
        """Whole, undecided pieces about which the evidence is still weak; the furthest downstream first."""
        wanted = [n for n, id_ in enumerate(ids) if sightings[n].whole and self._wants_look(id_)]
        wanted.sort(key=lambda n: -sightings[n].downstream_mm)
        return tuple(LookRequest(ids[n], n) for n in wanted[: self._settings.max_looks_per_step])

    def _wants_look(self, id_: int) -> bool:
        if id_ in self._decided:
            return False
        piece = self._tracker.piece(id_)
        looks = piece.evidence.looks
        if looks >= self._settings.max_looks:
            return False
        return looks < 2 or max(self._judge.posterior(piece)) < self._settings.sure

    def _decide_due(self) -> None:
        """Decide every piece that has reached the decision line; specks that were seen too rarely are forgotten."""
        settings = self._settings
        line = settings.decision_mm * settings.ticks_per_mm
        forget = settings.close_mm * settings.ticks_per_mm
        for piece in self._tracker.pieces():
            travelled = self._belt.tick - piece.at
            if travelled >= line and self._is_due(piece):
                self._decide(piece)
            elif travelled >= forget:
                self._forget(piece.id)

    def _is_due(self, piece: Piece) -> bool:
        return piece.sightings >= self._settings.min_sightings and piece.id not in self._decided

    def _decide(self, piece: Piece) -> None:
        decision = self._judge.conclude(piece)
        if decision.reason is Reason.hazard:
            self._hazard = {"hazard-found": f"piece {piece.id}: {decision.label}, {decision.confidence:.2f}"}
        elif not POWERS[self._state].eject:
            decision = decision._replace(outlet=None, reason=Reason.bypass)
        if self._judge.is_alarm(decision):
            self._alarm = {"alarm-found": f"piece {piece.id}: {decision.label}, {decision.confidence:.2f}"}
        self._enter(piece, decision, is_open=decision.outlet is not None)
        if decision.outlet is not None:
            self._shots.keep(piece, decision.outlet, belt_now(self._belt))

    def _cut_due(self, now_ns: int) -> tuple[Job, ...]:
        """Cut the shots whose time has come, each as the belt runs now and among what lies around it now."""
        belt = belt_now(self._belt, now_ns)
        due = self._shots.due(belt)
        if not due:
            return ()
        known = {piece.id: piece for piece in self._tracker.pieces()}
        entries = self._ledger.entries
        shot = [known.get(id_, entries[id_].piece) for id_ in due]
        around = tuple(
            self._judge.neighbour(piece, entries.get(piece.id))
            for piece in known.values()
            if any(is_near(piece, one, belt.ticks_per_mm) for one in shot)
        )
        return tuple(job for piece in shot for job in self._cut(piece, around, belt))

    def _cut(self, piece: Piece, around: tuple[Neighbour, ...], belt: BeltNow) -> tuple[Job, ...]:
        id_ = piece.id
        entry = self._ledger.entries[id_]
        decision = entry.decision
        if not self._may_eject():
            self._shots.drop(id_)
            passing = decision._replace(outlet=None, reason=Reason.bypass)
            self._ledger.settle(replace(entry, decision=passing, is_open=False))
            return ()
        scores = dict(zip(self._settings.labels, entry.scores, strict=True))
        shot = self._shots.cut(piece, decision, around, scores, self._judge.recipe, belt, self._valves.dead)
        if isinstance(shot, Ejection):
            self._valves.expect(shot)
            slack = slack_ms(shot.open_tick, belt)
            self._ledger.settle(replace(entry, piece=piece, ejection=shot, slack_ms=slack, is_open=False))
            return (self._job(shot, decision),)
        if isinstance(shot, Withheld):
            entry = replace(entry, decision=decision._replace(outlet=None, reason=shot.reason))
        slack_left = self._settings.schedule.min_slack_ms - shot.missing_ms if isinstance(shot, Late) else None
        self._ledger.settle(replace(entry, slack_ms=slack_left, is_open=False))
        return ()

    def _job(self, shot: Ejection, decision: Decision) -> Job:
        settings = self._settings
        flags = JOB_FLAG_SIMULATED if settings.is_simulated else 0
        flags |= JOB_FLAG_HAZARD if self._judge.is_alarm(decision) else 0
        return to_job(shot, self._belt, settings.class_codes[settings.labels.index(decision.label)], flags)

    def _enter(self, piece: Piece, decision: Decision, *, is_open: bool = False) -> None:
        degraded = self._faults.has(Effect.degrade) or self._faults.has(Effect.bypass)
        self._entered += 1
        self._decided.add(piece.id)
        scores, recipe = self._judge.posterior(piece), self._judge.recipe.version
        self._ledger.enter(Entry(piece, scores, decision, None, None, degraded, recipe, is_open))

    def _mark(self, sighting: Sighting, id_: int) -> Mark:
        entry = self._ledger.entries.get(id_)
        if entry is not None:
            decision = entry.decision
            outlet = decision.outlet or self._judge.recipe.rest_outlet
            return Mark(sighting.box, id_, decision.label, decision.confidence, outlet, decided=True)
        scores = self._judge.posterior(self._tracker.piece(id_))
        best = max(range(len(scores)), key=scores.__getitem__)
        return Mark(sighting.box, id_, self._settings.labels[best], scores[best], "", decided=False)

    def _command(self, jobs: tuple[Job, ...]) -> Command:
        return Command(POWERS[self._state].run, self._may_eject(), jobs, self._seen_ns)

    def _may_eject(self) -> bool:
        """While sorting, and until a paused belt has come to rest."""
        coasting = self._state is State.paused and self._belt.speed_mm_s > _STANDSTILL_MM_S
        return POWERS[self._state].eject or coasting

    def status(self, now_ns: int) -> Status:
        """What there is to say about the station at this moment."""
        counts = self._watch.counts
        return Status(
            state=self._state,
            sentence=self._sentence(),
            faults=self._faults.active,
            tick=self._belt.tick,
            speed_mm_s=self._belt.speed_mm_s,
            frames=counts.frames,
            frames_dropped=counts.dropped,
            frames_unplaced=counts.unplaced,
            pieces=self._entered + sum([self._is_due(piece) for piece in self._tracker.pieces()]),
            newest_piece=self._newest_piece,
            open_pieces=len(self._ledger),
            now_ns=now_ns,
            recipe=self._judge.recipe.version,
            grades=self._judge.grades,
            valves=self._valves.health,
        )

    def _sentence(self) -> str:
        """The oldest fault that put the station into its state, or what the state means."""
        cause = self._faults.first(_CAUSES[self._state]) if self._state in _CAUSES else None
        return POWERS[self._state].sentence if cause is None else FAULTS[cause].sentence
