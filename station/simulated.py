"""The built-in simulated line as the parent process sees it: two processes, shared memory, and the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from control.types import Ejector, MachineLost
from hil.board_bench import BoardReady
from hil.drive import DriveSettings, EncoderSettings
from hil.emulator import EmulatorSettings
from hil.feeder import FeederSettings
from hil.footage import FootageSettings
from hil.landings import Landings
from hil.line import Line, LineSettings, run_line, sprites_of
from hil.look import Look, View
from hil.mishaps import MishapScript, ScriptedMishap
from hil.motion import Motion
from hil.types import (
    BeltMotion,
    EmulatorFailed,
    EmulatorReady,
    Hand,
    HandName,
    LaidPiece,
    LineNews,
    Mishap,
    MishapName,
)
from hil.world import WorldSettings
from station import setup
from station.config import Config, ConfigError
from station.crew import Member, start_member
from station.emulation import Emulated, emulated_machine, process_of
from station.link import Link, open_link
from station.mass_truth import Weighed
from station.sections import LineSection, MishapStep
from station.types import Truth
from station.web.view import Mishap as PageMishap
from station.wiring import RingCameraChoice
from station.wizard.hands import HandGiven, HandWord
from vision.frame_ring import FrameRing
from vision.labels import WORLD, Label

_SLOTS = 6
_READY_S = 30.0
_RUN_UP_MM = 1500.0
_CAUSES = {
    PageMishap.estop: MishapName.estop,
    PageMishap.guard_open: MishapName.guard_open,
    PageMishap.camera_frozen: MishapName.camera_freeze,
    PageMishap.lens_covered: MishapName.lens_covered,
    PageMishap.controller_silent: MishapName.silent,
}


_BLUR_MM = 1.2
_HANDS = {
    HandWord.lay_board: HandName.lay_board,
    HandWord.turn_belt: HandName.turn_belt,
    HandWord.lay_pieces: HandName.lay_pieces,
    HandWord.dirty_lens: HandName.smear,
    HandWord.clean_lens: HandName.wipe,
    HandWord.blur: HandName.focus,
    HandWord.sharpen: HandName.focus,
    HandWord.set_speed: HandName.set_speed,
}


class SimulatedLine:
    """Started when entered, ended when left; raises MachineLost when the emulated controller cannot listen."""

    is_simulated = True
    has_mishaps = True

    def __init__(self, config: Config) -> None:
        section = line_section(config)
        self._config = config
        self._view = View(section.width_px, section.height_px, section.mm_per_px)
        self._ring = FrameRing(self._view.shape, _SLOTS)
        self._motion = Motion()
        self._landings = Landings()
        self._members: dict[str, Member] = {}
        self._truth_link: Link | None = None
        self._script = MishapScript([_scripted(step) for step in section.mishaps])
        self._begun_ns = 0
        self.camera = RingCameraChoice(self._ring.name, self._view.shape, _SLOTS)
        self.machine = setup.machine_settings(config)
        self.starts_at_once = section.starts_at_once

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._truth_link is not None:
            self._truth_link.close()
        for member in self._members.values():
            member.end()
        self._motion.close()
        self._ring.close()

    @property
    def members(self) -> tuple[Member, ...]:
        """The processes of the line, for the meter."""
        return tuple(self._members.values())

    def position_mm(self) -> float:
        """How far the belt has truly run."""
        return self._motion.read().pos_mm

    def cause(self, mishap: PageMishap, on: bool) -> None:
        """Begin or end a mishap, at whichever part of the line it happens to."""
        for member in self._members.values():
            member.link.send(Mishap(_CAUSES[mishap], on))

    def handle(self, given: HandGiven) -> None:
        """What a technician does with his hands, at whichever part of the line it is."""
        pieces = tuple(LaidPiece(*piece) for piece in given.pieces)
        mm = _BLUR_MM if given.word is HandWord.blur else 0.0 if given.word is HandWord.sharpen else given.mm
        self._do(Hand(_HANDS[given.word], mm, given.square_mm, pieces))

    def empty(self, is_empty: bool) -> None:
        """The feeder stands and the belt is empty, or it is fed again."""
        self._do(Hand(HandName.clear if is_empty else HandName.feed))

    def fallen(self, pieces: int) -> tuple[str, ...]:
        """Outlets of so many pieces that landed last, in the order in which they lay on the belt."""
        self._hear()
        last = sorted(self._landings.last(pieces), key=lambda piece: piece.at_mm)
        return tuple(piece.outlet for piece in last)

    def _do(self, hand: Hand) -> None:
        for member in self._members.values():
            member.link.send(hand)

    def tend(self) -> None:
        """Let happen what the script says."""
        since_s = (time.monotonic_ns() - self._begun_ns) / 1e9  # noqa: TID251 - the script's own clock
        for mishap in self._script.due(since_s, self.position_mm()):
            for member in self._members.values():
                member.link.send(mishap)

    def labels(self) -> tuple[Label, ...]:
        """What fell last (a million pieces at most), counted as the encoder does from its start; sizes are not told."""
        self._hear()
        encoder = _encoder(self._config)
        return tuple(
            Label(
                round(encoder.start_count + piece.at_mm * encoder.ticks_per_mm),
                piece.across_mm, 0.0, 0.0, piece.label, WORLD, "",
            )
            for piece in self._landings.last()
        )  # fmt: skip

    def sort_by(self, config: Config) -> None:
        """What belongs where, from now on."""
        self._config = config

    def truth(self, since_mm: float | None) -> Mapping[str, Truth] | None:
        """Purity and recovery by outlet of what passed the datum line after ``since_mm``; None before that."""
        self._hear()
        if since_mm is None:
            return None
        found = self._landings.truth(since_mm, self._targets())
        return {outlet: Truth(*truth) for outlet, truth in found.items()}

    def true_masses(self) -> tuple[Weighed, ...]:
        """The pieces that fell last (a million at most), each at its tick: the belt stands at 0 when the sorter reads
        its first count."""
        ticks_per_mm = _encoder(self._config).ticks_per_mm
        return tuple(
            Weighed(round(piece.at_mm * ticks_per_mm), piece.across_mm, piece.mass_g) for piece in self._landings.last()
        )

    def _targets(self) -> dict[str, tuple[str, ...]]:
        """Which labels belong into which outlet; what no rule names belongs to the rest."""
        recipe = self._config.recipe
        targets = {rule.outlet: tuple(rule.labels) for rule in recipe.rules}
        ruled = {label for labels in targets.values() for label in labels}
        fed = line_section(self._config).feed.mix
        return targets | {recipe.rest_outlet: tuple(label for label in fed if label not in ruled)}

    def _hear(self) -> None:
        if self._truth_link is None:
            return
        try:
            news = self._truth_link.receive()
        except ConnectionError:
            return
        for message in news:
            if isinstance(message, LineNews):
                self._landings.add(message.landed)

    def _start(self) -> None:
        events_in, events_out = open_link()
        self._start_emulator(events_in)
        truth_end, self._truth_link = open_link()
        mishap_end, mishap_here = open_link()
        shared = (self._ring.name, self._motion.name, events_out, mishap_end, truth_end)
        self._members["line"] = start_member("line", run_line, (line_settings(self._config), *shared), mishap_here)
        for end in (events_out, mishap_end, truth_end):
            end.close()
        self._await(lambda: self._ring.newest(0) is not None, "The simulated camera did not start")
        self._begun_ns = time.monotonic_ns()  # noqa: TID251 - the script's own clock

    def _start_emulator(self, events: Link) -> None:
        end, here = open_link()
        settings = _controller(self._config)
        shared = (settings, self._motion.name, events, end)
        self._members["controller"] = start_member("controller", process_of(settings), shared, here)
        end.close()
        events.close()
        self._await(lambda: _is_ready(here), "The simulated controller did not start")

    def _await(self, ready: Callable[[], bool], complaint: str) -> None:
        """Wait until a process has come up; raises MachineLost when one has ended or takes too long."""
        deadline = time.monotonic() + _READY_S  # noqa: TID251 - waiting for a process to come up
        while not ready():
            alive = all(member.process.is_alive() for member in self._members.values())
            if not alive or time.monotonic() > deadline:  # noqa: TID251
                raise MachineLost(f"{complaint}; look at the messages above and try again.")
            time.sleep(0.01)  # noqa: TID251


def _scripted(step: MishapStep) -> ScriptedMishap:
    return ScriptedMishap(MishapName(step.name), step.at_s, step.at_mm, step.for_s, step.output)


def _is_ready(link: Link) -> bool:
    """True when the controller says so; raises MachineLost when it says why not."""
    try:
        messages = link.receive()
    except ConnectionError:
        return False
    for message in messages:
        if isinstance(message, EmulatorFailed):
            raise MachineLost(message.sentence)
    return any(isinstance(message, EmulatorReady | BoardReady) for message in messages)


def painted_frames(config: Config, seconds: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(belt position in mm, picture) of the simulated line at its rate, as fast as they can be painted."""
    settings = line_settings(config)
    section = line_section(config)
    line = Line(settings, sprites_of(settings))
    picture = np.empty(settings.view.shape, np.uint8)
    for number in range(round(seconds * section.fps)):
        pos_mm = _RUN_UP_MM + number * section.speed_mm_s / section.fps
        motion = BeltMotion(0, pos_mm, section.speed_mm_s)
        line.step(motion)
        line.expose(picture, motion)
        yield pos_mm, picture


