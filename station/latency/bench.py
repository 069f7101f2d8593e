"""The latency bench: the whole chain but the picture, at speed and under load, against what truly happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from control.process import ControlStatus
from control.types import Ejector, EjectorKind, MachineLost, Outcome, Recipe, Rule
from hil.emulator import EmulatorSettings
from station import setup
from station.children import ControlSetup, control_main
from station.config import Config, ConfigError
from station.crew import start_member
from station.latency.figures import Blast, Quantiles, blasts_of, misses_mm, quantiles, seen_off_mm, too_long
from station.latency.line import BenchLine
from station.latency.paper import JobTally, PaperBelt, PaperSetup, paper_vision_main
from station.link import open_link
from station.plan import Plan
from station.simulated import emulator_settings, line_section
from station.types import Finish, Finished, PieceRecord, State, Status

_SENSE_MM = 640.0
_WARM_S = 60.0
_LAST_WORDS_S = 10.0
_BEHIND_MM = 0.5
_STEADY = 0.03
_MOST = 0.97
_SETTLED_NS = 600_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """``seconds`` of sorting are measured, after the belt has been purged."""

    seconds: float
    speed_mm_s: float
    shots_per_s: float
    hogs: int


class Figures(NamedTuple):
    """What the bench measured; ``bars`` says of each promise whether it was kept."""

    pieces: int
    outcomes: dict[str, int]
    jobs: JobTally
    behind_mm_p999: float
    behind_mm_max: float
    openings: int
    placement_mm: Quantiles
    placement_bias_mm: float
    ramping_mm: Quantiles
    seen_mm: Quantiles
    expected_openings: int
    troubles: tuple[str, ...]
    too_long: int
    longest_on_ms: float
    slack_ms_least: float
    slack_ms_p50: float
    round_trip_us_p50: float
    round_trip_us_p99: float
    polls: int
    late_polls: int
    control_fifo: bool
    controller_fifo: bool
    controller_late_us_p99: float
    bars: dict[str, bool]


def load_of(config: Config, load: Load) -> Config:
    """The same station with a belt of this speed."""
    line = line_section(config).model_copy(update={"speed_mm_s": load.speed_mm_s, "speed_profile": []})
    if load.speed_mm_s * 1.1 > config.file.sorting.max_speed_mm_s:
        raise ConfigError(
            f"{config.path}  sorting.max_speed_mm_s  {config.file.sorting.max_speed_mm_s:g} is no plausible limit for "
            f"a belt at {load.speed_mm_s:g} mm/s: raise it or bench a slower belt"
        )
    return config.model_copy(update={"file": config.file.model_copy(update={"line": line})})


def paper_setup(plan: Plan, load: Load, motion: str) -> PaperSetup:
    """The sorter of this station, with every valve in turn served by a class of its own outlet."""
    settings = setup.sorter_settings(plan, first_piece=1)
    valves = tuple(e for e in settings.ejectors if e.kind is EjectorKind.valve)
    if not valves:
        raise ConfigError(f"{plan.config.path}  banks  the bench needs valves")
    label_of = _labels(settings.labels, valves, settings.recipe)
    belt = PaperBelt(
        ejectors=valves,
        labels=tuple(label_of[valve.outlet] for valve in valves),
        spacing_mm=load.speed_mm_s / load.shots_per_s,
        view_mm=max(_SENSE_MM, settings.decision_mm + 80.0),
    )
    names = {settings.labels[n]: outlet for outlet, n in label_of.items()}
    rules = tuple(Rule((label,), outlet, 0.5) for label, outlet in names.items())
    recipe = replace(settings.recipe, rules=rules, costs=(), stop_labels=())
    return PaperSetup(replace(settings, recipe=recipe), belt, motion, line_section(plan.config).fps)


def _labels(labels: tuple[str, ...], valves: tuple[Ejector, ...], recipe: Recipe) -> dict[str, int]:
    """A label for each outlet: one of its rule's, else any that is left."""
    free = list(range(len(labels)))
    found: dict[str, int] = {}
    for outlet in dict.fromkeys(valve.outlet for valve in valves):
        wanted = {label for rule in recipe.rules if rule.outlet == outlet for label in rule.labels}
        best = next((n for n in free if labels[n] in wanted), free[0])
        free.remove(best)
        found[outlet] = best
    return found


class Chain:
    """Vision and control of the bench, and all they have said."""

    def __init__(self, paper: PaperSetup, control: ControlSetup) -> None:
        to_control, to_vision = open_link()
        vision_end, vision_here = open_link()
        control_end, control_here = open_link()
        self.vision = start_member("vision", paper_vision_main, (paper, to_control, vision_end), vision_here)
        self.control = start_member("control", control_main, (control, to_vision, control_end), control_here)
        for end in (to_control, to_vision, vision_end, control_end):
            end.close()
        self.records: list[PieceRecord] = []
        self.polls: list[ControlStatus] = []
        self.tally: JobTally | None = None
        self.status: Status | None = None
        self.troubles: list[str] = []
        self.finished = False

    def hear(self) -> None:
        """Raises ConnectionError when one of them is gone."""
        for message in self.vision.link.receive():
            match message:
                case PieceRecord():
                    self.records.append(message)
                case Status():
                    self.status = message
                    self.troubles += [f"{fault.code} {fault.detail}".strip() for fault in message.faults]
                case JobTally():
                    self.tally = message
                case Finished():
                    self.finished = True
        self.polls += [message for message in self.control.link.receive() if isinstance(message, ControlStatus)]

    def end(self) -> None:
        for member in (self.vision, self.control):
            member.end()


