"""Running a station: starts its processes in order, keeps them alive, and ends them outputs first."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from control.process import ControlStatus
from station import setup
from station.alarm_desk import AlarmDesk
from station.alarm_log import read_alarm_events
from station.company import Company, Troubles
from station.config import Config
from station.crew import Member
from station.desk import Desk
from station.facts import station_facts
from station.figures import Figures, open_figures
from station.keeping.opening import keeping
from station.lines import Line, open_line
from station.link import Link
from station.marked import marked
from station.meter import Meter
from station.page_opening import Behind, keep_page
from station.pair_keeper import Needs, PairKeeper
from station.plan import Plan, RunOptions, plan_run
from station.recipes import RecipeShelf
from station.recording.planned import open_post
from station.reporting.hazard_watch import HazardWatch
from station.reporting.office_door import open_door
from station.reporting.opening import Report, open_report, shift_plan
from station.reporting.service import Service, serving
from station.reporting.standing import ChannelStanding
from station.run_end import conclude
from station.safe_mode.good import remember
from station.scale import ScaleWatch, scale_of
from station.span_counts import SpanReader
from station.state import NOT_CONNECTED
from station.store import Store
from station.store_copy import CopyWatch
from station.store_file import refuse_other_kind
from station.summary import Summary
from station.tools.log_file import kept_log
from station.tools.rest import not_at_rest
from station.trends.book import BOOK as TRENDS
from station.trends.book import TrendBook
from station.trends.watch import TrendWatch
from station.truth_watch import TruthWatch
from station.types import Order
from station.wiring import RingCameraChoice
from station.wizard.crew import Hooks, StationCrew
from station.wizard.desk import WizardDesk
from vision.frame_ring import FrameRing

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
        company = Company(post, kept, scale, report, hazards)
        station = _Station(plan, options, store, open_figures(plan, store, spans), line, company)
        return Ended(await station.keep(), station.again)


class _Station:
    """One run: its desk, its two children, its page."""

    def __init__(
        self, plan: Plan, options: RunOptions, store: Store, figures: Figures, line: Line, company: Company
    ) -> None:
        self._plan = plan
        self._company = company
        self._options = options
        self._store = store
        self._line = line
        height, width = setup.picture_shape(plan.config)[:2]
        self._ring = FrameRing((height // 2, width // 2, 3), _VIEW_SLOTS)
        self._figures = figures
        past = read_alarm_events(store.path)
        alarms = AlarmDesk(plan.run.uuid, plan.run.utc_offset_ns, store.note, time.monotonic_ns, past)  # noqa: TID251
        self._desk = Desk(plan.run.uuid, station_facts(plan), store, figures, self._ring, alarms, company.post)
        self._stop = asyncio.Event()
        self._meter = Meter()
        self._truth = TruthWatch(line, self._desk)
        self._troubles = Troubles(store, company, figures)
        needs = Needs(
            plan=lambda: self._plan,
            is_measuring=lambda: self._wizard.is_on,
            view=RingCameraChoice(self._ring.name, self._ring.shape, _VIEW_SLOTS),
            hear_vision=self._hear_vision,
            hear_control=self._hear_control,
            lost=lambda: self._wizard.lose(),  # noqa: PLW0108 - the wizard is made below
        )
        self._keeper = PairKeeper(needs, self._desk, line, company)
        hooks = Hooks(
            config=lambda: self._plan.config,
            use=self._use,
            eye=lambda: self._keeper.pair.vision,
            control=lambda: self._keeper.pair.control,
            swap=self._keeper.swap,
            standings=self._standings,
        )
        self._wizard = WizardDesk(StationCrew(self._desk, line, hooks), store.path.parent)
        self.again = False
        trends = TrendBook(store.path.parent / TRENDS)
        self._trends = TrendWatch(trends, plan.config.recipe.rest_outlet, self._look)

    async def keep(self) -> Summary:
        """Until stopped, with the channels to the programme around it."""
        with serving(self._plan, self._store.path, self._company.report.office.outbox, self._desk) as service:
            self._company.report.office.standings = service.standings
            return await self._run(service)

    async def _run(self, service: Service) -> Summary:
        """Everything runs; then orders stop first, pieces are closed, processes end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        self._lay_out_recipes()
        if self._line.has_mishaps:
            self._desk.allow_mishaps(self._line.cause)
        self._keeper.start()
        web = asyncio.ensure_future(self._keep_page()) if self._options.web else None
        remembering = asyncio.ensure_future(self._remember()) if self._options.web else None
        reading = asyncio.ensure_future(self._figures.keep())
        try:
            await self._watch(service)
            await self._keeper.finish()
            await self._trends.end()
        finally:
            self._stop.set()
            self._keeper.end()
            reading.cancel()
            if remembering is not None:
                remembering.cancel()
            if web is not None:
                await web
            company = self._company
            summary = conclude(self._plan, self._options, self._store, self._desk, self._meter, self._line, company)
            self._ring.close()
        return summary

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
            self._store.path, self._company.report.office, self._wizard, lambda: self._meter.control, self._start_again
        )
        await keep_page(self._plan, self._desk, behind, self._stop)

    def _use(self, config: Config) -> None:
        """Settings that count for every child from its next start on."""
        self._plan = self._plan._replace(config=config)
        self._lay_out_recipes()

    def _standings(self) -> tuple[ChannelStanding, ...]:
        return self._company.report.office.standings()

    def _lay_out_recipes(self) -> None:
        shelf = RecipeShelf(self._plan.config, self._plan.card.labels, self._plan.materials, self._take_recipe)
        self._desk.allow_recipes(shelf)

    def _look(self) -> NDArray[np.uint8] | None:
        """A copy of the newest picture that the page could show; None when it was overwritten meanwhile."""
        found = self._ring.newest(0)
        copied = None if found is None else found[3].copy()
        return copied if found is not None and self._ring.still(found[0]) else None

    def _hear_vision(self, message: object) -> None:
        self._desk.take(message)
        self._wizard.take(message)
        self._company.kept.take(message)
        self._company.report.take(message)
        self._trends.take(message)

    def _hear_control(self, message: object) -> None:
        if isinstance(message, ControlStatus):
            self._meter.note(message)
            self._troubles.note(message)

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
            self._keeper.mind()
            self._mind_recorder()
            self._troubles.tell(service, self._vision_link())
            self._line.tend()
            self._truth.tick(self._plan.config)
            self._company.report.tick()
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
        post = self._company.post
        recorder = None if post is None else post.member
        return (*self._keeper.pair.members, *(() if recorder is None else (recorder,)), *self._line.members)

    def _vision_link(self) -> Link | None:
        vision = self._keeper.pair.vision
        return None if vision is None else vision.link

    def _mind_recorder(self) -> None:
        post = self._company.post
        if post is not None:
            post.mind(time.monotonic_ns())  # noqa: TID251

    def _take_recipe(self, config: Config) -> None:
        """For children that start anew, and for the truth of the line."""
        self._plan = self._plan._replace(config=config)
        self._truth.sort_by(config)
