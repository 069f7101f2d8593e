"""A station made of paper for the page's tests: it obeys orders, moves a few drawn pieces, and counts them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np

from station.alarm_desk import AlarmDesk
from station.bins import Bins
from station.faults import EFFECT_WORDS, FAULTS, Effect
from station.recording.settings import RecorderNews
from station.span_counts import Span, SpanCounts
from station.state import POWERS
from station.store_reader import CountRow, Counts
from station.store_rows import Event, EventKind
from station.types import Mark, Order, State, Status, Truth
from station.web.access import Access
from station.web.app import Desks, create_app
from station.web.review import ReviewDesk
from station.web.server import serve
from station.web.tools_routes import ToolsDesk
from station.web.view import (
    FaultRow,
    LabelFacts,
    Mishap,
    OutletFacts,
    Performance,
    Picture,
    StationFacts,
)
from tests.station.paper_access import paper_access
from tests.station.picture_board import PictureBoard
from vision.types import Box

OUTLETS = (
    OutletFacts("copper", "Copper", "#d97b3f"),
    OutletFacts("brass", "Brass", "#d6b33c"),
    OutletFacts("aluminium", "Aluminium", "#8fb8de"),
    OutletFacts("quarantine", "Quarantine", "#d561b0"),
    OutletFacts("rest", "Rest", "#9aa2a9"),
)
TITLES = {
    "CU-NO2": ("Copper No. 2", "copper", (62, 110, 190)),
    "BRASS-YEL": ("Yellow brass", "brass", (70, 165, 200)),
    "AL-WROUGHT": ("Aluminium wrought", "aluminium", (190, 188, 184)),
    "AL-CAST": ("Aluminium cast", "aluminium", (150, 150, 148)),
    "AL-UBC": ("Aluminium beverage cans", "aluminium", (205, 200, 190)),
    "SS-304": ("Stainless 18-8", "rest", (165, 168, 170)),
    "FE-SHRED": ("Shredded steel", "rest", (90, 96, 106)),
    "ZN-DIE": ("Zinc die cast", "rest", (140, 142, 146)),
    "CABLE-CU": ("Cable, insulated copper", "rest", (50, 50, 56)),
    "PWB": ("Printed circuit board", "quarantine", (70, 120, 60)),
    "BAT-OTHER": ("Other dry or NiMH battery", "quarantine", (60, 130, 130)),
    "BAT-LI": ("Lithium battery", "quarantine", (120, 80, 60)),
    "RES-LIGHT": ("Light residue", "rest", (80, 120, 110)),
    "RES-MIN": ("Heavy residue", "rest", (120, 130, 140)),
}
AIR_LOW = FaultRow(
    "air-low", FAULTS["air-low"].sentence, "3.1 bar", EFFECT_WORDS[Effect.bypass], FAULTS["air-low"].hint, 0, 1, True
)
RECORDED = RecorderNews(
    file="run-20260131T235959Z-0a1b2c3d.mcap",
    stopped="",
    used_bytes=1_500_000_000,
    bytes_per_s=15_000.0,
    days_kept=15.4,
    days_left=14.3,
    steps=100,
    steps_missed=0,
    frames=50,
    frames_missed=1,
    incidents=2,
    has_memory=True,
)


@dataclass
class PaperStation:
    """Implements StationView. ``guard_open`` makes it refuse to start."""

    is_simulated: bool = True
    state: State = State.idle
    guard_open: bool = False
    is_silent: bool = False
    fault_rows: tuple[FaultRow, ...] = ()
    orders: list[tuple[Order, str]] = field(default_factory=list)
    chosen: list[tuple[str, str]] = field(default_factory=list)
    on: set[Mishap] = field(default_factory=set)
    board: PictureBoard = field(default_factory=PictureBoard)
    seq: int = 0
    kept: list[str] = field(default_factory=list)
    noted: list[Event] = field(default_factory=list)
    holds: bool = False

    def __post_init__(self) -> None:
        self.alarm_desk = AlarmDesk("paper", 0, self.noted.extend, time.time_ns)
        sizes = {"copper": 400.0, "brass": 200.0, "aluminium": None, "quarantine": None, "rest": None}
        self.paper_bins = Bins("paper", 0, sizes, self.noted.extend, lambda: self.seq, time.time_ns, {})

    def bins(self) -> Bins:
        return self.paper_bins

    def spans(self) -> Mapping[Span, SpanCounts]:
        half = Counts(1, (CountRow("CU-NO2", "copper", "ejected", 1, 1250.0),))
        return {Span.run: SpanCounts("", None, self.counts()), Span.day: SpanCounts("2026-03-01", 0, half)}

    def alarms(self) -> AlarmDesk:
        return self.alarm_desk

    def must_hold(self) -> bool:
        return self.holds

    def raise_alarm(self, code: str, number: int, detail: str = "") -> None:
        """A fault begins."""
        self.alarm_desk.hear([Event("paper", time.time_ns(), EventKind.fault_raised, code, detail, number, None)])

    def clear_alarm(self, code: str) -> None:
        """It is over."""
        self.alarm_desk.hear([Event("paper", time.time_ns(), EventKind.fault_cleared, code, "", None, None)])

    def status(self) -> Status | None:
        sentences = {
            State.idle: POWERS[State.idle].sentence,
            State.running: "Sorting at 1.50 m/s.",
            State.paused: "The belt stands. Press Start to go on.",
            State.bypass: "The belt runs, nothing is ejected: the air pressure is too low.",
            State.estop: "The emergency stop is pressed. Release it, then press Reset.",
            State.fault: "The controller does not answer. Mend it, then press Reset.",
        }
        if self.is_silent:
            return None
        speed = 1500.0 if self.state in {State.running, State.bypass} else 0.0
        now_ns = time.monotonic_ns()
        return Status(self.state, sentences[self.state], (), 0, speed, self.seq, 0, 0, 400, 400, 7, now_ns)

    def facts(self) -> StationFacts:
        labels = tuple(LabelFacts(label, words[0]) for label, words in TITLES.items())
        name, recipe = "Line 2, Yard Nord", "copper first"
        return StationFacts(name, self.is_simulated, OUTLETS, "rest", labels, recipe, "scrapnet-1", "0.1.0")

    def counts(self) -> Counts:
        rows = []
        for n, (label, (_, outlet, _)) in enumerate(TITLES.items()):
            if outlet != "rest":
                rows.append(CountRow(label, outlet, "ejected", self.seq * 3 // (n + 1)))
            rows.append(CountRow(label, None, "passed", self.seq // (n + 2)))
        rows.append(CountRow("CU-NO2", None, "unsure", self.seq // 40))
        return Counts(sum(row.pieces for row in rows), tuple(rows))

    def truth(self) -> Mapping[str, Truth] | None:
        if not self.is_simulated:
            return None
        return {
            "copper": Truth(0.974, 0.931, self.seq * 3),
            "brass": Truth(0.942, 0.907, self.seq),
            "aluminium": Truth(0.981, 0.953, self.seq * 2),
            "quarantine": Truth(None, 0.9, 0),
            "rest": Truth(0.889, None, self.seq * 2),
        }

    def performance(self) -> Performance | None:
        return Performance(8.1, 11.4, 60.0, 3)

    def faults(self) -> tuple[FaultRow, ...]:
        return self.fault_rows

    def newest_picture(self) -> Picture | None:
        return self.board.newest()

    async def next_picture(self, after_seq: int) -> Picture:
        return await self.board.next(after_seq)

    async def give_order(self, order: Order, by: str) -> str | None:
        self.orders.append((order, by))
        if order is Order.start and self.guard_open:
            return "Close the guard first."
        after = {Order.start: State.running, Order.pause: State.paused, Order.stop: State.idle, Order.reset: State.idle}
        self.state = after[order]
        self.holds = self.holds and order is not Order.start
        return None

    def recording(self) -> RecorderNews | None:
        return RECORDED

    async def keep_this(self, by: str) -> str | None:
        self.kept.append(by)
        return None

    def openings(self) -> Mapping[int, int]:
        return {0: 12_000, 8: 31_415}

    def recipes(self) -> tuple[str, ...]:
        return ("copper-first", "brass-first")

    async def set_recipe(self, name: str, by: str) -> str | None:
        self.chosen.append((name, by))
        return "Close the guard first." if self.guard_open else None

    def mishaps(self) -> frozenset[Mishap]:
        return frozenset(self.on)

    async def set_mishap(self, mishap: Mishap, on: bool) -> str | None:
        (self.on.add if on else self.on.discard)(mishap)
        return None

    def draw(self) -> Picture:
        """The belt moved on by one picture, as a half-size JPEG."""
        self.seq += 1
        picture = np.full((512, 640, 3), (58, 60, 62), np.uint8)
        picture[::, ::32] = (54, 56, 58)
        marks, outlines = [], []
        for n, (label, (_, outlet, colour)) in enumerate(TITLES.items()):
            x, y = 60 + (n * 137) % 540, (n * 61 + self.seq * 4) % 640 - 60
            w, h = 24 + (n * 7) % 26, 20 + (n * 11) % 34
            turned = cv2.boxPoints(((x + w / 2, y + h / 2), (w, h), n * 31.0))
            cv2.fillPoly(picture, [turned.astype(np.int32)], colour)
            left, top, wide, high = cv2.boundingRect(turned.astype(np.int32))
            box = Box(2 * left, 2 * top, 2 * wide, 2 * high)
            outlines.append(tuple((2 * turned).astype(int).ravel().tolist()))
            marks.append(Mark(box, n, label, 0.97 - n * 0.02, outlet, decided=y > 120))
        done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
        assert done
        return Picture(self.seq, jpeg.tobytes(), 1280, 1024, tuple(marks), time.monotonic_ns(), tuple(outlines))

    async def draw_on(self, pictures_per_s: float) -> None:
        while True:
            await asyncio.sleep(1 / pictures_per_s)
            if self.state in {State.running, State.bypass}:
                self.board.publish(self.draw())


@asynccontextmanager
async def served(
    station: PaperStation,
    port: int,
    pictures_per_s: float = 15.0,
    stop: asyncio.Event | None = None,
    review: ReviewDesk | None = None,
    access: Access | None = None,
    tools: ToolsDesk | None = None,
) -> AsyncIterator[str]:
    """The page of ``station`` on a real server; yields its address. ``stop`` ends the server early."""
    stop = stop or asyncio.Event()
    app = create_app(station, access or paper_access(), desks=Desks(review=review, tools=tools))
    serving = asyncio.create_task(serve(app, "127.0.0.1", port, stop))
    drawing = asyncio.create_task(station.draw_on(pictures_per_s))
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.02)
            continue
        writer.close()
        await writer.wait_closed()
        break
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        drawing.cancel()
        stop.set()
        await serving
