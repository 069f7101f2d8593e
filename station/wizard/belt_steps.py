"""The steps about the belt: how many ticks a millimetre has, then whether picture and encoder agree while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from station import setup
from station.marked import marked
from station.wizard.words import BeltFollowed, FollowBelt, Found, MeasureRefused, ReadTick, Task, TickRead
from station.wizard.work import Bench, Given, Proof, needed, unknown
from vision.board import downstream_per_px

_TAPE_MM = 1.0
_SHORTEST_MM = 100.0
_FEWEST_TURNS = 2
_WORST_SHARE = 0.005
_SLIP = 0.01
_UNEVEN_MM = 3.0
_LEAST_QUALITY = 0.2


class Turn(NamedTuple):
    """The belt was turned by ``mm``, and the encoder counted ``ticks``."""

    ticks: int
    mm: float


class TicksFit(NamedTuple):
    """``sd`` is the standard deviation of the scale: how far the turns part, and a tape read to a millimetre."""

    ticks_per_mm: float
    sd: float


def fit_ticks(turns: Sequence[Turn]) -> TicksFit:
    """Line through the origin, least squares; ``ticks_per_mm`` is negative when the counter runs backwards."""
    square = sum(turn.mm**2 for turn in turns)
    scale = sum(turn.ticks * turn.mm for turn in turns) / square
    tape = abs(scale) * _TAPE_MM / math.sqrt(square)
    if len(turns) < 2:
        return TicksFit(scale, tape)
    spread = sum((turn.ticks - scale * turn.mm) ** 2 for turn in turns) / (len(turns) - 1)
    return TicksFit(scale, math.hypot(tape, math.sqrt(spread / square)))


class EncoderWork:
    """Turns of known length: ticks per millimetre, and whether it counts forwards."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._from: TickRead | None = None
        self._length_mm: float | None = None
        self._turns: list[Turn] = []

    def ask(self, what: str, given: Given) -> Task | None:
        match what:
            case "from":
                self._length_mm = None
            case "to":
                if self._from is None:
                    raise MeasureRefused(marked("Read the count before the turn first."))
                self._length_mm = needed(given.length_mm, "how far the belt was turned")
                if self._length_mm < _SHORTEST_MM:
                    raise MeasureRefused(marked("Turn the belt by at least 100 mm; 1000 mm is better."))
            case "again":
                self._turns, self._from = [], None
                return None
            case _:
                raise unknown(what)
        return ReadTick()

    def take(self, found: Found) -> None:
        if not isinstance(found, TickRead):
            return
        if self._length_mm is None or self._from is None:
            self._from = found
            return
        if found.epoch != self._from.epoch:
            self._from = None
            raise MeasureRefused(marked("The counter was set anew in between. Read the count before the turn again."))
        self._turns.append(Turn(found.tick - self._from.tick, self._length_mm))
        self._from, self._length_mm = found, None

    def proof(self) -> Proof | None:
        if not self._turns:
            return None
        fit = fit_ticks(self._turns)
        figures: dict[str, object] = {
            "ticks_per_mm": round(fit.ticks_per_mm, 4),
            "sd": round(fit.sd, 4),
            "share": round(fit.sd / abs(fit.ticks_per_mm), 5) if fit.ticks_per_mm else 1.0,
            "turns": len(self._turns),
        }
        said = setup.expected_identity(self._bench.config).ticks_per_mm
        changes: dict[str, object] = {"ticks_per_mm": round(fit.ticks_per_mm, 5), "nominal_ticks_per_mm": said}
        complaint = self._complaint(fit)
        return Proof(complaint is None, complaint or _TICKS_GOOD, figures, changes)

    def _complaint(self, fit: TicksFit) -> str | None:
        if len({turn.ticks > 0 for turn in self._turns if turn.ticks}) > 1:
            return marked("One turn went the other way: turn the belt the way it runs, every time. Begin again.")
        if abs(fit.ticks_per_mm) < 1e-6:
            return marked("The encoder did not count. Look at its coupling and its cable.")
        if fit.ticks_per_mm < 0:
            return marked("The count falls when the belt runs forward: swap tracks A and B of the encoder, then again.")
        if len(self._turns) < _FEWEST_TURNS:
            return marked("Turn the belt by a known length once more, to see how well it repeats.")
        if fit.sd / fit.ticks_per_mm > _WORST_SHARE:
            return marked("The turns differ too much: measure more exactly, or turn further. Begin again.")
        return None

    def told(self) -> dict[str, object]:
        start = None if self._from is None else self._from.tick
        return {"from": start, "turns": [[turn.ticks, turn.mm] for turn in self._turns]}


_TICKS_GOOD = marked("The encoder counts forwards and the turns agree.")


class SpeedWork:
    """The same way by encoder and by picture: no slip, and both scales right."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._seen: BeltFollowed | None = None

    def ask(self, what: str, given: Given) -> Task | None:
        if what != "follow":
            raise unknown(what)
        self._seen = None
        return FollowBelt(downstream_per_px(setup.geometry(self._bench.config))[1])

    def take(self, found: Found) -> None:
        if isinstance(found, BeltFollowed):
            self._seen = found

    def proof(self) -> Proof | None:
        seen = self._seen
        if seen is None:
            return None
        slip = seen.encoder_mm / seen.picture_mm - 1 if seen.picture_mm else 1.0
        figures: dict[str, object] = {
            "speed_mm_s": round(seen.encoder_mm / seen.seconds, 1) if seen.seconds else 0.0,
            "slowest_mm_s": round(seen.slowest_mm_s, 1),
            "fastest_mm_s": round(seen.fastest_mm_s, 1),
            "slip": round(slip, 5),
            "residual_mm": round(seen.residual_mm, 2),
            "way_mm": round(seen.encoder_mm, 1),
            "quality": round(seen.quality, 2),
        }
        complaint = _belt_complaint(seen, slip)
        return Proof(complaint is None, complaint or _SPEED_GOOD, figures)

    def told(self) -> dict[str, object]:
        return {"off_mm": [] if self._seen is None else list(self._seen.off_mm)}


_SPEED_GOOD = marked("Encoder and picture agree on how far the belt ran.")


def _belt_complaint(seen: BeltFollowed, slip: float) -> str | None:
    if seen.quality < _LEAST_QUALITY:
        return marked("The belt shows too little texture to be followed: chalk some marks onto it and try again.")
    if abs(slip) > _SLIP:
        return marked(
            "Encoder and picture disagree by more than 1 %: the wheel slips, or board or encoder step is wrong."
        )
    if seen.residual_mm > _UNEVEN_MM:
        return marked(
            "Encoder and picture part now and then: press the measuring wheel onto the belt, check its coupling."
        )
    return None