def line_section(config: Config) -> LineSection:
    """The simulated line of a station file; raises ConfigError when it has none."""
    if config.file.line is None:
        raise ConfigError(f"{config.path}  line  this station has no simulated line: choose a file that has one")
    return config.file.line


def line_settings(config: Config) -> LineSettings:
    """The world and its camera."""
    section = line_section(config)
    feeder = FeederSettings(
        pieces_per_s=section.feed.pieces_per_s,
        speed_mm_s=section.speed_mm_s,
        touching=section.feed.touching,
        mix=tuple(section.feed.mix.items()),
        seed=section.seed,
    )
    world = WorldSettings(feeder, _installed(config), config.recipe.rest_outlet)
    view = View(section.width_px, section.height_px, section.mm_per_px)
    return LineSettings(world, Look(seed=section.seed, belt="worn"), view, section.fps, _SLOTS)


def _installed(config: Config) -> tuple[Ejector, ...]:
    """The ejectors where they really are and as slow as they really are."""
    true = line_section(config).installed
    return tuple(
        ejector._replace(
            distance_mm=true.distance_mm.get(ejector.outlet, ejector.distance_mm),
            delay_ms=true.delay_ms.get(ejector.outlet, ejector.delay_ms),
        )
        for ejector in setup.ejectors(config)
    )


def footage_settings(config: Config) -> FootageSettings:
    """The same line, to be recorded."""
    return FootageSettings(line_settings(config), _drive(config), _encoder(config))


def _drive(config: Config) -> DriveSettings:
    section = line_section(config)
    profile = tuple((step.since_s, step.factor) for step in section.speed_profile)
    return DriveSettings(speed_mm_s=section.speed_mm_s, wow=section.speed_jitter, profile=profile)


def _encoder(config: Config) -> EncoderSettings:
    """As installed; the controller says what the station expects of it."""
    section, identity = line_section(config), setup.expected_identity(config)
    true = section.installed.ticks_per_mm or config.calibration.ticks_per_mm
    return EncoderSettings(true, identity.counter_bits, section.start_count, identity.ticks_per_mm)


def _controller(config: Config) -> Emulated:
    """What plays the machine this station is set up for."""
    return emulated_machine(config, _drive(config), _encoder(config))


def emulator_settings(config: Config) -> EmulatorSettings:
    """The emulated controller of a station file that speaks Modbus TCP."""
    settings = _controller(config)
    assert isinstance(settings, EmulatorSettings), type(settings)
    return settings