def emulator_of(config: Config) -> EmulatorSettings:
    """The station's emulated controller on any free port; what it finds half a millimetre late it does not fire."""
    settings = emulator_settings(config)
    limit = round(_BEHIND_MM * config.calibration.ticks_per_mm)
    return replace(settings, port=0, controller=replace(settings.controller, late_limit_counts=limit))


def wait_until(done: Callable[[], bool], hear: Callable[[], None], seconds: float, what: str) -> None:
    """Raises MachineLost when it does not happen in time."""
    deadline = time.monotonic() + seconds  # noqa: TID251 - a process loop
    while not done():
        if time.monotonic() > deadline:  # noqa: TID251
            raise MachineLost(f"The bench waited {seconds:.0f} s in vain until {what}.")
        hear()
        time.sleep(0.01)  # noqa: TID251


def measure(plan: Plan, load: Load, line: BenchLine, say: Callable[[str], None]) -> Figures:
    """Sort pieces on paper for a while; what was promised, done and seen to be done."""
    paper = paper_setup(plan, load, line.motion)
    chain = Chain(paper, setup.control_setup(plan.config, line.machine))

    def hear() -> None:
        line.hear()
        chain.hear()

    try:
        wait_until(lambda: _is_sorting(chain), hear, _WARM_S, "the line sorts")
        say(f"Sorting for {load.seconds:g} s ...")
        _go_on(load.seconds, hear)
        stopped_ns = time.monotonic_ns()  # noqa: TID251 - what is on now is cut short by the stop
        chain.vision.link.send(Finish())
        wait_until(lambda: chain.finished, hear, _LAST_WORDS_S, "every piece had its record")
        line.hear()
    except ConnectionError as gone:
        raise MachineLost("A process of the bench ended by itself; look at the messages above.") from gone
    finally:
        chain.end()
    return _figures(plan, line, chain, paper, load, stopped_ns)


def _is_sorting(chain: Chain) -> bool:
    return chain.status is not None and chain.status.state is State.running


def _go_on(seconds: float, hear: Callable[[], None]) -> None:
    end = time.monotonic() + seconds  # noqa: TID251 - a process loop
    while time.monotonic() < end:  # noqa: TID251
        hear()
        time.sleep(0.005)  # noqa: TID251


def _figures(plan: Plan, line: BenchLine, chain: Chain, paper: PaperSetup, load: Load, stopped_ns: int) -> Figures:
    tally = chain.tally
    assert tally is not None, "it is sent before the last word"
    limits = line_limits(plan.config)
    blasts = blasts_of(line.events, paper.belt.ejectors)
    whole = [blast for blast in blasts if blast.closed_ns < stopped_ns]
    at_speed = _at_speed(whole, plan.config)
    misses = misses_mm(at_speed, paper.belt)
    steady_ns = min((blast.opened_ns for blast in at_speed), default=stopped_ns)
    ramping = misses_mm([blast for blast in whole if blast.opened_ns < steady_ns], paper.belt)
    slack = sorted(r.slack_ms for r in chain.records if r.slack_ms is not None and r.ejection is not None)
    per_mm = plan.config.calibration.ticks_per_mm
    last, trips = chain.polls[-1], sorted(poll.round_trip_us_p99 for poll in chain.polls[1:] or chain.polls)
    over = too_long(blasts, limits)
    expected = round(load.seconds * load.shots_per_s)
    placement = quantiles(misses)
    return Figures(
        pieces=len(chain.records),
        outcomes={outcome.value: n for outcome in Outcome if (n := sum(r.outcome is outcome for r in chain.records))},
        jobs=tally,
        behind_mm_p999=tally.behind_p999 / per_mm,
        behind_mm_max=tally.behind_max / per_mm,
        openings=len(blasts),
        placement_mm=placement,
        placement_bias_mm=sum(misses) / len(misses) if misses else 0.0,
        ramping_mm=quantiles(ramping),
        seen_mm=quantiles(seen_off_mm([record.piece.at / per_mm for record in chain.records], paper.belt.spacing_mm)),
        expected_openings=expected,
        troubles=tuple(dict.fromkeys(chain.troubles)),
        too_long=over,
        longest_on_ms=max((blast.on_ms for blast in blasts), default=0.0),
        slack_ms_least=slack[0] if slack else 0.0,
        slack_ms_p50=slack[len(slack) // 2] if slack else 0.0,
        round_trip_us_p50=last.round_trip_us_p50,
        round_trip_us_p99=trips[len(trips) // 2],
        polls=last.polls,
        late_polls=last.late_polls,
        control_fifo=last.fifo,
        controller_fifo=all(status.fifo for status in line.statuses),
        controller_late_us_p99=max((status.late_us_p99 for status in line.statuses), default=0.0),
        bars={
            "sorted all the time": len(blasts) >= _MOST * expected,
            "every job exactly one result": tally.sent > 0 and tally.once == tally.sent,
            "placement p99.9 at most 1 mm": bool(misses) and placement.p999 <= 1.0,
            "no shot fired late": tally.behind_max <= _BEHIND_MM * per_mm,
            "no output on longer than its limit": over == 0,
        },
    )


def _at_speed(blasts: list[Blast], config: Config) -> list[Blast]:
    """Those fired at the speed that was asked for, after the belt has run at it for a while; the rest are ramps."""
    wanted = line_section(config).speed_mm_s
    off = [b.opened_ns for b in blasts if abs(b.speed_mm_s - wanted) > _STEADY * wanted]
    settled_ns = (max(off) if off else blasts[0].opened_ns - _SETTLED_NS if blasts else 0) + _SETTLED_NS
    return [blast for blast in blasts if blast.opened_ns > settled_ns]


def line_limits(config: Config) -> tuple[float, ...]:
    """Longest time on by output that the controller itself enforces."""
    return emulator_settings(config).controller.longest_on_ms
