"""The process that is the simulated line: it steps the world and paints what the camera sees, at the camera's rate."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import cv2
import numpy as np
from numpy.typing import NDArray

from control.precedence import LINE, take_precedence
from hil.feeder import ScrapSprite, WorldPiece
from hil.hands import laid_board, smeared_plate
from hil.look import Look, View
from hil.motion import Motion
from hil.picture import Painter
from hil.sprites.atlas import AtlasError, load_atlas
from hil.stamp import Stamp
from hil.types import BeltMotion, Hand, HandName, Landed, LineFailed, LineNews, Mishap, MishapName, ValveEvent
from hil.world import World, WorldSettings
from vision.frame_ring import FrameRing
from vision.types import Port

_NEWS_NS = 100_000_000
_STALE_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class LineSettings:
    """``split`` names the sprites used (train, val or test; None: all); ``slots`` are pictures in the frame ring."""

    world: WorldSettings
    look: Look = field(default_factory=Look)
    view: View = field(default_factory=View)
    fps: float = 60.0
    slots: int = 6
    split: str | None = "test"
    atlas: Path | None = None


class Line:
    """The world, its painter and its mishaps; the caller gives the belt's motion and the picture to fill."""

    def __init__(self, settings: LineSettings, sprites: Sequence[ScrapSprite]) -> None:
        self._view = settings.view
        self._world = World(settings.world, sprites)
        self._painter = Painter(settings.look, settings.view)
        self._stamps: dict[int, Stamp] = {}
        self._on: set[MishapName] = set()
        self._last = np.zeros(settings.view.shape, np.uint8)
        self._landed: list[Landed] = []
        self._board: Stamp | None = None
        self._smear: NDArray[np.uint8] | None = None
        self._defocus_px = 0.0

    @property
    def is_silent(self) -> bool:
        """True while the camera gives no pictures."""
        return MishapName.camera_silent in self._on

    def suffer(self, mishap: Mishap) -> None:
        """Begin or end a mishap of camera or air; others are ignored."""
        (self._on.add if mishap.on else self._on.discard)(mishap.name)
        self._world.air_ok = MishapName.air_low not in self._on
        self._world.dead = {mishap.output} if MishapName.valve_dead in self._on else set()

    def handle(self, hand: Hand, pos_mm: float) -> None:
        """What somebody does with his hands while the belt is at ``pos_mm``; what concerns the drive is ignored."""
        match hand.name:
            case HandName.clear:
                self._world.clear()
                self._stamps.clear()
                self._board, self._smear, self._defocus_px = None, None, 0.0
            case HandName.feed:
                self.handle(hand._replace(name=HandName.clear), pos_mm)
                self._world.is_fed = True
            case HandName.lay_board:
                self._board = self._painter.stamp(laid_board(hand.square_mm, hand.mm, pos_mm))
            case HandName.lay_pieces:
                self._board = None
                self._lay(hand, pos_mm)
            case HandName.smear:
                self._smear = smeared_plate(self._view)
            case HandName.wipe:
                self._smear = None
            case HandName.focus:
                self._defocus_px = hand.mm / self._view.mm_per_px

    def _lay(self, hand: Hand, pos_mm: float) -> None:
        for one in hand.pieces:
            piece = self._world.lay(one, pos_mm)
            if piece is not None:
                self._stamps[piece.truth_id] = self._painter.stamp(piece.placed)

    def switch(self, event: ValveEvent) -> None:
        """Tell the world of an output that switched."""
        self._world.switch(event)

    def step(self, motion: BeltMotion) -> None:
        """Feed, and let fall what has passed everything."""
        for piece in self._world.feed(motion.pos_mm):
            self._stamps[piece.truth_id] = self._painter.stamp(piece.placed)
        self._landed.extend(self._world.land(motion.pos_mm))
        for truth_id in [i for i, stamp in self._stamps.items() if self._is_past(stamp, motion.pos_mm)]:
            del self._stamps[truth_id]

    def expose(self, into: NDArray[np.uint8], motion: BeltMotion) -> None:
        """Fill the picture with what the camera sees at this belt position."""
        if MishapName.camera_freeze in self._on:
            np.copyto(into, self._last)
        elif MishapName.lens_covered in self._on:
            self._painter.darkness(into)
        else:
            board = [] if self._board is None else [self._board]
            self._painter.paint(into, motion.pos_mm, [*board, *self._stamps.values()])
            self._spoil(into)
        if MishapName.camera_freeze not in self._on:
            self._last = into

    def _spoil(self, into: NDArray[np.uint8]) -> None:
        """Dirt on the lens, and the lens out of focus."""
        if self._smear is not None:
            cv2.multiply(into, self._smear, into, 1 / 255)
        if self._defocus_px > 0:
            cv2.GaussianBlur(into, (0, 0), self._defocus_px, into)

    def on_belt(self) -> tuple[WorldPiece, ...]:
        """All pieces that have not landed."""
        return tuple(self._world.pieces)

    def news(self, exposures: int, skipped: int) -> LineNews:
        """What has landed and the totals; keep saying ``told`` only when it has been delivered."""
        return LineNews(tuple(self._landed), self._world.fed, exposures, skipped)

    def told(self) -> None:
        """Forget the landed pieces that were told."""
        self._landed.clear()

    def let_go(self) -> None:
        """Hold no picture any more, so that its memory can be closed."""
        self._last = np.zeros(self._view.shape, np.uint8)

    def _is_past(self, stamp: Stamp, pos_mm: float) -> bool:
        return stamp.row + round(pos_mm / self._view.mm_per_px) > self._view.height_px


