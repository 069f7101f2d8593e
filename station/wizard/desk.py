"""The desk of setting up: what the page asks, what the measuring process answers, and what is kept of it."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from station import setup
from station.calibration import amend, values_of
from station.config import Config, ConfigError
from station.marked import marked
from station.reporting.standing import ChannelStanding
from station.types import Order
from station.wizard.belt_steps import EncoderWork, SpeedWork
from station.wizard.book import Deed, Entry, SetupBook
from station.wizard.hands import HandGiven, HandWord, laid
from station.wizard.machine_steps import EjectorsWork, HeartbeatWork
from station.wizard.picture_steps import BoardWork, CameraWork
from station.wizard.piece_steps import ModelWork, TimingWork
from station.wizard.report_step import ReportWork
from station.wizard.words import Answered, Ask, HeartMayStop, Held, Live, MeasureRefused, Progress, Step
from station.wizard.work import Bench, Focus, Given, Proof, Work, moment_words
from vision.flat_field import FlatField, save_flat_field

NOT_ON = marked("Begin set-up first.")
_NOT_HERE = marked("Only a simulated line has such hands.")
_AWAY = marked("The measuring process does not answer; wait a moment and try again.")
_SILENT_S = 0.5

WORKS: Mapping[Step, Callable[[Bench], Work]] = {
    Step.camera: CameraWork,
    Step.board: BoardWork,
    Step.encoder: EncoderWork,
    Step.speed: SpeedWork,
    Step.ejectors: EjectorsWork,
    Step.timing: TimingWork,
    Step.heartbeat: HeartbeatWork,
    Step.model: ModelWork,
    Step.report: ReportWork,
}
# What a step builds upon: when that was measured later, the step is to be checked again.
BUILDS_ON: Mapping[Step, tuple[Step, ...]] = {
    Step.board: (Step.camera,),
    Step.speed: (Step.board, Step.encoder),
    Step.timing: (Step.board, Step.encoder, Step.ejectors),
    Step.model: (Step.camera, Step.board),
}


class Crew(Protocol):
    """What the desk needs of the running station."""

    @property
    def config(self) -> Config: ...

    async def order(self, order: Order, by: str) -> str | None:
        """None when it was taken."""

    async def swap(self, *, measuring: bool) -> None:
        """Start the measuring process in the place of vision, or vision again."""

    def send(self, message: object) -> bool:
        """To the measuring process; False when it is not there."""

    def use(self, config: Config) -> None:
        """These settings count from the next start of a child on."""

    def empty(self, is_empty: bool) -> None:
        """A simulated line is cleared, or fed again."""

    def handle(self, given: HandGiven) -> bool:
        """False on a real line."""

    def fallen(self, pieces: int) -> tuple[str, ...]:
        """Where the pieces that fell last lie; empty on a real line."""

    def standings(self) -> tuple[ChannelStanding, ...]:
        """How the channels to the programme stand."""

    async def stop_heart(self, seconds: float) -> None:
        """Hold the control process still for so long."""


class WizardDesk:
    """One per running station. Refusals are sentences, None means done."""

    def __init__(self, crew: Crew, folder: Path) -> None:
        self._crew = crew
        self._book = SetupBook(folder)
        self._bench = Bench(crew.config, crew.standings)
        self._works: dict[Step, Work] = {step: make(self._bench) for step, make in WORKS.items()}
        self._numbers = itertools.count(1)
        self._asked: tuple[int, Step] | None = None
        self._progress: Progress | None = None
        self._said: dict[Step, str] = {}
        self._live: Live | None = None
        self._is_stale = False
        self._turn = asyncio.Lock()
        self._hearts: set[asyncio.Task[None]] = set()
        self.is_on = False

    async def begin(self, by: str) -> str | None:
        """Enter set-up: the line stands, a measuring process takes the place of vision."""
        async with self._turn:
            if self.is_on:
                return None
            refusal = await self._crew.order(Order.setup, by)
            if refusal is not None:
                return refusal
            self._forget()
            self.is_on = True
            await self._crew.swap(measuring=True)
            self._crew.empty(True)
            return None

    async def end(self) -> str | None:
        """Leave set-up: everything off, vision comes back with what was measured, and stands ready."""
        async with self._turn:
            if self.is_on:
                self.is_on = False
                await self._crew.swap(measuring=False)
                self._crew.empty(False)
            return None

    def lose(self) -> None:
        """The measuring process died: the station goes on without set-up."""
        if not self.is_on:
            return
        self.is_on = False
        self._forget()
        self._crew.empty(False)

    async def measure(self, step: Step, what: str, given: Given) -> str | None:
        """One press at a step."""
        async with self._turn:
            return NOT_ON if not self.is_on else await self._begin(step, what, given)

    async def _begin(self, step: Step, what: str, given: Given) -> str | None:
        work = self._works.get(step)
        if work is None:
            return marked("This step is not there.")
        self._said.pop(step, None)
        try:
            task = work.ask(what, given)
        except MeasureRefused as refused:
            return str(refused)
        if task is None:
            return None
        if self._is_stale:
            self._is_stale = False
            await self._crew.swap(measuring=True)
        number = next(self._numbers)
        if not self._crew.send(Ask(number, task)):
            return _AWAY
        self._asked, self._progress = (number, step), Progress(number, 0.0, "")
        return None

    async def stop(self, by: str) -> str | None:
        """What is under way is stopped."""
        return await self._crew.order(Order.stop, by)

    def page(self) -> dict[str, object]:
        """What the page is made of: the steps there are, and the ejectors."""
        lanes = setup.ejectors(self._crew.config)
        return {"steps": tuple(self._works), "ejectors": lanes}

    def hold(self, *, on: bool) -> str | None:
        """The button is still pressed, or was let go."""
        if not self.is_on:
            return NOT_ON
        return None if self._crew.send(Held(on)) else _AWAY

    def hand(self, given: HandGiven) -> str | None:
        """A deed at a simulated line."""
        if not self.is_on:
            return NOT_ON
        return None if self._crew.handle(given) else _NOT_HERE

    def lay_pieces(self, label: str, pieces: int, output: int | None) -> str | None:
        """Test pieces onto the simulated belt: into the lane of an output, or spread over the belt."""
        lane = next((e for e in setup.ejectors(self._crew.config) if e.output == output), None)
        return self.hand(HandGiven(HandWord.lay_pieces, pieces=laid(label, pieces, lane)))

    def fallen(self, pieces: int) -> tuple[str, ...]:
        """Outlets of the test pieces that fell last at a simulated line."""
        return self._crew.fallen(pieces)

    def take(self, message: object) -> None:
        """One message of the measuring process."""
        match message:
            case Live():
                self._live = message
                if message.meters is not None:
                    self._bench.focus.see(message.meters.sharpness)
            case Progress():
                self._progress = message
            case HeartMayStop():
                heart = asyncio.ensure_future(self._crew.stop_heart(_SILENT_S))
                self._hearts.add(heart)
                heart.add_done_callback(self._hearts.discard)
            case Answered():
                self._settle(message)

    async def accept(self, step: Step, by: str) -> str | None:
        """What was measured counts from now on."""
        work = self._works.get(step)
        proof = None if work is None else work.proof()
        if proof is None:
            return marked("There is nothing to accept yet: measure first.")
        if not proof.is_good:
            return proof.sentence
        async with self._turn:
            return await self._keep(step, proof, by)

    async def undo(self, step: Step, by: str) -> str | None:
        """What was accepted last at this step is taken back, and its values before come back."""
        async with self._turn:
            entry = (await asyncio.to_thread(self._book.standing)).get(step)
            if entry is None:
                return marked("There is nothing to undo at this step.")
            return await self._write(Entry(_now(), by, step, Deed.undone, {}, entry.after, entry.before))

    def state(self) -> dict[str, object]:
        """Everything the page shows; reads the book, so it is asked away from the event loop."""
        standing, history = self._book.standing(), self._book.history()
        return {
            "on": self.is_on,
            "steps": [self._told(step, standing, history) for step in self._works],
            "measuring": None if self._asked is None else self._asked[1],
            "share": 0.0 if self._progress is None else self._progress.share,
            "sentence": "" if self._progress is None or self._asked is None else self._progress.sentence,
            "live": None if self._live is None or not self.is_on else self._live_words(self._live),
            "still": self._bench.still.number,
        }

    def still(self) -> bytes:
        """The picture the steps draw over; empty before the first."""
        return self._bench.still.jpeg

    def history(self) -> tuple[Entry, ...]:
        return self._book.history()

    def standing(self) -> dict[Step, Entry]:
        return self._book.standing()

    def _live_words(self, live: Live) -> dict[str, object]:
        meters = None if live.meters is None else {**live.meters._asdict(), "sharpest": self._bench.focus.sharpest}
        return {**live._asdict(), "meters": meters}

    def _told(self, step: Step, standing: dict[Step, Entry], history: tuple[Entry, ...]) -> dict[str, object]:
        entry, work = standing.get(step), self._works[step]
        proof = work.proof()
        later = [other for other in BUILDS_ON.get(step, ()) if other in standing and entry is not None]
        return {
            "step": step,
            "accepted": None if entry is None else {"at_utc": entry.at_utc, "by": entry.by, "figures": entry.figures},
            "stale": [other for other in later if entry is not None and standing[other].at_utc > entry.at_utc],
            "history": [
                {"at_utc": e.at_utc, "by": e.by, "deed": e.deed, "figures": e.figures}
                for e in history
                if e.step is step
            ][-8:],
            "proof": None if proof is None else {"good": proof.is_good, "sentence": proof.sentence, **proof.figures},
            "said": self._said.get(step, ""),
            "told": work.told(),
        }

    def _settle(self, answered: Answered) -> None:
        if self._asked is None or self._asked[0] != answered.number:
            return
        step, self._asked = self._asked[1], None
        if answered.refusal is not None or answered.found is None:
            self._said[step] = answered.refusal or ""
            return
        try:
            self._works[step].take(answered.found)
        except MeasureRefused as refused:
            self._said[step] = str(refused)

    async def _keep(self, step: Step, proof: Proof, by: str) -> str | None:
        now, config = _now_utc(), self._crew.config
        changes = dict(proof.changes)
        if proof.light is not None:
            calibration, light = config.resolve(config.file.calibration), FlatField(proof.light)
            file = calibration.with_name(f"{calibration.stem}-light-{now:%Y%m%dT%H%M%SZ}.json")
            await asyncio.to_thread(lambda: save_flat_field(light, file))
            changes["flat_field"] = Path(os.path.relpath(file, config.path.resolve().parent)).as_posix()
        before = values_of(config, changes)
        entry = Entry(moment_words(now), by, step, Deed.accepted, proof.figures, before, changes)
        refusal = await self._write(entry)
        if refusal is None:
            self._works[step] = WORKS[step](self._bench)
        return refusal

    async def _write(self, entry: Entry) -> str | None:
        """The calibration first, then the book; before it measures again, the measuring process begins anew with it."""
        if entry.after:
            try:
                config = await asyncio.to_thread(
                    lambda: amend(self._crew.config, entry.after, entry.by, datetime.fromisoformat(entry.at_utc))
                )
            except (ConfigError, OSError) as error:
                return marked("The calibration cannot be written: {error}").format(error=error)
            self._bench.config = config
            self._crew.use(config)
            self._is_stale = True
        await asyncio.to_thread(lambda: self._book.note(entry))
        return None

    def _forget(self) -> None:
        self._bench.config, self._bench.focus = self._crew.config, Focus()
        self._works = {step: make(self._bench) for step, make in WORKS.items()}
        self._asked, self._progress, self._live = None, None, None
        self._is_stale = False
        self._said.clear()


def _now() -> str:
    return moment_words(_now_utc())


def _now_utc() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the moment a person decides
