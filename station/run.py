"""Running a station: starts its processes in order, keeps them alive, and ends them outputs first."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from control.process import ControlStatus
from station import setup
from station.alarm_desk import AlarmDesk
from station.alarm_log import read_alarm_events
from station.children import Readers, vision_main
from station.config import Config
from station.crew import Member, RestartLimit
from station.desk import Desk
from station.facts import station_facts
from station.figures import Figures, open_figures
from station.keeping.opening import Keeping, keeping
from station.line_watch import LineWatch
from station.lines import Line, open_line
from station.marked import marked
from station.meter import Meter
from station.page_opening import Behind, keep_page
from station.pair import Eye, Pair
from station.plan import Plan, RunOptions, plan_run
from station.recipes import RecipeShelf
from station.recording.planned import open_post
from station.recording.post import Post
from station.reporting.hazard_watch import HazardWatch
from station.reporting.office_door import open_door
from station.reporting.opening import Report, open_report, shift_plan
from station.reporting.service import Service, serving
from station.reporting.standing import ChannelStanding
from station.safe_mode.good import remember
from station.scale import ScaleWatch, scale_of
from station.span_counts import SpanReader
from station.state import NOT_CONNECTED
from station.store import Store
from station.store_copy import CopyWatch
from station.store_file import refuse_other_kind
from station.store_reader import read_counts
from station.summary import RunFacts, Summary, summarize, write_summary
from station.tools.log_file import kept_log
from station.tools.rest import not_at_rest
from station.trends.book import BOOK as TRENDS
from station.trends.book import TrendBook
from station.trends.watch import TrendWatch
from station.types import Conditions, Finish, Finished, Order, State
from station.weigh_run import errors_of_run, masses_of_run
from station.wiring import RingCameraChoice
from station.wizard.crew import Hooks, StationCrew
from station.wizard.desk import WizardDesk
from station.wizard.opening import measuring_setup
from station.wizard.process import measuring_main
from vision.frame_ring import FrameRing
from vision.labels import labels_beside, write_labels

_log = logging.getLogger(__name__)
_VIEW_SLOTS = 4
_FINISH_S = 3.0
_LEAVING_S = 0.5
_TICK_S = 0.1
_PIECE_NUMBERS_SKIPPED = 1000


class Ended(NamedTuple):
    """``again``: a person asked that the program begins anew, with the files as they are now."""

    summary: Summary
    again: bool


def run_station(config: Config, options: RunOptions) -> Ended:
    """Run until the time is up, the footage ends, or a signal comes. Raises what ``plan_run`` raises."""
    plan = plan_run(config, options)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for the children: a pool of threads would only steal time
    return asyncio.run(_run(plan, options))


async def _run(plan: Plan, options: RunOptions) -> Ended:
    """Open what the station owns, keep it, and let go of it in the opposite order."""
    records = plan.config.resolve(plan.config.file.station.data_folder) / "records.sqlite"
    refuse_other_kind(records, is_simulated=plan.run.is_simulated)
    store = Store.open(records)
    try:
        store.begin_run(plan.run)
        store.flush()
        report = open_report(plan, store)
        with kept_log(records.parent):
            _log.info("started %s, model %s, settings %s", plan.run.software, plan.card.id, plan.config.digest[:12])
            async with open_door(report.office, records.parent):
                return await _keep_running(plan, options, store, report)
    finally:
        store.close()


async def _keep_running(plan: Plan, options: RunOptions, store: Store, report: Report) -> Ended:
    with (
        open_line(plan.config) as line,
        open_post(plan, line.camera, options.record, all_frames=options.record_frames) as post,
        SpanReader(store.path, shift_plan(plan.config), plan.config.recipe.rest_outlet) as spans,
        HazardWatch(store.path) as hazards,
        CopyWatch(store.path),
        keeping(plan) as kept,
        ScaleWatch(scale_of(plan.config)) as scale,
    ):
        company = _Company(post, kept, scale, report, hazards)
        station = _Station(plan, options, store, open_figures(plan, store, spans), line, company)
        return Ended(await station.keep(), station.again)


class _Company(NamedTuple):
    """Who reads beside the station: the recorder, the keeper of crops, the reader of the belt scale, the reporter,
    the follower of hazards."""

    post: Post | None
    kept: Keeping
    scale: ScaleWatch
    report: Report
    hazards: HazardWatch


class _Station:
    """One run: its desk, its two children, its page."""

    def __init__(
        self, plan: Plan, options: RunOptions, store: Store, figures: Figures, line: Line, company: _Company
    ) -> None:
        self._plan = plan
        self._post, self._kept, self._scale, self._report, self._hazards = company
        self._options = options
        self._store = store
        self._line = line
        height, width = setup.picture_shape(plan.config)[:2]
        self._ring = FrameRing((height // 2, width // 2, 3), _VIEW_SLOTS)
        self._figures = figures
        past = read_alarm_events(store.path)
        alarms = AlarmDesk(plan.run.uuid, plan.run.utc_offset_ns, store.note, time.monotonic_ns, past)  # noqa: TID251
        self._desk = Desk(plan.run.uuid, station_facts(plan), store, figures, self._ring, alarms, self._post)
        self._restarts = RestartLimit()
        self._pair = Pair(self._hear_vision, self._hear_control)
        self._stop = asyncio.Event()
        self._finished = asyncio.Event()
        self._told: tuple[tuple[str, str], ...] = ()
        self._meter = Meter()
        self._line_watch = LineWatch()
        self._sorting_since_mm: float | None = None
        hooks = Hooks(
            config=lambda: self._plan.config,
            use=self._use,
            eye=lambda: self._pair.vision,
            control=lambda: self._pair.control,
            swap=self._swap,
            standings=self._standings,
        )
        self._wizard = WizardDesk(StationCrew(self._desk, line, hooks), store.path.parent)
        self._is_swapping = False
        self.again = False
        trends = TrendBook(store.path.parent / TRENDS)
        self._trends = TrendWatch(trends, plan.config.recipe.rest_outlet, self._look)

    async def keep(self) -> Summary:
        """Until stopped, with the channels to the programme around it."""
        with serving(self._plan, self._store.path, self._report.office.outbox, self._desk) as service:
            self._report.office.standings = service.standings
            return await self._run(service)

    async def _run(self, service: Service) -> Summary:
        """Everything runs; then orders stop first, pieces are closed, processes end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._lay_out_recipes()
        if self._line.has_mishaps:
            self._desk.allow_mishaps(self._line.cause)
        self._start_pair(())
        web = asyncio.ensure_future(self._keep_page()) if self._options.web else None
        remembering = asyncio.ensure_future(self._remember()) if self._options.web else None
        reading = asyncio.ensure_future(self._figures.keep())
        try:
            await self._watch(service)
            await self._finish()
            await self._trends.end()
        finally:
            self._stop.set()
            self._end_pair()
            reading.cancel()
            if remembering is not None:
                remembering.cancel()
            if web is not None:
                await web
            summary = self._conclude()
            self._ring.close()
        return summary

    def _facts(self) -> RunFacts:
        seen, plan = self._desk.tally.seen, self._plan
        use = self._meter.use
        return RunFacts(
            seen=seen,
            counts=read_counts(self._store.path, plan.run.uuid),
            rest_outlet=plan.config.recipe.rest_outlet,
            frame_ms=self._desk.frame_ms,
            slack_ms=self._desk.slack_ms,
            truth=self._desk.true_shares,
            is_simulated=plan.run.is_simulated,
            model=plan.card.id,
            config=plan.config.digest[:12],
            memory_mb={name: round(figures.memory_mb, 1) for name, figures in use.items()},
            cpu_s={name: round(figures.cpu_s, 2) for name, figures in use.items()},
            recording=None if self._post is None or self._post.news is None else self._post.news._asdict(),
            seconds=(time.monotonic_ns() - plan.run.started_ns) / 1e9,  # noqa: TID251
            kept=asdict(self._kept.counts),
            masses=masses_of_run(plan, self._store.path),
            mass_errors=errors_of_run(plan, self._store.path, self._line.true_masses()),
            shot_error=self._meter.control.shot_error if self._meter.control else None,
            scale=self._scale.weighed,
        )

    def _start_again(self) -> str | None:
        """The program begins anew when nothing moves; else the sentence that says why not."""
        if self._options.record is not None:
            return marked("This run is recorded into one file. End the program and start it by hand.")
        refusal = not_at_rest(self._desk.status())
        if refusal is None:
            self.again = True
            asyncio.get_running_loop().call_later(_LEAVING_S, self._stop.set)  # whoever asked hears the answer first
        return refusal

    async def _keep_page(self) -> None:
        behind = Behind(
            self._store.path, self._report.office, self._wizard, lambda: self._meter.control, self._start_again
        )
        await keep_page(self._plan, self._desk, behind, self._stop)

    def _start_pair(self, latched: tuple[tuple[str, str], ...]) -> None:
        """Connected with the desk; while the station is set up somebody measures instead of sorting."""
        self._told = ()
        eye = self._measuring() if self._wizard.is_on else self._sorting(latched)
        self._desk.connect(self._pair.start(eye, setup.control_setup(self._plan.config, self._line.machine)))

    def _end_pair(self) -> None:
        self._desk.connect(None)
        self._pair.end()

    def _sorting(self, latched: tuple[tuple[str, str], ...]) -> Eye:
        keep, steps = (None, None) if self._post is None else (self._post.pictures, self._post.steps)
        first_piece = self._newest_piece() + _PIECE_NUMBERS_SKIPPED if self._desk.status() else 1
        chosen = setup.vision_setup(self._plan, self._line.camera, self._view(), latched, first_piece, keep)
        return Eye(vision_main, chosen, (Readers(steps, self._kept.looks),))

    def _measuring(self) -> Eye:
        return Eye(measuring_main, measuring_setup(self._plan, self._line.camera, self._view(), self._newest_piece()))

    def _newest_piece(self) -> int:
        """Piece numbers go on after a restart, far enough that none is used twice in a run."""
        status = self._desk.status()
        return 0 if status is None else status.newest_piece

    def _view(self) -> RingCameraChoice:
        return RingCameraChoice(self._ring.name, self._ring.shape, _VIEW_SLOTS)

    async def _swap(self, _measuring: bool) -> None:
        """The pair that stands is ended in good order, and the one that belongs to the wizard's state is started."""
        self._is_swapping = True
        try:
            await self._finish()
            self._end_pair()
            self._desk.tally.end(died=False)
            self._start_pair(())
        finally:
            self._is_swapping = False

    def _use(self, config: Config) -> None:
        """Settings that count for every child from its next start on."""
        self._plan = self._plan._replace(config=config)
        self._lay_out_recipes()

    def _standings(self) -> tuple[ChannelStanding, ...]:
        return self._report.office.standings()

    def _lay_out_recipes(self) -> None:
        shelf = RecipeShelf(self._plan.config, self._plan.card.labels, self._plan.materials, self._take_recipe)
        self._desk.allow_recipes(shelf)

    def _look(self) -> NDArray[np.uint8] | None:
        """A copy of the newest picture that the page could show; None when it was overwritten meanwhile."""
        found = self._ring.newest(0)
        copied = None if found is None else found[3].copy()
        return copied if found is not None and self._ring.still(found[0]) else None

    def _hear_vision(self, message: object) -> None:
        if isinstance(message, Finished):
            self._finished.set()
            return
        self._desk.take(message)
        self._wizard.take(message)
        self._kept.take(message)
        self._report.take(message)
        self._trends.take(message)

    def _hear_control(self, message: object) -> None:
        if isinstance(message, ControlStatus):
            self._meter.note(message)
            self._line_watch.note(message)

    async def _remember(self) -> None:
        """Once the vision process speaks, settings and model are good, and the way back to them is kept."""
        while self._desk.status() is None:
            await asyncio.sleep(_TICK_S)
        config, now = self._plan.config, datetime.now(UTC)  # noqa: TID251 - when they were found good
        try:
            await asyncio.to_thread(lambda: remember(config, is_simulated=self._plan.run.is_simulated, now=now))
        except OSError as error:
            _log.warning("the settings that work cannot be kept beside %s: %s", config.path, error)

    async def _watch(self, service: Service) -> None:
        """Ten times a second: are both alive, is the disk well, is the time up, has the footage ended.

        The start order of whoever started the program is given once, as soon as it can be heard, and never again.
        """
        started = time.monotonic()  # noqa: TID251 - the process loop of the parent
        ordered = not self._line.starts_at_once
        while not self._stop.is_set():
            self._mind_children()
            self._mind_recorder()
            self._tell_trouble(service)
            self._line.tend()
            self._take_truth()
            self._report.tick()
            self._trends.tick(time.time())  # noqa: TID251 - charts show the time of day
            self._meter.sample(self._members())
            if not ordered and self._desk.status() is not None:
                ordered = await self._desk.give_order(Order.start, "command line") != NOT_CONNECTED
            limit = self._options.seconds
            if limit is not None and time.monotonic() - started > limit:  # noqa: TID251
                return
            if self._has_played():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_S)

    def _has_played(self) -> bool:
        """True when the footage has ended and what was on the belt has landed."""
        status = self._desk.status()
        return self._desk.footage_ended and (status is None or status.open_pieces == 0)

    def _members(self) -> tuple[Member, ...]:
        recorder = None if self._post is None else self._post.member
        return (*self._pair.members, *(() if recorder is None else (recorder,)), *self._line.members)

    def _mind_children(self) -> None:
        """Whoever died: both start anew, with the death as a latched fault."""
        first = None if self._is_swapping else self._pair.dead()
        if first is None:
            return
        code, detail = f"{first.name}-died", f"exit code {first.process.exitcode}"
        _log.error("the %s process ended (%s)", first.name, detail)
        self._end_pair()
        self._desk.tally.end()
        self._wizard.lose()
        if self._restarts.allows(time.monotonic_ns()):  # noqa: TID251
            self._start_pair(((code, detail),))
        else:
            self._desk.give_up(code, detail)

    def _mind_recorder(self) -> None:
        if self._post is not None:
            self._post.mind(time.monotonic_ns())  # noqa: TID251

    def _tell_trouble(self, service: Service) -> None:
        """What only this process sees is a condition of the sorter: the store, recorder, scale, the line's answers."""
        trouble = self._store.trouble if self._store.must_pause else None
        stopped = self._post.trouble if self._post is not None else ""
        found = (
            ("store-trouble", trouble),
            ("records-restored", self._store.restored),
            ("recording-stopped", stopped or None),
            ("scale-lost", self._scale.trouble),
            ("hazard-waiting", self._hazards.waiting),
            ("line-noisy", self._line_watch.trouble),
            ("bin-nearly-full", self._figures.bins.attention()),
            ("certificate-ends", service.warning),
            ("programme-refuses", service.alarm),
        )
        items = tuple((code, detail) for code, detail in found if detail is not None)
        if items != self._told and self._pair.vision is not None:
            with suppress(ConnectionError):
                if self._pair.vision.link.send(Conditions(items)):
                    self._told = items

    def _take_recipe(self, config: Config) -> None:
        """For children that start anew, and for the truth of the line, counted from here on."""
        self._plan = self._plan._replace(config=config)
        self._line.sort_by(config)
        if self._sorting_since_mm is not None:
            self._sorting_since_mm = self._line.position_mm() - config.file.sorting.decision_mm

    def _take_truth(self) -> None:
        """What fell where, counted from the first piece that could be sorted."""
        status = self._desk.status()
        if self._sorting_since_mm is None and status is not None and status.state is State.running:
            self._sorting_since_mm = self._line.position_mm() - self._plan.config.file.sorting.decision_mm
        truth = self._line.truth(self._sorting_since_mm)
        if truth is not None:
            self._desk.take_truth(truth)

    async def _finish(self) -> None:
        """Outputs off first, then every piece gets its record; a vision process that has already left has sent them."""
        vision = self._pair.vision
        if vision is None:
            return
        self._finished.clear()
        await self._desk.give_order(Order.stop, "end of run")
        with suppress(ConnectionError, TimeoutError):
            vision.link.send(Finish())
            await asyncio.wait_for(self._finished.wait(), _FINISH_S)
        self._pair.read_vision()

    def _conclude(self) -> Summary:
        """Everything to the disk, and the summary when one was asked for."""
        self._report.end()
        self._store.end_run(self._plan.run.uuid, time.monotonic_ns())  # noqa: TID251
        self._store.flush()
        self._desk.save_openings()
        summary = summarize(self._facts())
        if self._options.summary is not None:
            write_summary(self._options.summary, summary)
        labels = self._line.labels()
        if self._options.record is not None and labels:
            write_labels(labels_beside(self._options.record), labels)
        return summary