def run_line(
    settings: LineSettings, ring_name: str, motion_name: str, valve_events: Port, mishaps: Port, truth: Port
) -> None:
    """Process entry: pictures into the frame ring, ``LineNews`` over ``truth``; ends on SIGTERM or with its parent.

    When it cannot start it says ``LineFailed`` over ``truth`` and exits with 2.
    """
    asked = _Asked()
    signal.signal(signal.SIGTERM, asked.note)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    take_precedence(LINE)
    ring, motion = FrameRing(settings.view.shape, settings.slots, ring_name), Motion(motion_name)
    line: Line | None = None
    try:
        line = Line(settings, sprites_of(settings))
        gc.collect()
        gc.freeze()
        _expose_all(settings, ring, motion, _Mail(line, valve_events, mishaps, truth), asked)
    except ConnectionError:
        pass
    except (AtlasError, ValueError) as cause:
        truth.send(LineFailed(f"The simulated line cannot start: {cause}"))
        sys.exit(2)
    finally:
        if line is not None:
            line.let_go()
        ring.close()
        motion.close()


def sprites_of(settings: LineSettings) -> tuple[ScrapSprite, ...]:
    """The sprites of the settings' split; raises ``hil.sprites.atlas.AtlasError``."""
    sprites = load_atlas(settings.atlas).sprites
    return tuple(sprite for sprite in sprites if settings.split in (None, sprite.split))


class _Asked:
    """Whether somebody asked this process to end."""

    def __init__(self) -> None:
        self.to_end = False

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        self.to_end = True


class _Mail:
    """Messages of the line process; when the controller is gone there are simply no more valve events."""

    def __init__(self, line: Line, valve_events: Port, mishaps: Port, truth: Port) -> None:
        self.line = line
        self._valve_events: Port | None = valve_events
        self._mishaps = mishaps
        self._truth = truth
        self._told_ns = 0

    def read(self, pos_mm: float) -> None:
        """With the belt at ``pos_mm``. Raises ConnectionError when the parent is gone."""
        for message in self._mishaps.receive():
            if isinstance(message, Mishap):
                self.line.suffer(message)
            elif isinstance(message, Hand):
                self.line.handle(message, pos_mm)
        for event in self._valves():
            if isinstance(event, ValveEvent):
                self.line.switch(event)

    def write(self, now_ns: int, exposures: int, skipped: int) -> None:
        """Ten times a second; what could not be sent is sent with the next one."""
        if now_ns - self._told_ns >= _NEWS_NS:
            self._told_ns = now_ns
            if self._truth.send(self.line.news(exposures, skipped)):
                self.line.told()

    def _valves(self) -> list[object]:
        if self._valve_events is None:
            return []
        try:
            return self._valve_events.receive()
        except ConnectionError:
            self._valve_events = None
            return []


def _still_there(motion: BeltMotion, before: BeltMotion, now_ns: int) -> BeltMotion:
    """The camera goes on when nobody tells how the belt moves; then it stands still. Time never goes back."""
    if now_ns - motion.t_ns < _STALE_NS:
        return motion if motion.t_ns >= before.t_ns else before
    return BeltMotion(max(now_ns, before.t_ns), motion.pos_mm, 0.0)


def _expose_all(settings: LineSettings, ring: FrameRing, motion: Motion, mail: _Mail, asked: _Asked) -> None:
    """One picture per period; the sequence number counts exposures, so a skipped one leaves a gap."""
    period_ns = round(1e9 / settings.fps)
    now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
    due_ns, seq, skipped = now_ns, 0, 0
    where = motion.read()
    while not asked.to_end:
        now_ns = time.monotonic_ns()  # noqa: TID251 - process loop
        if now_ns < due_ns:
            time.sleep((due_ns - now_ns) * 1e-9)  # noqa: TID251 - process loop
        missed = max(0, now_ns - due_ns) // period_ns
        seq, skipped, due_ns = seq + 1 + missed, skipped + missed, due_ns + (1 + missed) * period_ns
        where = _still_there(motion.read(), where, max(now_ns, due_ns - period_ns))
        mail.read(where.pos_mm)
        if not mail.line.is_silent:
            mail.line.expose(ring.begin(), where)
            ring.commit(seq, where.t_ns, None)
        mail.line.step(where)
        mail.write(now_ns, seq, skipped)
